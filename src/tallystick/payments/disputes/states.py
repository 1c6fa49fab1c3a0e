"""The dispute's transition table, and what is told of one. Pure.

state -> what happened -> next state; `None` is "not there yet". Ids, codes and digests only: what
the merchant says is inside `sealed`, and the evidence itself stands in a table of its own. Spans
are seconds, counted from the fact's own instant.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct

from tallystick.payments.states import Table

DISPUTE_TABLE: Final[Table] = {
    None: {"dispute.opened": "needs_response"},
    "needs_response": {
        "dispute.evidence_added": "needs_response",
        "dispute.evidence_submitted": "under_review",
        "dispute.acceptance_sent": "needs_response",
        "dispute.looked_at": "needs_response",
        "dispute.won": "won",
        "dispute.lost": "lost",
        "dispute.accepted": "accepted",
        "dispute.expired": "expired",
    },
    "under_review": {
        "dispute.response_delivered": "under_review",
        "dispute.looked_at": "under_review",
        "dispute.won": "won",
        "dispute.lost": "lost",
    },
    "won": {},
    "lost": {},
    "accepted": {},
    "expired": {},
}
DISPUTE_STATUSES: Final = tuple(state for state in DISPUTE_TABLE if state)
OPEN_STATUSES: Final = ("needs_response", "under_review")


class DisputeOpened(Struct, frozen=True, omit_defaults=True):
    """The provider told of a dispute; its money is set aside by the change `posting_id`.

    `booked_to` is `suspense` or `both` when the merchant's account had not got it; then no fee was
    taken, and `suspense_minor` of the amount came from there (nothing said with `suspense`: all).
    """

    merchant_id: UUID
    payment_id: UUID
    subject_id: UUID
    route: str
    provider_dispute_id: str
    amount_minor: int
    currency: str
    reason: str
    posting_id: UUID
    opened_at: datetime
    evidence_due_by: datetime
    check_after_s: float
    fee_minor: int = 0
    booked_to: str = "payable"
    suspense_minor: int = 0


class EvidenceAdded(Struct, frozen=True):
    """A document was handed in; the bank has not seen it yet."""

    evidence_id: UUID
    evidence_kind: str
    media_type: str
    size_bytes: int
    content_hash: str


class EvidenceSubmitted(Struct, frozen=True, omit_defaults=True):
    """The merchant contests it: the documents are being given to the bank, once and for all."""

    check_after_s: float
    sealed: str | None = None
    claim_id: UUID | None = None


class AcceptanceSent(Struct, frozen=True, omit_defaults=True):
    """The merchant does not contest it; the bank is being told."""

    check_after_s: float
    claim_id: UUID | None = None


class ResponseDelivered(Struct, frozen=True):
    """The bank has the evidence."""

    check_after_s: float


class LookedAt(Struct, frozen=True):
    """Nothing new was learned, or nothing at all."""

    check_after_s: float


class DisputeWon(Struct, frozen=True, omit_defaults=True):
    """Whoever gave the amount has it back, by the change `posting_id`; the fee stays."""

    posting_id: UUID
    booked_to: str = "payable"


class DisputeLost(Struct, frozen=True):
    """The bank has decided for the cardholder; the money goes back over the rail."""

    posting_id: UUID


class DisputeAccepted(Struct, frozen=True):
    """The merchant gave in, and the bank knows."""

    posting_id: UUID


class DisputeExpired(Struct, frozen=True):
    """No evidence reached the bank in time: lost."""

    posting_id: UUID


class FeedRead(Struct, frozen=True):
    """All disputes of a route up to this place are recorded."""

    route: str
    place: int


DISPUTE_KINDS: Final[dict[str, type[Struct]]] = {
    "dispute.opened": DisputeOpened,
    "dispute.evidence_added": EvidenceAdded,
    "dispute.evidence_submitted": EvidenceSubmitted,
    "dispute.acceptance_sent": AcceptanceSent,
    "dispute.response_delivered": ResponseDelivered,
    "dispute.looked_at": LookedAt,
    "dispute.won": DisputeWon,
    "dispute.lost": DisputeLost,
    "dispute.accepted": DisputeAccepted,
    "dispute.expired": DisputeExpired,
}
FEED_KINDS: Final[dict[str, type[Struct]]] = {"dispute_feed.read": FeedRead}
DISPUTE_KIND_OF: Final = {struct: kind for kind, struct in DISPUTE_KINDS.items()}
