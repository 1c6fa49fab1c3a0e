"""A bank's other trade: money paid out of it, to an account elsewhere or to a UPI id.

A payout that was made may still come back: the bank of the payee returns it with a reason.
"""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct


class PayoutStatus(StrEnum):
    """What became of a payout."""

    PENDING = "pending"  # accepted, decided a moment later
    PAID = "paid"  # the payee has it
    REFUSED = "refused"  # it never left
    RETURNED = "returned"  # it was paid, and came back


class PayoutOrder(Struct, frozen=True, kw_only=True):
    """What a caller asks, under his own `reference`: pay so much to so and so.

    `destination` is an account number (with `bank_code`, its IFSC, or an IBAN without one) or a
    UPI id.
    """

    reference: str
    amount_minor: int
    currency: str
    method: str  # bank_account | upi
    destination: str
    bank_code: str
    name: str


class Payout(Struct, frozen=True, kw_only=True):
    """What the bank wrote down about one payout; fields are the columns of its book, in order.

    All is decided when the row is written: `decision` stands from `decided_at` on, and what is to
    come back comes back at `returned_at`.
    """

    reference: str
    amount_minor: int
    currency: str
    method: str
    destination: str
    bank_code: str
    name: str
    id: str
    decision: PayoutStatus  # paid | refused
    code: str | None  # why it was refused, or why it came back
    created_at: datetime
    decided_at: datetime
    returned_at: datetime | None

    def status_at(self, now: datetime) -> PayoutStatus:
        """Pending until the decision stands, paid until it comes back."""
        if now < self.decided_at:
            return PayoutStatus.PENDING
        if self.returned_at is not None and now >= self.returned_at:
            return PayoutStatus.RETURNED
        return self.decision

    def answers(self, order: PayoutOrder) -> bool:
        """Whether this row is what became of exactly this order: else its reference was reused."""
        return all(getattr(self, name) == getattr(order, name) for name in _SAID)


_SAID = PayoutOrder.__struct_fields__
