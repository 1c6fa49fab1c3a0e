"""Which accounts a dispute moves. Pure.

Opened: the amount leaves the merchant's payable for `disputes:held`, and the fee for the
platform's fees. Won: the amount goes home. Lost, accepted, expired: it goes over the rail's
clearing account to the cardholder. Where the merchant's account has the amount alone, no fee is
taken; where it will not give that either, `platform:suspense` does, without a fee: the bank holds
the money back whatever the merchant has.
"""

from typing import Final
from uuid import UUID

from tallystick.books import PLATFORM, account_id, chart
from tallystick.ledger import Post

DISPUTE: Final = "dispute"
DISPUTE_FEE: Final = "dispute_fee"
DISPUTE_WON: Final = "dispute_won"
DISPUTE_LOST: Final = "dispute_lost"

PAYABLE: Final = "payable"
SUSPENSE: Final = "suspense"


def opening_posts(
    merchant_id: UUID, currency: str, amount_minor: int, *, fee_minor: int, booked_to: str
) -> tuple[Post, ...]:
    """The disputed amount, and the fee if there is one; from suspense the amount alone."""
    source = _source(merchant_id, currency, booked_to)
    fees = account_id(PLATFORM, chart.fees_code(currency))
    amount = Post(source, _held(currency), amount_minor, currency, DISPUTE)
    if not fee_minor or booked_to == SUSPENSE:
        return (amount,)
    return (amount, Post(source, fees, fee_minor, currency, DISPUTE_FEE))


def won_posts(
    merchant_id: UUID, currency: str, amount_minor: int, *, booked_to: str
) -> tuple[Post, ...]:
    """The amount back to where it came from."""
    home = _source(merchant_id, currency, booked_to)
    return (Post(_held(currency), home, amount_minor, currency, DISPUTE_WON),)


def lost_posts(route: str, currency: str, amount_minor: int) -> tuple[Post, ...]:
    """The rail keeps the amount: it owes us so much less."""
    clearing = account_id(PLATFORM, chart.clearing_code(route, currency))
    return (Post(_held(currency), clearing, amount_minor, currency, DISPUTE_LOST),)


def _source(merchant_id: UUID, currency: str, booked_to: str) -> UUID:
    if booked_to == SUSPENSE:
        return account_id(PLATFORM, chart.suspense_code(currency))
    return account_id(merchant_id, chart.payable_code(merchant_id, currency))


def _held(currency: str) -> UUID:
    return account_id(PLATFORM, chart.disputes_code(currency))
