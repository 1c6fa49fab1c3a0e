"""From facts to the rows of `disputes` and `dispute_feeds`. Pure; the status is the table's."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import Struct, structs

from tallystick.books import PLATFORM
from tallystick.journal import Projection, Told
from tallystick.payments.disputes.postings import SUSPENSE
from tallystick.payments.disputes.states import (
    DISPUTE_KINDS,
    DISPUTE_TABLE,
    FEED_KINDS,
    OPEN_STATUSES,
    AcceptanceSent,
    DisputeAccepted,
    DisputeExpired,
    DisputeLost,
    DisputeOpened,
    DisputeWon,
    EvidenceAdded,
    EvidenceSubmitted,
    FeedRead,
    LookedAt,
    ResponseDelivered,
)
from tallystick.payments.model import json_text
from tallystick.payments.states import next_state
from tallystick.platform.ids import derived_id, typeid

EVIDENCE: Final = "evidence"
ACCEPTANCE: Final = "acceptance"
_Changes = dict[str, Any]


class EvidenceItem(Struct, frozen=True):
    """One document as the dispute's row knows it; kept there as JSON."""

    id: UUID
    kind: str
    media_type: str
    size_bytes: int
    sha256: str


_items = msgspec.json.Decoder(tuple[EvidenceItem, ...])


class DisputeRow(Struct, frozen=True):
    """One dispute; fields are the columns of `disputes`, in their order."""

    id: UUID
    version: int
    merchant_id: UUID
    payment_id: UUID
    subject_id: UUID  # whose key seals the free text and the evidence
    route: str
    provider_dispute_id: str
    status: str
    amount_minor: int
    currency: str
    fee_minor: int
    reason: str  # the provider's own word
    booked_to: str  # payable | suspense | both: where the amount was taken, and goes if it is won
    posting_id: UUID
    evidence: str  # JSON array of EvidenceItem
    response: str | None  # evidence | acceptance, once the merchant has answered
    delivered: bool  # the bank has the answer
    sealed: str | None  # the merchant's explanation
    claim_id: UUID | None  # the claim that the bank's first word closes
    checks: int
    evidence_due_by: datetime
    answered_at: datetime | None
    closed_at: datetime | None
    due_at: datetime | None  # when the bank is asked
    opened_at: datetime  # by the provider
    created_at: datetime
    updated_at: datetime
    suspense_minor: int  # of the amount, what came from suspense

    @property
    def items(self) -> tuple[EvidenceItem, ...]:
        """The documents handed in, in their order."""
        return _items.decode(self.evidence)

    @property
    def is_open(self) -> bool:
        """Whether the bank has not decided yet, as far as we know."""
        return self.status in OPEN_STATUSES

    @property
    def name(self) -> str:
        """`dsp_...`"""
        return typeid("dsp", self.id)


class FeedRow(Struct, frozen=True):
    """How far one route's disputes are recorded; fields are columns, in their order."""

    id: UUID
    version: int
    route: str
    place: int
    read_at: datetime


def dispute_id_of(payment_id: UUID, route: str, provider_dispute_id: str) -> UUID:
    """The one dispute of ours that stands for the provider's."""
    return derived_id(payment_id, f"dispute {route} {provider_dispute_id}")


def feed_id(route: str) -> UUID:
    """Where this route's feed stands."""
    return derived_id(PLATFORM, f"disputes of {route}")


def fold_dispute(row: DisputeRow | None, fact: Told) -> DisputeRow:
    """The row after `fact`. Raises IllegalTransition."""
    status = next_state(DISPUTE_TABLE, row.status if row else None, fact.kind)
    if row is None:
        return _new_dispute(fact, status)
    changes = _ON_DISPUTE[type(fact.data)](row, fact.data, fact.at)
    return structs.replace(row, version=fact.version, status=status, updated_at=fact.at, **changes)


