"""What can happen to a refund, as this room tells it to the journal."""

from typing import Final
from uuid import UUID

from msgspec import Struct


class RefundInitiated(Struct, frozen=True, omit_defaults=True):
    """A refund exists, its money is reserved and the provider is being asked."""

    merchant_id: UUID
    payment_id: UUID
    subject_id: UUID
    amount_minor: int
    currency: str
    route: str
    reference: str
    reservation_id: UUID
    check_after_s: float
    reason: str = "requested_by_customer"
    claim_id: UUID | None = None
    sealed: str | None = None
    fee_minor: int = 0  # of the amount, given back by the platform
    tax_minor: int = 0
    advance_minor: int = 0  # advanced to the merchant, who had not got it


class RefundOutcomeUnknown(Struct, frozen=True):
    """As OutcomeUnknown, of a refund."""

    why: str
    check_after_s: float


class RefundAskedAgain(Struct, frozen=True):
    """The order never arrived; it is being put once more, under the same reference."""

    check_after_s: float


class RefundCancelled(Struct, frozen=True):
    """Called off, and the provider does not have it: the reserved money is free again.

    `watch_after_s`: when to look whether that is still so.
    """

    watch_after_s: float


class RefundWatched(Struct, frozen=True, omit_defaults=True):
    """A cancelled refund was looked for; without `check_after_s` for the last time."""

    says: str  # nothing | refused | in_hand | no_answer
    check_after_s: float | None = None


class RefundSucceeded(Struct, frozen=True, omit_defaults=True):
    """The payer has his money. `posting_id` is the change whose transfers say so.

    `exceeds`: it was called off, paid after all, and the payment had no room left to count it.
    """

    posting_id: UUID
    provider_reference: str
    booked_to: str = "payable"
    exceeds: bool = False


class RefundFailed(Struct, frozen=True, omit_defaults=True):
    """The provider refused; the reserved money is free again."""

    code: str
    provider_code: str | None = None


REFUND_KINDS: Final[dict[str, type[Struct]]] = {
    "refund.initiated": RefundInitiated,
    "refund.outcome_unknown": RefundOutcomeUnknown,
    "refund.asked_again": RefundAskedAgain,
    "refund.cancelled": RefundCancelled,
    "refund.watched": RefundWatched,
    "refund.succeeded": RefundSucceeded,
    "refund.failed": RefundFailed,
}
