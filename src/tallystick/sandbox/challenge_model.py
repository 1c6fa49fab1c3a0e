"""A challenge's nouns: the bank wants to hear from the payer before it decides about his card.

An authorization with a challenge is not an operation yet: it becomes one, under the same
reference, once the payer has answered or the challenge's time is over.
"""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from tallystick.sandbox.model import Kind, Order


class Verdict(StrEnum):
    """How a challenge may end."""

    APPROVED = "approve"  # the payer says that it is he
    FAILED = "fail"  # the payer says that it is not, or cannot show it
    EXPIRED = "expire"  # the payer said nothing


# What an authorization is declined with when its challenge does not end well.
DECLINED_WITH = {
    Verdict.FAILED: "authentication_failed",
    Verdict.EXPIRED: "authentication_expired",
}
NO_PAYER = "authentication_required"
"""What it is declined with when the caller has no payer whom he could send to us."""


class Visit(Struct, frozen=True):
    """The caller can send the payer to the bank; `return_url` is where he goes afterwards."""

    return_url: str | None = None


class Challenge(Struct, frozen=True, kw_only=True):
    """One challenge; fields are the columns of its table, in order. `id` is what its URL ends in.

    Whether it was answered is known by the operation under its reference, not by this row.
    """

    reference: str
    id: str
    amount_minor: int
    currency: str
    token: str
    merchant: str
    capture: bool
    return_url: str | None
    created_at: datetime
    expires_at: datetime

    @property
    def order(self) -> Order:
        """The order that waits for the payer."""
        return Order(
            kind=Kind.AUTHORIZATION,
            reference=self.reference,
            authorization_reference=self.reference,
            amount_minor=self.amount_minor,
            currency=self.currency,
            token=self.token,
            merchant=self.merchant,
            capture=self.capture,
        )
