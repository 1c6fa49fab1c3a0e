"""A bank's disputes: a cardholder wants his money back, and the bank asks the merchant why not.

Amounts are integers in minor units, instants are UTC.
"""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct


class DisputeStatus(StrEnum):
    """How a dispute stands."""

    NEEDS_RESPONSE = "needs_response"  # the merchant may answer until `evidence_due_by`
    UNDER_REVIEW = "under_review"  # evidence was given; the bank looks at it
    WON = "won"  # the merchant keeps the money
    LOST = "lost"  # the cardholder has it back


class Reply(StrEnum):
    """What closes the time of answering."""

    EVIDENCE = "evidence"
    ACCEPTANCE = "acceptance"
    VERDICT = "verdict"  # nobody answered: the bank's own desk decided


class Dispute(Struct, frozen=True, kw_only=True):
    """What the bank wrote down when it opened one; fields are the columns of its book, in order.

    `verdict` is what evidence will lead to, `review_ms` after it was given.
    """

    id: str
    authorization_reference: str
    amount_minor: int
    currency: str
    reason: str
    verdict: DisputeStatus  # won | lost
    review_ms: int
    opened_at: datetime
    evidence_due_by: datetime


class DisputeReply(Struct, frozen=True, kw_only=True):
    """The one answer to a dispute; fields are the columns of its book, in order."""

    dispute_id: str
    kind: Reply
    digest: str  # of what was said, so that another answer is told from a repeat
    decision: DisputeStatus
    replied_at: datetime
    decided_at: datetime


class Case(Struct, frozen=True):
    """A dispute with its place in the book and its answer, if it has one."""

    place: int
    dispute: Dispute
    reply: DisputeReply | None = None

    def status_at(self, now: datetime) -> DisputeStatus:
        """Nobody's answer in time is a lost dispute."""
        if self.reply is not None:
            decided = now >= self.reply.decided_at
            return self.reply.decision if decided else DisputeStatus.UNDER_REVIEW
        late = now >= self.dispute.evidence_due_by
        return DisputeStatus.LOST if late else DisputeStatus.NEEDS_RESPONSE

    def keeps_minor(self, now: datetime) -> int:
        """What of the captured money a refund cannot have: all, unless the merchant has won."""
        won = self.status_at(now) is DisputeStatus.WON
        return 0 if won else self.dispute.amount_minor
