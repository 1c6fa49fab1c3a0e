"""What the platform keeps of a payment: the terms of a plan, and the one rule that computes. Pure.

Of all that is captured of a payment the terms give a fee, the tax on it and a reserve; each capture
takes what is still missing of them. So several captures cost what a single one costs, and the
fixed part is taken once. Half a minor unit is rounded up.

- The fee is the fixed part and the percentage, at least the minimum, at most the cap. Where fee and
  tax together would be more than was captured, they share it in their proportion.
- A capture never takes more than it brings. What it is too small for, the next one takes.
- The reserve is a percentage of what was captured; fee and tax go before it.

Hence `fee + tax + reserve + payable` is what was captured, and none of the four is negative.
"""

from enum import StrEnum
from typing import Final
from uuid import UUID

from msgspec import Struct

from tallystick.money import Rounding, share, split

WHOLE_BP: Final = 10_000


class OnRefund(StrEnum):
    """What becomes of fee and tax when the payer gets his money back."""

    KEPT = "kept"
    RETURNED = "returned"  # in proportion to what is refunded


class FeeTerms(Struct, frozen=True, omit_defaults=True):
    """The terms a payment was made on, kept in its first fact. Amounts are in its currency."""

    percent_bp: int = 0
    fixed_minor: int = 0
    minimum_minor: int = 0
    cap_minor: int | None = None
    tax_bp: int = 0  # of the fee
    reserve_bp: int = 0  # of what is captured
    reserve_days: int = 0
    on_refund: str = OnRefund.KEPT
    plan_id: UUID | None = None  # None: as the merchant was brought on board, or no fee at all

    @property
    def recorded(self) -> "FeeTerms | None":
        """What must be kept beside the percentage and the fixed part; None for nothing."""
        return None if self == FeeTerms(self.percent_bp, self.fixed_minor) else self


class Charge(Struct, frozen=True, omit_defaults=True):
    """What one capture leaves with the platform, or all captures so far."""

    fee_minor: int = 0
    tax_minor: int = 0
    reserve_minor: int = 0

    @property
    def total_minor(self) -> int:
        return self.fee_minor + self.tax_minor + self.reserve_minor


class FeeBack(Struct, frozen=True):
    """What the platform gives towards a refund; the merchant gives the rest."""

    fee_minor: int = 0
    tax_minor: int = 0


def fee_and_tax(captured_minor: int, terms: FeeTerms) -> tuple[int, int]:
    """Fee and tax on all that is captured; neither falls when more is captured."""
    if captured_minor == 0:
        return 0, 0
    part = share(captured_minor, terms.percent_bp, WHOLE_BP, Rounding.HALF_UP)
    fee = max(terms.fixed_minor + part, terms.minimum_minor)
    if terms.cap_minor is not None:
        fee = min(fee, terms.cap_minor)
    tax = share(fee, terms.tax_bp, WHOLE_BP, Rounding.HALF_UP)
    if fee + tax > captured_minor:
        fee, tax = split(captured_minor, (WHOLE_BP, terms.tax_bp))
    return fee, tax


def charge_on(amount_minor: int, captured_minor: int, kept: Charge, terms: FeeTerms) -> Charge:
    """What a capture of `amount_minor` leaves here, after `captured_minor` of which `kept` was."""
    total = captured_minor + amount_minor
    fee_due, tax_due = fee_and_tax(total, terms)
    fee = _between(fee_due - kept.fee_minor, amount_minor)
    tax = _between(tax_due - kept.tax_minor, amount_minor - fee)
    reserve_due = share(total, terms.reserve_bp, WHOLE_BP, Rounding.HALF_UP)
    reserve = _between(reserve_due - kept.reserve_minor, amount_minor - fee - tax)
    return Charge(fee, tax, reserve)


def fee_back_on(
    amount_minor: int, refunded_minor: int, captured_minor: int, *, kept: Charge, before: FeeBack
) -> FeeBack:
    """What comes back with a refund of `amount_minor` after `refunded_minor`, in proportion.

    `before` came back with the earlier ones; when all is refunded, all has come back.
    """
    total = refunded_minor + amount_minor
    fee_due = share(kept.fee_minor, total, captured_minor, Rounding.HALF_UP)
    tax_due = share(kept.tax_minor, total, captured_minor, Rounding.HALF_UP)
    fee = _between(fee_due - before.fee_minor, amount_minor)
    return FeeBack(fee, _between(tax_due - before.tax_minor, amount_minor - fee))


def _between(amount_minor: int, most_minor: int) -> int:
    return min(max(0, amount_minor), most_minor)
