"""Which accounts a payment moves, and what the platform keeps. Pure.

A capture takes money in from the rail: `rail:{route}:clearing` is debited, the merchant's payable
is credited with the net and the platform's fees with the rest. A refund first reserves the way
back, so that the merchant cannot spend it, and then settles or voids it. When an account that
money must move through will not take it, `platform:suspense` does: what has moved at the bank is
never missing from the books. `docs/reference/postings.md` shows an example that a test computes.
"""

from uuid import UUID

from tallystick.books import PLATFORM, account_id, chart
from tallystick.ledger import Post, Reserve, Settle, Void
from tallystick.money import Rounding, share
from tallystick.payments.model import PaymentRow, RefundRow

CAPTURE = "capture"
FEE = "fee"
REFUND = "refund"

_WHOLE_BP = 10_000


def fee_minor(row: PaymentRow, amount_minor: int) -> int:
    """The fee on capturing `amount_minor` more, never above it.

    The plan is applied to all that is captured and what was kept before is deducted: several
    captures cost what a single one costs, and the fixed part is taken once.
    """
    total = row.captured_minor + amount_minor
    due = row.fee_fixed_minor + share(total, row.fee_percent_bp, _WHOLE_BP, Rounding.HALF_UP)
    return min(amount_minor, max(0, min(total, due) - row.fee_minor))


def capture_posts(row: PaymentRow, amount_minor: int, fee_minor: int) -> tuple[Post, ...]:
    """Net to the merchant, fee to the platform; a part of nothing is left out."""
    clearing = _clearing(row)
    parts = (
        (_payable(row), amount_minor - fee_minor, CAPTURE),
        (account_id(PLATFORM, chart.fees_code(row.currency)), fee_minor, FEE),
    )
    return tuple(
        Post(clearing, credit, part_minor, row.currency, code)
        for credit, part_minor, code in parts
        if part_minor
    )


def capture_to_suspense(row: PaymentRow, amount_minor: int) -> tuple[Post, ...]:
    """All of it to suspense, without a fee, when the merchant's account refuses it."""
    return (Post(_clearing(row), _suspense(row.currency), amount_minor, row.currency, CAPTURE),)


def refund_reserve(row: PaymentRow, amount_minor: int) -> Reserve:
    """Hold the merchant's money back until the provider has answered; it never expires."""
    return Reserve(_payable(row), _clearing(row), amount_minor, row.currency, REFUND)


def reserve_from_suspense(row: PaymentRow, amount_minor: int) -> Reserve:
    """As `refund_reserve`, for money that was never the merchant's."""
    return Reserve(_suspense(row.currency), _clearing(row), amount_minor, row.currency, REFUND)


def refund_settle(refund: RefundRow) -> tuple[Settle, ...]:
    """The provider has paid the payer back."""
    return (Settle(refund.reservation_id, REFUND),)


def refund_void(refund: RefundRow) -> tuple[Void, ...]:
    """The provider has refused: the merchant has his money back."""
    return (Void(refund.reservation_id, REFUND),)


def refund_from_suspense(refund: RefundRow) -> tuple[Void | Post, ...]:
    """The payer has his money and the merchant's account will not give it: suspense does."""
    clearing = account_id(PLATFORM, chart.clearing_code(refund.route, refund.currency))
    return (
        Void(refund.reservation_id, REFUND),
        Post(_suspense(refund.currency), clearing, refund.amount_minor, refund.currency, REFUND),
    )


def _clearing(row: PaymentRow) -> UUID:
    if row.route is None:
        raise ValueError(f"payment {row.id} was never sent to a route")
    return account_id(PLATFORM, chart.clearing_code(row.route, row.currency))


def _payable(row: PaymentRow) -> UUID:
    return account_id(row.merchant_id, chart.payable_code(row.merchant_id, row.currency))


def _suspense(currency: str) -> UUID:
    return account_id(PLATFORM, chart.suspense_code(currency))
