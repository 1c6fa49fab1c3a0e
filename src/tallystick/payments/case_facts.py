"""What is told of operator cases, and how one is named.

Ids, codes and amounts only: what an operator writes is inside `sealed`.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct

from tallystick.payments.model import Operation, PaymentRow, RefundRow, Verb, refund_name
from tallystick.platform.ids import derived_id

OUTCOME_UNKNOWN: Final = "outcome_unknown"
OUTCOME_CONTRADICTED: Final = "outcome_contradicted"
VOID_REFUSED: Final = "void_refused"
CASE_CAUSES: Final = (
    OUTCOME_UNKNOWN,
    OUTCOME_CONTRADICTED,
    VOID_REFUSED,
    "dispute_unmatched",
    "dispute_in_another_currency",
    "dispute_exceeds_payment",
)


class CaseOpened(Struct, frozen=True, omit_defaults=True):
    """Something asked of a provider, or told by one, waits for a person.

    `cause` `outcome_unknown`: what was asked under `reference` at `asked_at` is open for too long.
    """

    work: str  # authorize | capture | void | refund | payout | dispute
    object_id: UUID  # the payment, refund or payout; the case itself when there is none
    owner_id: UUID  # the merchant or user whose it is; the platform when it is nobody's
    subject_id: UUID  # whose key seals the notes
    route: str
    reference: str  # of a dispute: the provider's own name for it
    amount_minor: int
    currency: str
    asked_at: datetime
    looks: int
    cause: str = OUTCOME_UNKNOWN


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


class CaseDecided(Struct, frozen=True):
    """The provider knows nothing, and an operator recorded what he learned elsewhere.

    `outcome` is the fact of the object that was recorded with this one.
    """

    decided: str  # approved | failed
    outcome: str
    sealed: str  # his note
    check_after_s: float


class CaseWatched(Struct, frozen=True, omit_defaults=True):
    """The provider was asked whether it says what the operator has said."""

    says: str  # the same | another | nothing
    check_after_s: float | None = None  # None: it is not asked any more


class CaseClosed(Struct, frozen=True):
    """An operator has done what there was to do, and wrote down what."""

    sealed: str


CASE_KINDS: Final[dict[str, type[Struct]]] = {
    "case.opened": CaseOpened,
    "case.looked_at": CaseLookedAt,
    "case.note_added": CaseNoteAdded,
    "case.resolved": CaseResolved,
    "case.decided": CaseDecided,
    "case.watched": CaseWatched,
    "case.closed": CaseClosed,
}
CASE_KIND_OF: Final = {struct: kind for kind, struct in CASE_KINDS.items()}


def case_id_of(object_id: UUID, reference: str, cause: str = OUTCOME_UNKNOWN) -> UUID:
    """The id of the one case that there can be for this cause about this reference."""
    about = "" if cause == OUTCOME_UNKNOWN else f" {cause}"
    return derived_id(object_id, f"case {reference}{about}")


def refused_void(row: PaymentRow, operation: Operation) -> tuple[UUID, CaseOpened]:
    """The case of a void that a bank refuses although nobody wants the payment any more."""
    opened = CaseOpened(
        work=operation.verb,
        object_id=row.id,
        owner_id=row.merchant_id,
        subject_id=row.subject_id,
        route=row.route or "",
        reference=operation.reference,
        amount_minor=operation.amount_minor,
        currency=row.currency,
        asked_at=operation.asked_at,
        looks=operation.checks,
        cause=VOID_REFUSED,
    )
    return case_id_of(row.id, operation.reference, VOID_REFUSED), opened


def contradicted_refund(refund: RefundRow) -> tuple[UUID, CaseOpened]:
    """The case of a refund called off, which its bank paid when nothing was left to refund."""
    reference = refund_name(refund.id)
    opened = CaseOpened(
        work=Verb.REFUND,
        object_id=refund.id,
        owner_id=refund.merchant_id,
        subject_id=refund.subject_id,
        route=refund.route,
        reference=reference,
        amount_minor=refund.amount_minor,
        currency=refund.currency,
        asked_at=refund.created_at,
        looks=0,
        cause=OUTCOME_CONTRADICTED,
    )
    return case_id_of(refund.id, reference, OUTCOME_CONTRADICTED), opened
