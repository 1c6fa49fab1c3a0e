"""What becomes of a dispute: learned of, answered, decided by the bank. Pure.

Whoever hears the bank, the verb that answered or the job later, concludes by `conclude` alone.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct

from tallystick.ledger import Post
from tallystick.payments.disputes.evidence import EVIDENCE_COUNT_MAX
from tallystick.payments.disputes.folds import ACCEPTANCE, DisputeRow, EvidenceItem, dispute_id_of
from tallystick.payments.disputes.postings import (
    booked_to,
    lost_posts,
    opening_posts,
    won_posts,
)
from tallystick.payments.disputes.states import (
    AcceptanceSent,
    DisputeAccepted,
    DisputeExpired,
    DisputeLost,
    DisputeOpened,
    DisputeWon,
    EvidenceAdded,
    EvidenceSubmitted,
    LookedAt,
    ResponseDelivered,
)
from tallystick.payments.errors import NotPossible
from tallystick.payments.facts import DisputeReturned, DisputeSetAside, DisputeSettled
from tallystick.payments.model import PaymentRow
from tallystick.payments.steps import Moment
from tallystick.rails import disputes as bank

_DAY_S: Final = 86_400


class Steps(Struct, frozen=True):
    """What one beat tells of the dispute and of its payment, and what it moves."""

    dispute: tuple[Struct, ...] = ()
    payment: tuple[Struct, ...] = ()
    transfers: tuple[Post, ...] = ()


class Waits(Struct, frozen=True):
    """It cannot be recorded yet: something else on the payment has to end first."""

    why: str


class Strange(Struct, frozen=True):
    """The provider's dispute and our books do not fit together; people must look."""

    why: str


# Learning of one ------------------------------------------------------------------------------


def decide_opening(
    payment: PaymentRow,
    told: bank.Dispute,
    route: str,
    moment: Moment,
    *,
    fee_minor: int,
    suspense_minor: int = 0,
) -> Steps | Waits | Strange:
    """Set the disputed money aside. `suspense_minor`: of it, what the merchant has not got.

    A payment that was given up brought its merchant nothing: suspense gives all. A dispute never
    meets money that is gone already: while a capture or a refund is under way the provider's word
    and ours may differ, so it waits for their end.
    """
    if told.currency != payment.currency:
        return Strange("dispute_in_another_currency")
    if told.amount_minor > payment.refundable_minor:
        under_way = payment.running is not None or payment.refund_pending_minor > 0
        return Waits("payment_busy") if under_way else Strange("dispute_exceeds_payment")
    ours = payment.status in ("captured", "partially_refunded")
    from_suspense = suspense_minor if ours else told.amount_minor
    fee = 0 if from_suspense else fee_minor
    dispute_id = dispute_id_of(payment.id, route, told.dispute_id)
    opened = DisputeOpened(
        merchant_id=payment.merchant_id,
        payment_id=payment.id,
        subject_id=payment.subject_id,
        route=route,
        provider_dispute_id=told.dispute_id,
        amount_minor=told.amount_minor,
        currency=told.currency,
        reason=told.reason,
        posting_id=moment.change_id,
        opened_at=told.opened_at,
        evidence_due_by=told.evidence_due_by,
        check_after_s=_pause_s(told.evidence_due_by, 0, moment),
        fee_minor=fee,
        booked_to=booked_to(told.amount_minor, from_suspense),
        suspense_minor=from_suspense,
    )
    return Steps(
        (opened,),
        (DisputeSetAside(dispute_id, told.amount_minor),),
        opening_posts(
            payment.merchant_id,
            told.currency,
            told.amount_minor,
            fee_minor=fee,
            suspense_minor=from_suspense,
        ),
    )


# Answering ------------------------------------------------------------------------------------


