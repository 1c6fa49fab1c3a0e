"""Refunds: captured money on its way back to the payer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tallystick.journal import Asked, Origin, Refused
from tallystick.payments import store
from tallystick.payments.cancellations import Cancellations
from tallystick.payments.decisions import RefundTerms, Wish, decide_refund
from tallystick.payments.list_store import EVERYTHING, Filters, list_page
from tallystick.payments.model import Answer, PaymentRow, RefundRow
from tallystick.payments.operations import NOBODY, Operations
from tallystick.payments.pages import PAGE_MAX, Page
from tallystick.payments.requests import Request, seal, shown
from tallystick.payments.steps import Case, Moment, Steps
from tallystick.platform.ids import bucket_of, new_id


@dataclass(frozen=True)
class Refunds:
    """The verbs of refunds."""

    operations: Operations

    async def create(
        self,
        payment_id: UUID,
        *,
        merchant_id: UUID | None = None,
        amount_minor: int | None = None,
        reason: str = "requested_by_customer",
        text: Mapping[str, Any] | None = None,
        asked: Asked | None = None,
        origin: Origin = NOBODY,
    ) -> Answer[RefundRow]:
        """Give back all that is left, or a part, by the route it came.

        The money is reserved first, so the merchant cannot spend it. A refund that the provider
        refuses is `failed`; one it has not answered yet, `pending`. Raises NotFound, NotPossible,
        Invalid; the journal's Refused (refund_exceeds_balance) when the merchant has not got it.
        """
        operations = self.operations
        payment = (await operations.load(PaymentRow, payment_id, merchant_id)).the_payment()
        refund_id = new_id(operations.clock.now(), bucket_of(payment_id))
        sealed = await seal(operations, payment.subject_id, text)
        available_minor: int | None = None

        async def load() -> Case:
            nonlocal available_minor  # another refund may have taken it since the last try
            case = await operations.load(PaymentRow, payment_id, merchant_id)
            available_minor = await operations.advances.find_available(
                case.the_payment(), amount_minor
            )
            return case

        def decide(case: Case, wish: Wish, moment: Moment) -> Steps:
            terms = RefundTerms(amount_minor, reason, sealed, available_minor)
            return decide_refund(case.the_payment(), refund_id, terms, wish, moment)

        request = Request(operations, RefundRow, refund_id, load, decide, asked, origin)
        return await answered(request)

    async def cancel(
        self,
        refund_id: UUID,
        *,
        merchant_id: UUID | None = None,
        asked: Asked | None = None,
        origin: Origin = NOBODY,
    ) -> Answer[RefundRow]:
        """Call off a refund that its bank does not have: all it reserved is free again.

        The bank is asked first, and an end that it tells is recorded. Raises NotFound; NotPossible
        (refund_not_cancellable) once it has ended, or (refund_in_doubt) while that is not known.
        """
        cancellations = Cancellations(self.operations)
        return await cancellations.cancel(refund_id, merchant_id, asked, origin)

    async def get(self, refund_id: UUID, *, merchant_id: UUID | None = None) -> Answer[RefundRow]:
        """One refund; `merchant_id` None is the operator, who sees all. Raises NotFound."""
        case = await self.operations.load(RefundRow, refund_id, merchant_id)
        return await shown(self.operations, case.the_refund(), leniently=False)

    async def show(self, row: RefundRow) -> Answer[RefundRow]:
        """A refund of a list, with its free text in clear."""
        return await shown(self.operations, row)

    async def list_page(
        self,
        merchant_id: UUID | None,
        *,
        status: str | None = None,
        only: Filters = EVERYTHING,
        cursor: str | None = None,
        limit: int = PAGE_MAX,
    ) -> Page[RefundRow]:
        """The latest refunds, at most 200 a page; it may be shorter while a cursor goes on.

        Raises Invalid (invalid_cursor, invalid_status).
        """
        return await list_page(
            self.operations.database,
            RefundRow,
            merchant_id,
            status=status,
            only=only,
            cursor=cursor,
            limit=limit,
        )

    async def list_refunds(
        self, payment_id: UUID, *, merchant_id: UUID | None = None
    ) -> tuple[RefundRow, ...]:
        """All refunds of one payment, in the order of their asking. Raises NotFound."""
        await self.operations.load(PaymentRow, payment_id, merchant_id)
        return await store.list_refunds(self.operations.database, payment_id)


async def answered(request: Request[RefundRow]) -> Answer[RefundRow]:
    """The refund. Raises Refused (refund_exceeds_balance) where an account has not got as much."""
    try:
        return await request.answer()
    except Refused as refused:
        if refused.code != "insufficient_funds":
            raise
        raise Refused(
            "refund_exceeds_balance", "the merchant has not got as much, nor is it advanced"
        ) from refused
