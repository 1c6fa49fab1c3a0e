"""Payment methods that customers leave with a merchant: attached, made the default, detached."""

from dataclasses import dataclass
from uuid import UUID

from msgspec import to_builtins

from tallystick.journal import Asked, Origin
from tallystick.payments.customers import store as customer_store
from tallystick.payments.customers.decisions import (
    Facts,
    choose_method,
    chosen_method,
    decide_attachment,
    decide_default,
    decide_detachment,
    is_saved,
    no_consent,
    require_room,
)
from tallystick.payments.customers.facts import MethodAttached
from tallystick.payments.customers.folds import CUSTOMERS, PAYMENT_METHODS
from tallystick.payments.customers.model import (
    Caller,
    Chosen,
    CustomerRow,
    MethodWish,
    PaymentMethodRow,
    Saved,
)
from tallystick.payments.customers.records import NOBODY, CustomerRecords
from tallystick.payments.customers.tokens import (
    CardDetails,
    is_wallet,
    safe_details,
    saved_kind,
    wallet_behind,
)
from tallystick.payments.errors import Invalid, NotFound
from tallystick.platform.ids import MalformedId, parse_typeid
from tallystick.platform.postgres.pools import Database
from tallystick.wallets import rail as wallet_rail


@dataclass(frozen=True)
class PaymentMethods:
    """The verbs of payment methods."""

    records: CustomerRecords

    async def attach(
        self,
        customer_id: UUID,
        token: str,
        *,
        card: CardDetails | None = None,
        upi_handle: str | None = None,
        make_default: bool = False,
        merchant_id: UUID | None = None,
        asked: Asked | None = None,
        origin: Origin = NOBODY,
    ) -> Saved[PaymentMethodRow]:
        """Keep a token for a customer, with what may be shown of it; the first is the default.

        A wallet is saved by the operator alone (`merchant_id` None), who answers for its owner's
        consent. Raises NotFound (also wallet_not_found), Invalid (invalid_payment_method,
        too_many_payment_methods), NotPossible (customer_closed, payment_method_attached,
        wallet_consent_missing).
        """
        details = to_builtins(safe_details(token, card, upi_handle))
        method_id = self.records.new_id(customer_id)

        async def decide() -> Facts:
            customer = await self._customer(customer_id, merchant_id)
            if is_wallet(token):
                await self._require_consent(token, merchant_id)
            await self.records.clear_text(customer)
            require_room(customer, token, await self.list_attached(customer.id))
            attached = MethodAttached(
                merchant_id=customer.merchant_id,
                customer_id=customer.id,
                method_kind=saved_kind(token),
                token=token,
                sealed=await self.records.journal.seal(customer.id, details),
            )
            return decide_attachment(customer, method_id, attached, make_default=make_default)

        return await self.records.record(PAYMENT_METHODS, decide, asked, origin)

    async def set_default(
        self,
        method_id: UUID,
        *,
        merchant_id: UUID | None = None,
        asked: Asked | None = None,
        origin: Origin = NOBODY,
    ) -> Saved[CustomerRow]:
        """Make it what its customer pays with unless told; answers with the customer.

        Raises NotFound, NotPossible (payment_method_detached, customer_closed).
        """

        async def decide() -> Facts:
            method = await self._load(method_id, merchant_id)
            return decide_default(await self._customer(method.customer_id, merchant_id), method)

        return await self.records.record(CUSTOMERS, decide, asked, origin)

    async def detach(
        self,
        method_id: UUID,
        *,
        merchant_id: UUID | None = None,
        asked: Asked | None = None,
        origin: Origin = NOBODY,
    ) -> Saved[PaymentMethodRow]:
        """Pay with it no more; payments made with it stay as they are.

        Raises NotFound, NotPossible (payment_method_detached).
        """

        async def decide() -> Facts:
            method = await self._load(method_id, merchant_id)
            return decide_detachment(await self._customer(method.customer_id, merchant_id), method)

        return await self.records.record(PAYMENT_METHODS, decide, asked, origin)

    async def get(
        self, method_id: UUID, *, merchant_id: UUID | None = None
    ) -> Saved[PaymentMethodRow]:
        """One payment method; `merchant_id` None is the operator. Raises NotFound."""
        row = await self._load(method_id, merchant_id)
        return await self.records.shown(row, leniently=False)

    async def list_methods(
        self, customer_id: UUID, *, merchant_id: UUID | None = None, attached_only: bool = False
    ) -> tuple[Saved[PaymentMethodRow], ...]:
        """A customer's payment methods, the latest first. Raises NotFound."""
        customer = await self._customer(customer_id, merchant_id)
        found = await customer_store.list_payment_methods(
            self.records.database, customer.id, attached_only=attached_only
        )
        return tuple([await self.records.shown(row) for row in found])

    async def list_attached(self, customer_id: UUID) -> tuple[PaymentMethodRow, ...]:
        """The rows of what a customer can pay with."""
        return await customer_store.list_payment_methods(
            self.records.database, customer_id, attached_only=True
        )

    async def _require_consent(self, token: str, merchant_id: UUID | None) -> None:
        if merchant_id is not None:
            raise no_consent()
        if await wallet_rail.find_wallet(self.records.database, wallet_behind(token)) is None:
            raise NotFound("there is no such wallet", "wallet_not_found")

    async def _customer(self, customer_id: UUID, merchant_id: UUID | None) -> CustomerRow:
        row = await customer_store.find_customer(self.records.database, customer_id)
        if row is None or merchant_id not in (None, row.merchant_id):
            raise NotFound("there is no such customer", "customer_not_found")
        return row

    async def _load(self, method_id: UUID, merchant_id: UUID | None) -> PaymentMethodRow:
        row = await customer_store.find_payment_method(self.records.database, method_id)
        if row is None or merchant_id not in (None, row.merchant_id):
            raise NotFound("there is no such payment method", "payment_method_not_found")
        return row