def decide_evidence(row: DisputeRow, item: EvidenceItem, moment: Moment) -> Steps:
    """Add a document. Raises NotPossible: dispute_not_answerable, dispute_deadline_passed,
    evidence_full.
    """
    require_answerable(row, moment)
    if len(row.items) >= EVIDENCE_COUNT_MAX:
        raise NotPossible(f"a dispute has at most {EVIDENCE_COUNT_MAX} documents", "evidence_full")
    added = EvidenceAdded(item.id, item.kind, item.media_type, item.size_bytes, item.sha256)
    return Steps((added,))


def decide_submission(
    row: DisputeRow, sealed: str | None, claim_id: UUID | None, moment: Moment
) -> Steps:
    """Contest it with what was handed in. Raises NotPossible: as above, or evidence_missing."""
    require_answerable(row, moment)
    if not row.items and sealed is None:
        raise NotPossible("hand in a document or an explanation first", "evidence_missing")
    return Steps((EvidenceSubmitted(moment.limits.ask_limit_s, sealed, claim_id),))


def decide_acceptance(row: DisputeRow, claim_id: UUID | None, moment: Moment) -> Steps:
    """Give in. Raises NotPossible: dispute_not_answerable, dispute_deadline_passed."""
    require_answerable(row, moment)
    return Steps((AcceptanceSent(moment.limits.ask_limit_s, claim_id),))


def require_answerable(row: DisputeRow, moment: Moment) -> None:
    """Raises NotPossible: dispute_not_answerable, dispute_deadline_passed."""
    if row.status != "needs_response" or row.response is not None:
        state = "answered" if row.is_open else row.status
        raise NotPossible(f"the dispute is {state}", "dispute_not_answerable")
    if moment.now >= row.evidence_due_by:
        raise NotPossible(
            f"answers were taken until {row.evidence_due_by.isoformat()}",
            "dispute_deadline_passed",
        )


# Hearing the bank -----------------------------------------------------------------------------


def conclude(
    row: DisputeRow, seen: bank.Seen, moment: Moment, *, to_suspense: bool = False
) -> Steps:
    """What follows from the bank's word. `to_suspense`: the merchant's account will not take it."""
    if isinstance(seen, bank.Dispute):
        if seen.status == "won":
            return _won(row, moment, to_suspense=to_suspense)
        if seen.status == "lost":
            return _lost(row, moment)
        if seen.status == "under_review" and row.response and not row.delivered:
            return Steps((ResponseDelivered(_pause_s(None, 0, moment)),))
    due_by = None if row.response else row.evidence_due_by
    return Steps((LookedAt(_pause_s(due_by, row.checks + 1, moment)),))


def _won(row: DisputeRow, moment: Moment, *, to_suspense: bool) -> Steps:
    amount, to_suspense_minor = row.amount_minor, row.suspense_minor
    if to_suspense:
        to_suspense_minor = amount
    return Steps(
        (DisputeWon(moment.change_id, booked_to(amount, to_suspense_minor)),),
        (DisputeReturned(row.id, amount),),
        won_posts(row.merchant_id, row.currency, amount, suspense_minor=to_suspense_minor),
    )


def _lost(row: DisputeRow, moment: Moment) -> Steps:
    told: Struct = DisputeLost(moment.change_id)
    if row.response == ACCEPTANCE:
        told = DisputeAccepted(moment.change_id)
    elif row.response is None and moment.now >= row.evidence_due_by:
        told = DisputeExpired(moment.change_id)
    return Steps(
        (told,),
        (DisputeSettled(row.id, row.amount_minor),),
        lost_posts(row.route, row.currency, row.amount_minor),
    )


def _pause_s(due_by: datetime | None, checks: int, moment: Moment) -> float:
    """Until the next look: by the schedule, but when the deadline has passed at the latest."""
    pause_s = float(min(moment.limits.check_after_s(checks), _DAY_S))
    left_s = (due_by - moment.now).total_seconds() if due_by else 0.0
    return min(pause_s, left_s) if left_s > 0 else pause_s
