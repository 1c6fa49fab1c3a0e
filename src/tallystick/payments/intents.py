"""Intents: what a merchant wants to be paid, from the wish to the money."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from msgspec import structs

from tallystick.identity import Merchant
from tallystick.journal import Asked, Origin
from tallystick.payments.client_secrets import ClientSecrets
from tallystick.payments.customers.model import Caller, Chosen, MethodWish
from tallystick.payments.customers.payment_methods import find_chosen
from tallystick.payments.customers.tokens import ORDINARY_KINDS, payable_kind
from tallystick.payments.decisions import (
    Terms,
    Wish,
    require_currency,
)
from tallystick.payments.errors import NotPossible, PaymentBusy
from tallystick.payments.fees.plan_folds import PlanBook
from tallystick.payments.intent_decisions import (
    IntentTerms,
    decide_cancel_intent,
    decide_confirm,
    decide_intent,
    method_to_confirm,
)
from tallystick.payments.list_store import EVERYTHING, Filters, list_page
from tallystick.payments.model import Answer, IntentRow, PaymentRow
from tallystick.payments.operations import NOBODY, Operations
from tallystick.payments.pages import PAGE_MAX, Page
from tallystick.payments.requests import Request, answer_refused, loads_new, seal, shown
from tallystick.payments.return_urls import require_return_url
from tallystick.payments.steps import Case, Moment, Steps
from tallystick.platform.ids import bucket_of, new_id


@dataclass(frozen=True)
class Intents:
    """The verbs of intents. `secret_key` makes their client secrets."""

    operations: Operations
    secret_key: bytes = field(repr=False)

    async def create(
        self,
        merchant: Merchant,
        *,
        amount_minor: int,
        currency: str,
        payment_methods: tuple[str, ...] = ORDINARY_KINDS,
        payment_method: str | MethodWish | None = None,
        capture_method: str = "automatic",
        priority: str = "balanced",
        expires_at: datetime | None = None,
        return_url: str | None = None,
        text: Mapping[str, Any] | None = None,
        asked: Asked | None = None,
        origin: Origin = NOBODY,
    ) -> Answer[IntentRow]:
        """A new intent. `text` (description, metadata, customer) is kept sealed.

        `expires_at` is the merchant's, else `INTENT_TTL_S` from now; `return_url`, where a payer
        goes whom his bank has asked. A MethodWish names a customer, whose default it is paid with
        unless told. Raises Invalid, NotFound, NotPossible.
        """
        require_currency(currency, merchant.currency_codes)
        wish = structs.replace(MethodWish.of(payment_method), needed=False)
        chosen = await find_chosen(self.operations.database, merchant.id, wish)
        if chosen.refusal:
            return await answer_refused(self.operations, IntentRow, chosen.refusal, asked, origin)
        intent_id = new_id(self.operations.clock.now(), bucket_of(merchant.id))
        terms = IntentTerms(
            merchant_id=merchant.id,
            amount_minor=amount_minor,
            currency=currency,
            payment_methods=payment_methods,
            payment_method=wish.method,
            chosen=chosen,
            capture_method=capture_method,
            priority=priority,
            sealed=await seal(self.operations, intent_id, _with_return_url(text, return_url)),
            expires_at=expires_at,
        )

        load = loads_new(self.operations, merchant.id, wish, chosen)

        def decide(case: Case, _wish: Wish, moment: Moment) -> Steps:
            return decide_intent(intent_id, case.as_seen(terms), moment)

        return await Request(
            self.operations, IntentRow, intent_id, load, decide, asked, origin
        ).answer()

    async def confirm(
        self,
        merchant: Merchant,
        intent_id: UUID,
        *,
        payment_method: str | None = None,
        off_session: bool = False,
        caller: Caller = Caller.PAYER,
        return_url: str | None = None,
        asked: Asked | None = None,
        origin: Origin = NOBODY,
    ) -> Answer[IntentRow]:
        """Pay the intent with a token (`tok_visa`), a wallet or a saved method (`pm_...`).

        Unless told, with the one it was created with, or with its customer's default.
        A declined payment brings it back to `requires_payment_method`. Without a method, once
        its payer was sent to his bank, it says that he is back: the bank is asked, and the intent
        answered as it stands. Raises NotFound, NotPossible, PaymentBusy, Invalid,
        RouteUnavailable.
        """
        plans = await self.operations.fee_plans.book_of(merchant)
        payment_id = new_id(self.operations.clock.now(), bucket_of(merchant.id))
        sealed = await self._resealed(intent_id, merchant.id, return_url)
        said = MethodWish(payment_method, off_session=off_session, caller=caller)
        back = False  # the payer, whom his bank has asked

        async def load() -> Case:
            nonlocal back
            case = await self._load_to_confirm(intent_id, merchant.id, said)
            sent = case.payment is not None and case.payment.action_url is not None
            back = payment_method is None and sent
            return case

        def decide(case: Case, wish: Wish, moment: Moment) -> Steps:
            row = case.the_intent()
            if back:
                raise NotPossible("the payer was asked by his bank", "intent_not_confirmable")
            chosen = method_to_confirm(case, moment)
            terms = self._terms(plans, row, chosen, moment, sealed or row.sealed)
            return decide_confirm(row, payment_id, terms, wish, moment)

        request = Request(self.operations, IntentRow, intent_id, load, decide, asked, origin)
        try:
            return await self._with_action(await request.answer())
        except NotPossible:
            if not back:
                raise
        return await self._standing(intent_id, merchant.id)

    async def cancel(
        self,
        intent_id: UUID,
        *,
        merchant_id: UUID | None = None,
        reason: str = "requested_by_customer",
        asked: Asked | None = None,
        origin: Origin = NOBODY,
    ) -> Answer[IntentRow]:
        """Give the intent up; an authorization is voided.

        Raises NotFound, NotPossible, PaymentBusy, Invalid, ProviderDeclined (cancel_declined).
        """

        def decide(case: Case, wish: Wish, moment: Moment) -> Steps:
            return decide_cancel_intent(case, reason, wish, moment)

        load = partial(self.operations.take, IntentRow, intent_id, merchant_id)
        return await Request(
            self.operations, IntentRow, intent_id, load, decide, asked, origin
        ).answer()

    async def get(
        self,
        intent_id: UUID,
        *,
        merchant_id: UUID | None = None,
        asks_bank: bool = True,
        origin: Origin = NOBODY,
    ) -> Answer[IntentRow]:
        """One intent; `merchant_id` None is the operator, who sees all. Raises NotFound.

        Whoever looks at one that waits for its payer may have him back: the bank is asked first,
        unless `asks_bank` is False.
        """
        case = await self.operations.load(IntentRow, intent_id, merchant_id)
        if asks_bank and case.the_intent().status == "requires_action":
            with suppress(PaymentBusy):  # others are recording it: it is shown as it stands
                await self.operations.repair(case, origin)
        return await self._standing(intent_id, merchant_id, leniently=False)

    async def get_merchant_id(self, intent_id: UUID, *, merchant_id: UUID | None = None) -> UUID:
        """Whose intent it is, of those that `merchant_id` may see. Raises NotFound."""
        case = await self.operations.load(IntentRow, intent_id, merchant_id)
        return case.the_intent().merchant_id

    async def show(self, row: IntentRow) -> Answer[IntentRow]:
        """An intent of a list, with its free text in clear."""
        return await self._with_action(await shown(self.operations, row))

    async def list_intents(
        self,
        merchant_id: UUID | None,
        *,
        status: str | None = None,
        only: Filters = EVERYTHING,
        cursor: str | None = None,
        limit: int = PAGE_MAX,
    ) -> Page[IntentRow]:
        """The latest intents, at most 200 a page; it may be shorter while a cursor goes on.

        Raises Invalid (invalid_cursor, invalid_status).
        """
        return await list_page(
            self.operations.database,
            IntentRow,
            merchant_id,
            status=status,
            only=only,
            cursor=cursor,
            limit=limit,
        )

    def client_secret(self, intent_id: UUID) -> str:
        """What a payer's browser may look at this one intent with, and confirm it."""
        return ClientSecrets(self.secret_key).of(intent_id)

    def intent_of(self, client_secret: str) -> UUID:
        """The intent whose payer shows this secret. Raises InvalidClientSecret."""
        return ClientSecrets(self.secret_key).read(client_secret)

    async def _standing(
        self, intent_id: UUID, merchant_id: UUID | None, *, leniently: bool = True
    ) -> Answer[IntentRow]:
        case = await self.operations.load(IntentRow, intent_id, merchant_id)
        answer = await shown(self.operations, case.the_intent(), leniently=leniently)
        return await self._with_action(answer)

    async def _with_action(self, answer: Answer[IntentRow]) -> Answer[IntentRow]:
        """The answer with the place where the payer is asked, while he is."""
        row = answer.row
        if row.status != "requires_action" or row.payment_id is None:
            return answer
        case = await self.operations.load(PaymentRow, row.payment_id)
        return structs.replace(answer, action_url=case.the_payment().action_url)

    async def _resealed(
        self, intent_id: UUID, merchant_id: UUID, return_url: str | None
    ) -> str | None:
        """The intent's free text with another return URL; None for no change."""
        if return_url is None:
            return None
        case = await self.operations.load(IntentRow, intent_id, merchant_id)
        text = (await shown(self.operations, case.the_intent(), leniently=False)).text
        return await seal(self.operations, intent_id, _with_return_url(text, return_url))

    async def _load_to_confirm(self, intent_id: UUID, merchant_id: UUID, said: MethodWish) -> Case:
        case = await self.operations.take(IntentRow, intent_id, merchant_id)
        row = case.the_intent()
        wish = structs.replace(
            said, method=said.method or row.payment_method, customer_id=row.customer_id
        )
        chosen = await find_chosen(self.operations.database, merchant_id, wish)
        return structs.replace(case, chosen=chosen)

    def _terms(
        self, plans: PlanBook, row: IntentRow, chosen: Chosen, moment: Moment, sealed: str | None
    ) -> Terms:
        method = chosen.token
        fees = plans.terms(row.currency, payable_kind(method), moment.now)
        routes = self.operations.rails.choose(
            row.amount_minor, row.currency, payable_kind(method), wish=row.priority
        )
        return Terms(
            merchant_id=row.merchant_id,
            amount_minor=row.amount_minor,
            currency=row.currency,
            payment_method=method,
            routes=tuple(route.name for route in routes),
            fee_percent_bp=fees.percent_bp,
            fee_fixed_minor=fees.fixed_minor,
            fee_terms=fees.recorded,
            chosen=chosen,
            capture_method=row.capture_method,
            priority=row.priority,
            intent_id=row.id,
            sealed=sealed or row.sealed,
        )


def _with_return_url(text: Mapping[str, Any] | None, return_url: str | None) -> Mapping[str, Any]:
    """Free text that says where the payer goes on. Raises Invalid (invalid_return_url)."""
    said = dict(text or {})
    return said if return_url is None else said | {"return_url": require_return_url(return_url)}
