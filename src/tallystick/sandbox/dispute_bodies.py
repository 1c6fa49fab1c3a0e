"""What is said about disputes at the bank's door, in and out. Amounts are in minor units."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from tallystick.sandbox.dispute_magic import REASONS
from tallystick.sandbox.dispute_model import Case, DisputeStatus
from tallystick.sandbox.payout_bodies import Amount, Name

DISPUTE_PAGE = 100
YEAR_S = 31_536_000
DOCUMENTS_MAX = 20


class OpenDispute(Struct, frozen=True, forbid_unknown_fields=True):
    """Body of `POST /v1/authorizations/{reference}/disputes`: for tests and the console.

    Without `amount` all that is left is disputed; `verdict` is what evidence will lead to.
    """

    amount: Amount | None = None
    reason: Literal[REASONS] = "general"  # type: ignore[valid-type]  # msgspec reads the tuple
    verdict: Literal["won", "lost"] = "won"
    evidence_due_after_s: Annotated[int, Meta(ge=1, le=YEAR_S)] | None = None


class Document(Struct, frozen=True, forbid_unknown_fields=True):
    """One document of the evidence, by its digest."""

    kind: Name
    media_type: Annotated[str, Meta(max_length=64)]
    size_bytes: Annotated[int, Meta(ge=1)]
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]


class GiveEvidence(Struct, frozen=True, forbid_unknown_fields=True):
    """Body of `POST /v1/disputes/{id}/evidence`."""

    documents: Annotated[tuple[Document, ...], Meta(max_length=DOCUMENTS_MAX)]
    explanation: Annotated[str, Meta(max_length=5_000)] = ""


class Decide(Struct, frozen=True, forbid_unknown_fields=True):
    """Body of `POST /v1/disputes/{id}/verdict`: for tests and the console."""

    verdict: Literal["won", "lost"]


class DisputeQuery(Struct, frozen=True):
    """Which disputes: those opened behind a place."""

    after: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    limit: Annotated[int, Meta(ge=1, le=DISPUTE_PAGE)] = DISPUTE_PAGE


class ShownDispute(Struct, frozen=True):
    """A dispute as the bank shows it."""

    id: str
    place: int
    authorization_reference: str
    amount: int
    currency: str
    reason: str
    status: DisputeStatus
    opened_at: datetime
    evidence_due_by: datetime


class ShownDisputes(Struct, frozen=True):
    """A page of disputes in the order of their opening."""

    disputes: list[ShownDispute]


def shown_dispute(case: Case, at: datetime) -> ShownDispute:
    """The dispute as of `at`."""
    told = case.dispute
    return ShownDispute(
        id=told.id,
        place=case.place,
        authorization_reference=told.authorization_reference,
        amount=told.amount_minor,
        currency=told.currency,
        reason=told.reason,
        status=case.status_at(at),
        opened_at=told.opened_at,
        evidence_due_by=told.evidence_due_by,
    )
