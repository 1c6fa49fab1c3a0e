"""The case's transition table, and what is told of one. Pure.

Ids, codes and amounts only: what an operator writes is inside `sealed`.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct

from tallystick.payments.states import Table

CASE_TABLE: Final[Table] = {
    None: {"case.opened": "open"},
    "open": {
        "case.looked_at": "open",
        "case.note_added": "open",
        "case.resolved": "resolved",
    },
    # An operator's look may be overtaken by recovery's, which resolved the case.
    "resolved": {"case.looked_at": "resolved", "case.note_added": "resolved"},
}
CASE_STATUSES: Final = ("open", "resolved")
CASE_KINDS_OF_WORK: Final = ("authorize", "capture", "void", "refund", "payout")
RECOVERY: Final = "recovery"
OPERATOR: Final = "operator"
NOTE_LENGTH_MAX: Final = 2_000
NOTES_MAX: Final = 100


class CaseOpened(Struct, frozen=True):
    """What was asked of a provider under `reference` at `asked_at` is open for too long."""

    work: str  # authorize | capture | void | refund | payout
    object_id: UUID  # the payment, refund or payout
    owner_id: UUID  # the merchant or user whose it is
    subject_id: UUID  # whose key seals the notes
    route: str
    reference: str
    amount_minor: int
    currency: str
    asked_at: datetime
    looks: int


class CaseLookedAt(Struct, frozen=True):
    """The provider was asked again, `looks` times in all; nothing is known yet."""

    looks: int
    looked_by: str  # recovery | operator


class CaseNoteAdded(Struct, frozen=True):
    """An operator wrote something down."""

    sealed: str


class CaseResolved(Struct, frozen=True):
    """The outcome is known and recorded: it is the fact `outcome` of the object."""

    outcome: str
    looked_by: str


CASE_KINDS: Final[dict[str, type[Struct]]] = {
    "case.opened": CaseOpened,
    "case.looked_at": CaseLookedAt,
    "case.note_added": CaseNoteAdded,
    "case.resolved": CaseResolved,
}
CASE_KIND_OF: Final = {struct: kind for kind, struct in CASE_KINDS.items()}