def _new_dispute(fact: Told, status: str) -> DisputeRow:
    data: DisputeOpened = fact.data
    return DisputeRow(
        id=fact.aggregate_id,
        version=fact.version,
        merchant_id=data.merchant_id,
        payment_id=data.payment_id,
        subject_id=data.subject_id,
        route=data.route,
        provider_dispute_id=data.provider_dispute_id,
        status=status,
        amount_minor=data.amount_minor,
        currency=data.currency,
        fee_minor=data.fee_minor,
        reason=data.reason,
        booked_to=data.booked_to,
        posting_id=data.posting_id,
        evidence="[]",
        response=None,
        delivered=False,
        sealed=None,
        claim_id=None,
        checks=0,
        evidence_due_by=data.evidence_due_by,
        answered_at=None,
        closed_at=None,
        due_at=_after(fact.at, data.check_after_s),
        opened_at=data.opened_at,
        created_at=fact.at,
        updated_at=fact.at,
        suspense_minor=data.amount_minor if data.booked_to == SUSPENSE else data.suspense_minor,
    )


def _after(at: datetime, seconds: float) -> datetime:
    return at + timedelta(seconds=seconds)


def _evidence_added(row: DisputeRow, data: EvidenceAdded, _at: datetime) -> _Changes:
    item = EvidenceItem(
        data.evidence_id, data.evidence_kind, data.media_type, data.size_bytes, data.content_hash
    )
    return {"evidence": json_text((*row.items, item))}


def _evidence_submitted(_row: DisputeRow, data: EvidenceSubmitted, at: datetime) -> _Changes:
    return _answered(EVIDENCE, data, at) | {"sealed": data.sealed}


def _acceptance_sent(_row: DisputeRow, data: AcceptanceSent, at: datetime) -> _Changes:
    return _answered(ACCEPTANCE, data, at)


def _answered(response: str, data: EvidenceSubmitted | AcceptanceSent, at: datetime) -> _Changes:
    return {
        "response": response,
        "claim_id": data.claim_id,
        "answered_at": at,
        "checks": 0,
        "due_at": _after(at, data.check_after_s),
    }


def _delivered(_row: DisputeRow, data: ResponseDelivered, at: datetime) -> _Changes:
    due_at = _after(at, data.check_after_s)
    return {"delivered": True, "claim_id": None, "checks": 0, "due_at": due_at}


def _looked_at(row: DisputeRow, data: LookedAt, at: datetime) -> _Changes:
    due_at = _after(at, data.check_after_s)
    return {"claim_id": None, "checks": row.checks + 1, "due_at": due_at}


def _won(row: DisputeRow, data: DisputeWon, at: datetime) -> _Changes:
    return _closed(row, data, at) | {"booked_to": data.booked_to}


def _closed(row: DisputeRow, _data: Any, at: datetime) -> _Changes:
    delivered = row.response is not None
    return {"delivered": delivered, "claim_id": None, "closed_at": at, "due_at": None}


_ON_DISPUTE: Final[dict[type, Callable[[Any, Any, datetime], _Changes]]] = {
    EvidenceAdded: _evidence_added,
    EvidenceSubmitted: _evidence_submitted,
    AcceptanceSent: _acceptance_sent,
    ResponseDelivered: _delivered,
    LookedAt: _looked_at,
    DisputeWon: _won,
    DisputeLost: _closed,
    DisputeAccepted: _closed,
    DisputeExpired: _closed,
}


def fold_feed(_row: FeedRow | None, fact: Told) -> FeedRow:
    """The row after `fact`."""
    data: FeedRead = fact.data
    return FeedRow(fact.aggregate_id, fact.version, data.route, data.place, fact.at)


DISPUTES: Final = Projection(
    "disputes",
    DisputeRow,
    DISPUTE_KINDS,
    fold_dispute,
    seals=lambda row: [(row.subject_id, row.sealed)],
)
FEEDS: Final = Projection("dispute_feeds", FeedRow, FEED_KINDS, fold_feed)
