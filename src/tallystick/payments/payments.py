"""Payments: made directly or by an intent, captured, cancelled, looked at."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from msgspec import to_builtins

from tallystick.identity import Merchant
from tallystick.journal import Asked, Origin, Told
from tallystick.payments import store
from tallystick.payments.customers.model import MethodWish
from tallystick.payments.customers.payment_methods import find_chosen
from tallystick.payments.customers.tokens import payable_kind
from tallystick.payments.decisions import (
    Terms,
    Wish,
    decide_cancel,
    decide_capture,
    decide_payment,
    require_currency,
)
from tallystick.payments.errors import RiskBlocked
from tallystick.payments.fees.terms import FeeTerms
from tallystick.payments.late_failures import LateFailures
from tallystick.payments.list_store import EVERYTHING, Filters, list_page
from tallystick.payments.model import Answer, CaptureMethod, Event, PaymentRow
from tallystick.payments.operations import NOBODY, Operations
from tallystick.payments.pages import PAGE_MAX, Page
from tallystick.payments.purses import find_purse
from tallystick.payments.references import parse_payment_reference
from tallystick.payments.requests import Request, answer_refused, loads_new, seal, shown
from tallystick.payments.reversals import Reversals
from tallystick.payments.risk_hook import Assess, permit
from tallystick.payments.steps import Case, Moment, Steps
from tallystick.platform.ids import bucket_of, derived_id, new_id


@dataclass(frozen=True)
class Payments:
    """The verbs of payments. `assess` may say no before a bank hears of one."""

    operations: Operations
    assess: Assess = permit

    async def create(
        self,
        merchant: Merchant,
        *,
        amount_minor: int,
        currency: str,
        payment_method: str | MethodWish,
        capture: bool = True,
        priority: str = "balanced",
        wallet_id: UUID | None = None,
        text: Mapping[str, Any] | None = None,
        asked: Asked | None = None,
        origin: Origin = NOBODY,
    ) -> Answer[PaymentRow]:
        """Authorize a payment, and capture it at once unless told otherwise.

        With `wallet_id` its captures top up that wallet; a user's, whole: it bears no fee.

        A decline is a payment that is `failed`; an answer that is still open, one that is
        `pending`. `text` (description, metadata, customer) is kept sealed. Raises Invalid,
        NotFound and NotPossible of a saved method or a wallet, RouteUnavailable, RiskBlocked.
        """
        require_currency(currency, merchant.currency_codes)
        wish = MethodWish.of(payment_method)
        chosen = await find_chosen(self.operations.database, merchant.id, wish)
        if chosen.refusal:
            return await answer_refused(self.operations, PaymentRow, chosen.refusal, asked, origin)
        kind = payable_kind(chosen.token)
        purse = await find_purse(self.operations.database, wallet_id, currency, kind)
        if purse.refusal:
            return await answer_refused(self.operations, PaymentRow, purse.refusal, asked, origin)
        routes = self.operations.rails.choose(amount_minor, currency, kind, wish=priority)
        payment_id = new_id(self.operations.clock.now(), bucket_of(merchant.id))
        fees = await self._fees(merchant, currency, chosen.token) if purse.bears_fee else FeeTerms()
        terms = Terms(
            merchant_id=merchant.id,
            amount_minor=amount_minor,
            currency=currency,
            payment_method=chosen.token,
            chosen=chosen,
            routes=tuple(route.name for route in routes),
            fee_percent_bp=fees.percent_bp,
            fee_fixed_minor=fees.fixed_minor,
            fee_terms=fees.recorded,
            capture_method=CaptureMethod.AUTOMATIC if capture else CaptureMethod.MANUAL,
            priority=priority,
            sealed=await seal(self.operations, payment_id, text),
            wallet_id=wallet_id,
        )
        blocked = await self.assess(terms)
        load = loads_new(self.operations, merchant.id, wish, chosen)

        def decide(case: Case, wish: Wish, moment: Moment) -> Steps:
            if blocked:
                raise RiskBlocked(f"our checks do not let this payment pass: {blocked}")
            return decide_payment(payment_id, case.as_seen(terms), wish, moment)

        return await Request(
            self.operations, PaymentRow, payment_id, load, decide, asked, origin
        ).answer()

    async def capture(
        self,
        payment_id: UUID,
        *,
        merchant_id: UUID | None = None,
        amount_minor: int | None = None,
        final: bool = False,
        asked: Asked | None = None,
        origin: Origin = NOBODY,
    ) -> Answer[PaymentRow]:
        """Take the authorized money: all that is left, or a part; `final` lets go of the rest.

        Raises NotFound, NotPossible, PaymentBusy, Invalid, ProviderDeclined (capture_declined).
        """

        def decide(case: Case, wish: Wish, moment: Moment) -> Steps:
            row = case.the_payment()
            return decide_capture(row, amount_minor, final=final, wish=wish, moment=moment)

        load = partial(self.operations.take, PaymentRow, payment_id, merchant_id)
        return await Request(
            self.operations, PaymentRow, payment_id, load, decide, asked, origin
        ).answer()

    async def cancel(
        self,
        payment_id: UUID,
        *,
        merchant_id: UUID | None = None,
        reason: str = "requested_by_customer",
        asked: Asked | None = None,
        origin: Origin = NOBODY,
    ) -> Answer[PaymentRow]:
        """Void an authorization of which nothing is captured.

        A payment whose answer the bank still owes is given up: what it approves late is undone.
        Raises NotFound, NotPossible, PaymentBusy, Invalid, ProviderDeclined (cancel_declined).
        """

        def decide(case: Case, wish: Wish, moment: Moment) -> Steps:
            return decide_cancel(case, reason, wish, moment)

        load = partial(self.operations.take, PaymentRow, payment_id, merchant_id)
        return await Request(
            self.operations, PaymentRow, payment_id, load, decide, asked, origin
        ).answer()

    @property
    def reversals(self) -> Reversals:
        """How a payment is undone, by void or by refund."""
        return Reversals(self.operations)

    async def get(self, payment_id: UUID, *, merchant_id: UUID | None = None) -> Answer[PaymentRow]:
        """One payment; `merchant_id` None is the operator, who sees all. Raises NotFound."""
        case = await self.operations.load(PaymentRow, payment_id, merchant_id)
        return await shown(self.operations, case.the_payment(), leniently=False)

    async def get_by_reference(
        self, reference: str, *, merchant_id: UUID | None = None
    ) -> Answer[PaymentRow]:
        """One payment by its readable reference. Raises NotFound, MalformedId."""
        return await self.get(parse_payment_reference(reference), merchant_id=merchant_id)

    async def show(self, row: PaymentRow) -> Answer[PaymentRow]:
        """A payment of a list, with its free text in clear."""
        return await shown(self.operations, row)

    async def list_payments(
        self,
        merchant_id: UUID | None,
        *,
        status: str | None = None,
        only: Filters = EVERYTHING,
        cursor: str | None = None,
        limit: int = PAGE_MAX,
    ) -> Page[PaymentRow]:
        """The latest payments, at most 200 a page; it may be shorter while a cursor goes on.

        Raises Invalid (invalid_cursor, invalid_status).
        """
        return await list_page(
            self.operations.database,
            PaymentRow,
            merchant_id,
            status=status,
            only=only,
            cursor=cursor,
            limit=limit,
        )

    @property
    def late_failures(self) -> LateFailures:
        """What banks say too late."""
        return LateFailures(self.operations)

    async def list_events(
        self, payment_id: UUID, *, merchant_id: UUID | None = None
    ) -> tuple[Event, ...]:
        """All that happened to a payment, in document 004's shape. Raises NotFound."""
        await self.operations.load(PaymentRow, payment_id, merchant_id)
        return tuple(map(_event, await self.operations.journal.facts_of(payment_id)))

    async def _fees(self, merchant: Merchant, currency: str, payment_method: str) -> FeeTerms:
        operations = self.operations
        book = await operations.fee_plans.book_of(merchant)
        return book.terms(currency, payable_kind(payment_method), operations.clock.now())

    async def list_totals(self, merchant_id: UUID | None = None) -> tuple[store.Total, ...]:
        """Payments and money by state and currency; reads every payment there is."""
        return await store.list_totals(self.operations.database, merchant_id)


def _event(fact: Told) -> Event:
    data = to_builtins(fact.data)
    data.pop("sealed", None)  # ciphertext tells nobody anything
    origin = fact.origin
    return Event(
        id=derived_id(fact.aggregate_id, f"fact {fact.version}"),
        aggregate_id=fact.aggregate_id,
        event_type=fact.kind,
        version=fact.version,
        timestamp=fact.at,
        data=data,
        metadata={
            "actor": origin.actor,
            "request_id": origin.request_id,
            "cause": origin.cause,
            "schema_version": fact.schema_version,
        },
    )
