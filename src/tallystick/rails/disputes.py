"""Disputes: what a provider tells of a payer who wants his money back, and what we answer.

Amounts are integers in minor units. A provider's own `dispute_id` names a dispute for ever; its
`place` orders a provider's disputes by their opening.
"""

from datetime import datetime

from msgspec import Struct

from tallystick.rails.model import NotFound, Unanswered

PAGE: int = 100
"""How many disputes a provider tells at once."""


class Dispute(Struct, frozen=True, kw_only=True):
    """A dispute as its provider sees it.

    `reference` is our own one of the authorization it is about.
    """

    dispute_id: str
    place: int
    reference: str
    amount_minor: int
    currency: str
    reason: str
    status: str  # needs_response | under_review | won | lost
    opened_at: datetime
    evidence_due_by: datetime


class Document(Struct, frozen=True):
    """One document of the evidence, by its digest."""

    kind: str
    media_type: str
    size_bytes: int
    sha256: str


class Evidence(Struct, frozen=True, kw_only=True):
    """Why the money is the merchant's; the same one may be given again, and counts once."""

    route: str
    dispute_id: str
    documents: tuple[Document, ...]
    explanation: str = ""


class Acceptance(Struct, frozen=True, kw_only=True):
    """The merchant does not contest it."""

    route: str
    dispute_id: str


Seen = Dispute | NotFound | Unanswered
