"""Reversals: a payment undone, whichever way its state leaves open.

Money that is only promised is voided; money that came in is refunded, all that is left of it, and
what the bank still holds beside it is let go. Both ways are the ordinary verbs, under one key.
"""

from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from tallystick.journal import Asked, Conflict, Origin
from tallystick.payments.decisions import (
    RefundTerms,
    Wish,
    decide_cancel,
    decide_refund,
    decide_release,
)
from tallystick.payments.errors import NotPossible, PaymentBusy, PaymentsError
from tallystick.payments.model import Answer, PaymentRow, RefundRow, Verb
from tallystick.payments.operations import NOBODY, TRIES, Operations
from tallystick.payments.refunds import answered
from tallystick.payments.requests import Request
from tallystick.payments.steps import Case, Moment, Steps
from tallystick.platform.ids import bucket_of, new_id


class Way(StrEnum):
    """How a payment is undone."""

    VOID = "void"  # it was only promised
    REFUND = "refund"  # it came in


class Reversal(Struct, frozen=True):
    """What came of it: the payment as it was voided, or the refund."""

    way: Way
    payment: Answer[PaymentRow] | None = None
    refund: Answer[RefundRow] | None = None


class _MovedOn(Exception):
    """Between choosing and deciding the payment went on: the way chosen is closed."""


def choose_way(row: PaymentRow) -> Way:
    """The way a payment's state leaves open; one that is still being asked for is voided.

    Raises NotPossible (payment_not_reversible), PaymentBusy while more is being captured.
    """
    if row.status in ("initiated", "pending", "authorized"):
        return Way.VOID
    if row.status in ("captured", "partially_refunded"):
        if row.wallet_id is not None:
            raise NotPossible("a top-up is taken back by a payout", "payment_not_reversible")
        running = row.running
        if running is not None and running.verb is Verb.CAPTURE:
            raise PaymentBusy(f"{running.verb} {running.reference} is not finished")
        if row.refundable_minor > 0:
            return Way.REFUND
    raise NotPossible(
        f"nothing is left to reverse: the payment is {row.status}", "payment_not_reversible"
    )


@dataclass(frozen=True)
class Reversals:
    """The verb of reversals."""

    operations: Operations

    async def reverse(
        self,
        payment_id: UUID,
        *,
        merchant_id: UUID | None = None,
        reason: str = "requested_by_customer",
        asked: Asked | None = None,
        origin: Origin = NOBODY,
    ) -> Reversal:
        """Void or refund a payment, whole, exactly once for its key.

        Raises NotFound, NotPossible (payment_not_reversible), PaymentBusy, Invalid,
        ProviderDeclined (cancel_declined); the journal's Refused (refund_exceeds_balance).
        """
        undo = _Undo(self.operations, payment_id, merchant_id, reason, asked, origin)
        for _ in range(TRIES):
            with suppress(Conflict, _MovedOn):
                return await undo.by(await undo.chosen())
        raise PaymentBusy("too many changes to this payment at once")


class _Chosen(Struct, frozen=True):
    """The way chosen; `again` when it was gone under this key before."""

    way: Way
    again: bool = False

    def require_open(self, case: Case) -> None:
        """Raises _MovedOn, which is no answer: what closed the way may be this very wish.

        A repeat is not kept from being told what the first call was.
        """
        if self.again:
            return
        try:
            is_open = choose_way(case.the_payment()) is self.way
        except PaymentsError:
            is_open = False
        if not is_open:
            raise _MovedOn


@dataclass(frozen=True)
class _Undo:
    """One reversal as it was asked for."""

    operations: Operations
    payment_id: UUID
    merchant_id: UUID | None
    reason: str
    asked: Asked | None
    origin: Origin

    async def chosen(self) -> _Chosen:
        """The way that was gone under this key before, else the one the state leaves open."""
        case = await self._load()
        if self.asked is not None:
            claim = self.asked.claim(self.payment_id)
            if earlier := await self.operations.journal.find_claim(claim.id):
                voided = earlier.subject_id == self.payment_id
                return _Chosen(Way.VOID if voided else Way.REFUND, again=True)
        case = await self.operations.repair_all(case, self.origin)
        return _Chosen(choose_way(case.the_payment()))

    async def by(self, chosen: _Chosen) -> Reversal:
        """Raises _MovedOn, and what the verb raises."""
        if chosen.way is Way.VOID:
            return Reversal(Way.VOID, payment=await self._void(chosen))
        refund = await self._refund(chosen)
        await self._release_rest()
        return Reversal(Way.REFUND, refund=refund)

    async def _void(self, chosen: _Chosen) -> Answer[PaymentRow]:
        def decide(case: Case, wish: Wish, moment: Moment) -> Steps:
            chosen.require_open(case)
            return decide_cancel(case, self.reason, wish, moment)

        request = Request(
            self.operations,
            PaymentRow,
            self.payment_id,
            self._load,
            decide,
            self.asked,
            self.origin,
        )
        return await request.answer()

    async def _release_rest(self) -> None:
        """The refund stands whatever becomes of this: the rest has its day in any case."""
        case = await self._load()
        moment = self.operations.moment(self.payment_id)
        steps = decide_release(case.the_payment(), moment)
        if steps is None:
            return
        with suppress(Conflict):  # somebody else is at it
            case = await self.operations.record(case, steps, moment, self.origin)
            await self.operations.carry_through(case, self.origin)

    async def _refund(self, chosen: _Chosen) -> Answer[RefundRow]:
        refund_id = new_id(self.operations.clock.now(), bucket_of(self.payment_id))
        available_minor: int | None = None

        async def load() -> Case:
            nonlocal available_minor  # another refund may have taken it since the last try
            case = await self._load()
            payment = case.the_payment()
            available_minor = await self.operations.advances.find_available(payment, None)
            return case

        def decide(case: Case, wish: Wish, moment: Moment) -> Steps:
            chosen.require_open(case)
            terms = RefundTerms(None, self.reason, available_minor=available_minor)
            return decide_refund(case.the_payment(), refund_id, terms, wish, moment)

        request = Request(
            self.operations, RefundRow, refund_id, load, decide, self.asked, self.origin
        )
        return await answered(request)

    async def _load(self) -> Case:
        return await self.operations.load(PaymentRow, self.payment_id, self.merchant_id)
