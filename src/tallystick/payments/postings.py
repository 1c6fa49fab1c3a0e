"""Which accounts a payment moves, and what the platform keeps. Pure.

A capture takes money in from the rail: `rail:{route}:clearing` is debited; the platform's fees and
taxes, the merchant's reserve and, with the rest, his payable are credited. A refund first reserves
the way back, so that the merchant cannot spend it, and then settles or voids it; what the plan
gives back of the fee is reserved beside it. When an account that money must move through will not
take it, `platform:suspense` does: what has moved at the bank is never missing from the books.
`docs/reference/postings.md` shows examples that a test computes.
"""

from uuid import UUID

from tallystick.books import PLATFORM, account_id, chart
from tallystick.ledger import Post, Reserve, Settle, Void
from tallystick.payments.fees.terms import Charge, FeeBack, OnRefund, charge_on, fee_back_on
from tallystick.payments.model import PaymentRow, RefundRow
from tallystick.platform.ids import numbered_id

CAPTURE = "capture"
FEE = "fee"
TAX = "fee_tax"
RESERVE = "reserve"
REFUND = "refund"
ADVANCE = "refund_advance"
FEE_BACK = "fee_refund"
TAX_BACK = "tax_refund"


def charge_of(row: PaymentRow, amount_minor: int) -> Charge:
    """What capturing `amount_minor` more leaves here, by the terms the payment was made on."""
    return charge_on(amount_minor, row.captured_minor, row.kept, row.terms)


def capture_posts(row: PaymentRow, amount_minor: int, charge: Charge) -> tuple[Post, ...]:
    """The rest to the merchant, fee and tax to the platform; a part of nothing is left out."""
    clearing = _clearing(row)
    parts = (
        (_payable(row), amount_minor - charge.total_minor, CAPTURE),
        (_fees(row.currency), charge.fee_minor, FEE),
        (_taxes(row.currency), charge.tax_minor, TAX),
        (_reserve(row), charge.reserve_minor, RESERVE),
    )
    return tuple(
        Post(clearing, credit, part_minor, row.currency, code)
        for credit, part_minor, code in parts
        if part_minor
    )


def capture_to_suspense(row: PaymentRow, amount_minor: int) -> tuple[Post, ...]:
    """All of it to suspense, without a fee, when the merchant's account refuses it."""
    return (Post(_clearing(row), _suspense(row.currency), amount_minor, row.currency, CAPTURE),)


def fee_back(row: PaymentRow, amount_minor: int) -> FeeBack:
    """What the platform gives towards a refund, by the terms the payment was made on."""
    if row.terms.on_refund != OnRefund.RETURNED:
        return FeeBack()
    refunded = row.refunded_minor + row.refund_pending_minor
    return fee_back_on(
        amount_minor, refunded, row.captured_minor, kept=row.kept, before=row.fee_back
    )


def missing(amount_minor: int, back: FeeBack, available_minor: int | None) -> int:
    """What the merchant has not got of his part; None available: nothing is advanced."""
    merchants_minor = amount_minor - back.fee_minor - back.tax_minor
    return 0 if available_minor is None else max(0, merchants_minor - available_minor)


def refund_reserves(
    row: PaymentRow, amount_minor: int, back: FeeBack, advance_minor: int = 0
) -> tuple[Reserve, ...]:
    """Hold the money back until the provider has answered; it never expires."""
    clearing = _clearing(row)
    parts = (
        (_payable(row), amount_minor - back.fee_minor - back.tax_minor - advance_minor, REFUND),
        (_advance(row), advance_minor, ADVANCE),
        (_fees(row.currency), back.fee_minor, FEE_BACK),
        (_taxes(row.currency), back.tax_minor, TAX_BACK),
    )
    return tuple(
        Reserve(debit, clearing, part_minor, row.currency, code)
        for debit, part_minor, code in parts
        if part_minor
    )


def reserve_from_suspense(row: PaymentRow, amount_minor: int) -> Reserve:
    """As `refund_reserves`, for money that was never the merchant's."""
    return Reserve(_suspense(row.currency), _clearing(row), amount_minor, row.currency, REFUND)


def refund_settle(refund: RefundRow) -> tuple[Settle, ...]:
    """The provider has paid the payer back."""
    return tuple(Settle(held, code) for held, code in _held(refund))


def refund_void(refund: RefundRow) -> tuple[Void, ...]:
    """The provider has refused: the merchant has his money back, and the platform its own."""
    return tuple(Void(held, code) for held, code in _held(refund))


def refund_from_suspense(refund: RefundRow) -> tuple[Void | Post, ...]:
    """The payer has his money and the merchant's account will not give it: suspense does."""
    return (*refund_void(refund), *refund_after_all(refund, to_suspense=True))


def refund_after_all(refund: RefundRow, *, to_suspense: bool) -> tuple[Post, ...]:
    """The payer has his money, and nothing is reserved: who would have given it gives it now.

    Nothing is advanced for it. `to_suspense`: suspense gives all.
    """
    currency = refund.currency
    fee_minor, tax_minor = (0, 0) if to_suspense else (refund.fee_minor, refund.tax_minor)
    parts = (
        (
            _suspense(currency) if to_suspense else _payable(refund),
            refund.amount_minor - fee_minor - tax_minor,
            REFUND,
        ),
        (_fees(currency), fee_minor, FEE_BACK),
        (_taxes(currency), tax_minor, TAX_BACK),
    )
    clearing = account_id(PLATFORM, chart.clearing_code(refund.route, currency))
    return tuple(
        Post(debit, clearing, part_minor, currency, code)
        for debit, part_minor, code in parts
        if part_minor
    )


def _held(refund: RefundRow) -> list[tuple[UUID, str]]:
    """The reservations of a refund: one for each who gives a part, as `refund_reserves` made it."""
    others = (
        (ADVANCE, refund.advance_minor),
        (FEE_BACK, refund.fee_minor),
        (TAX_BACK, refund.tax_minor),
    )
    payable_minor = refund.amount_minor - sum(part_minor for _, part_minor in others)
    parts = ((REFUND, payable_minor), *others)
    codes = [code for code, part_minor in parts if part_minor]
    return [(numbered_id(refund.reservation_id, place), code) for place, code in enumerate(codes)]


def _clearing(row: PaymentRow) -> UUID:
    if row.route is None:
        raise ValueError(f"payment {row.id} was never sent to a route")
    return account_id(PLATFORM, chart.clearing_code(row.route, row.currency))


def _payable(row: PaymentRow | RefundRow) -> UUID:
    return account_id(row.merchant_id, chart.payable_code(row.merchant_id, row.currency))


def _reserve(row: PaymentRow) -> UUID:
    return account_id(row.merchant_id, chart.reserve_code(row.merchant_id, row.currency))


def _advance(row: PaymentRow) -> UUID:
    return account_id(row.merchant_id, chart.advance_code(row.merchant_id, row.currency))


def _fees(currency: str) -> UUID:
    return account_id(PLATFORM, chart.fees_code(currency))


def _taxes(currency: str) -> UUID:
    return account_id(PLATFORM, chart.tax_code(currency))


def _suspense(currency: str) -> UUID:
    return account_id(PLATFORM, chart.suspense_code(currency))