async def find_chosen(database: Database, merchant_id: UUID, wish: MethodWish) -> Chosen:
    """What a payment of this merchant is to be made with. Never raises: it may be a refusal.

    A token by itself costs no look at the database.
    """
    if wish.method is not None and is_wallet(wish.method):
        try:
            wallet_behind(wish.method)
        except Invalid as refusal:
            return Chosen(refusal=refusal)
        return await _find_wallet(database, merchant_id, wish, wish.method)
    if wish.customer_id is None and not wish.off_session and _is_complete(wish):
        return Chosen(wish.method or "")
    try:
        method_id = _saved_id(wish.method)
    except MalformedId:
        detail = "a saved method is named like pm_..."
        return Chosen(refusal=Invalid(detail, "invalid_payment_method"))
    if wish.customer_id is None:
        return choose_method(wish, merchant_id, None, None)
    found = await customer_store.find_to_pay_with(database, wish.customer_id, method_id)
    return choose_method(wish, merchant_id, *found)


async def _find_wallet(
    database: Database, merchant_id: UUID, wish: MethodWish, token: str
) -> Chosen:
    """A wallet, as the saved method that it is; by itself for an operator alone."""
    is_payers = wish.caller is Caller.PAYER and wish.customer_id is None
    saved = None
    if not is_payers:
        saved = await customer_store.find_saved_wallet(
            database, merchant_id, token, wish.customer_id
        )
    if saved is not None:
        return chosen_method(saved, wish)
    if wish.caller is not Caller.OPERATOR:
        return Chosen(refusal=no_consent())
    if wish.customer_id is None and not wish.off_session:
        return Chosen(token)
    customer = None
    if wish.customer_id is not None:
        customer, _ = await customer_store.find_to_pay_with(database, wish.customer_id, None)
    return choose_method(wish, merchant_id, customer, None)


def _is_complete(wish: MethodWish) -> bool:
    return not wish.needed if wish.method is None else not is_saved(wish.method)


def _saved_id(method: str | None) -> UUID | None:
    return parse_typeid("pm", method) if method is not None and is_saved(method) else None
