"""Refunds called off: when that may be, what it frees, and what a bank says of it later. Pure.

Nobody asks a bank for a refund without telling so first (`initiated`, `asked_again`), so
`cancelled` cannot overtake an order unseen. An asker who was frozen in between may send it all the
same: what the bank says to him, or to a later look, is told then, whoever has to pay for it.
"""

from datetime import timedelta
from typing import Final

from tallystick.payments.case_facts import contradicted_refund
from tallystick.payments.errors import NotPossible
from tallystick.payments.facts import PartlyRefunded, RefundCalledOff, Refunded, RefundSending
from tallystick.payments.model import (
    Limits,
    Operation,
    PaymentRow,
    RefundRow,
    Verb,
    refund_name,
)
from tallystick.payments.postings import refund_after_all, refund_void
from tallystick.payments.refund_facts import (
    RefundAskedAgain,
    RefundCancelled,
    RefundSucceeded,
    RefundWatched,
)
from tallystick.payments.steps import Case, Closing, Moment, Steps
from tallystick.rails import Approved, Declined, NotFound, Outcome, Pending

LATE_APPROVAL: Final = "late_approval"
"""The reason of a refund that nobody asked for: of money taken for what was given up."""


def require_cancellable(refund: RefundRow) -> None:
    """Raises NotPossible (refund_not_cancellable), saying what became of it."""
    if refund.status != "pending":
        raise NotPossible(f"the refund is {refund.status}", "refund_not_cancellable")
    if refund.reason == LATE_APPROVAL:
        raise NotPossible("the money was taken for nothing", "refund_not_cancellable")


def require_never_arrived(operation: Operation, outcome: Outcome, moment: Moment) -> None:
    """Raises NotPossible (refund_in_doubt) unless the bank does not have it, nor can get it.

    That is believed once no order that we told of can be on its way any more.
    """
    quiet_at = (operation.asked_again_at or operation.asked_at) + _quiet(moment.limits)
    if not isinstance(outcome, NotFound) or moment.now < quiet_at:
        raise NotPossible("whether the bank has it is not known yet", "refund_in_doubt")


def decide_asking_again(refund: RefundRow, moment: Moment) -> Steps:
    """Tell that the order is about to be put once more."""
    return Steps(((refund.id, RefundAskedAgain(moment.limits.ask_limit_s)),))


def decide_calling_off(case: Case, moment: Moment) -> Steps:
    """All that it reserved is free again, and whoever asked for it is answered.

    Raises NotPossible (refund_not_cancellable).
    """
    refund = case.the_refund()
    require_cancellable(refund)
    freed = RefundCalledOff(refund.id, refund.amount_minor, refund.fee_minor, refund.tax_minor)
    cancelled = RefundCancelled(moment.limits.check_after_s(0))
    told = ((case.the_payment().id, freed), (refund.id, cancelled))
    return Steps(told, refund_void(refund), _closing(refund.the_operation()))


# Afterwards -----------------------------------------------------------------------------------


def called_off_operation(refund: RefundRow) -> Operation:
    """What its bank may have been asked all the same."""
    return Operation(
        verb=Verb.REFUND,
        reference=refund_name(refund.id),
        amount_minor=refund.amount_minor,
        asked_at=refund.created_at,
    )


def after_called_off(
    case: Case, outcome: Outcome, moment: Moment, *, to_suspense: bool = False
) -> Steps:
    """What a cancelled refund becomes after a look: paid after all, or what it is."""
    if isinstance(outcome, Approved):
        return _paid_after_all(case, outcome, moment, to_suspense=to_suspense)
    refund = case.the_refund()
    says = _says(outcome)
    pause_s = None if says == "refused" else _next_pause_s(refund, moment.limits)
    if says == "no_answer":
        pause_s = pause_s or _pause_s(refund)  # the watch goes on until there is one
    return Steps(((refund.id, RefundWatched(says, pause_s)),))


def _paid_after_all(case: Case, outcome: Approved, moment: Moment, *, to_suspense: bool) -> Steps:
    """Counted where the payment has room for it; else suspense pays, and a person sees to it."""
    row, refund = case.the_payment(), case.the_refund()
    exceeds = not _has_room(row, refund)
    suspense = to_suspense or exceeds
    succeeded = RefundSucceeded(
        posting_id=moment.change_id,
        provider_reference=outcome.provider_reference,
        booked_to="suspense" if suspense else "payable",
        exceeds=exceeds,
    )
    posts = refund_after_all(refund, to_suspense=suspense)
    if exceeds:
        return Steps(((refund.id, succeeded), contradicted_refund(refund)), posts)
    sending = RefundSending(refund.id, refund.amount_minor, refund.fee_minor, refund.tax_minor)
    left_minor = row.captured_minor - row.refunded_minor - refund.amount_minor
    refunded = (PartlyRefunded if left_minor else Refunded)(refund.id, refund.amount_minor)
    return Steps(((row.id, sending), (row.id, refunded), (refund.id, succeeded)), posts)


def _has_room(row: PaymentRow, refund: RefundRow) -> bool:
    """Whether so much, and the fee that comes back with it, was not given back otherwise."""
    return (
        row.status in ("captured", "partially_refunded")
        and refund.amount_minor <= row.refundable_minor
        and refund.fee_minor <= row.kept.fee_minor - row.fee_back.fee_minor
        and refund.tax_minor <= row.kept.tax_minor - row.fee_back.tax_minor
    )


def _says(outcome: Outcome) -> str:
    match outcome:
        case NotFound():
            return "nothing"
        case Declined(retryable=False):
            return "refused"
        case Pending():
            return "in_hand"
    return "no_answer"


def _next_pause_s(refund: RefundRow, limits: Limits) -> float | None:
    """The schedule's pause behind the one that is over; None behind the last."""
    longer = (pause_s for pause_s in limits.recovery_schedule_s if pause_s > _pause_s(refund))
    return next(longer, None)


def _pause_s(refund: RefundRow) -> float:
    """How long it was left alone since it was last told of."""
    due_at = refund.due_at or refund.updated_at
    return (due_at - refund.updated_at).total_seconds()


def _quiet(limits: Limits) -> timedelta:
    return timedelta(seconds=max(limits.provider_settle_ms / 1_000, limits.ask_limit_s))


def _closing(operation: Operation) -> Closing | None:
    if operation.claim_id is None or operation.subject_id is None:
        return None
    return Closing(operation.claim_id, operation.subject_id)
