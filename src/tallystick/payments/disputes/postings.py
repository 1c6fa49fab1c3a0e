"""Which accounts a dispute moves. Pure.

Opened: the amount leaves the merchant's payable for `disputes:held`, and the fee for the
platform's fees. Won: the amount goes home. Lost, accepted, expired: it goes over the rail's
clearing account to the cardholder. Where the merchant's account has the amount alone, no fee is
taken; where it has not even that, it gives what it has and `platform:suspense` the rest: the bank
holds the money back whatever the merchant has.
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
BOTH: Final = "both"


def booked_to(amount_minor: int, suspense_minor: int) -> str:
    """In a word, who gives a disputed amount of which suspense gives so much."""
    if not suspense_minor:
        return PAYABLE
    return SUSPENSE if suspense_minor == amount_minor else BOTH


def opening_posts(
    merchant_id: UUID, currency: str, amount_minor: int, *, fee_minor: int, suspense_minor: int = 0
) -> tuple[Post, ...]:
    """The disputed amount, of which suspense gives its part, and the fee if there is one."""
    payable, fees = _payable(merchant_id, currency), account_id(PLATFORM, chart.fees_code(currency))
    held, suspense = _held(currency), _suspense(currency)
    return _posts(
        Post(payable, held, amount_minor - suspense_minor, currency, DISPUTE),
        Post(suspense, held, suspense_minor, currency, DISPUTE),
        Post(payable, fees, fee_minor, currency, DISPUTE_FEE),
    )


def won_posts(
    merchant_id: UUID, currency: str, amount_minor: int, *, suspense_minor: int = 0
) -> tuple[Post, ...]:
    """The amount back to whoever gave it."""
    payable, held = _payable(merchant_id, currency), _held(currency)
    return _posts(
        Post(held, payable, amount_minor - suspense_minor, currency, DISPUTE_WON),
        Post(held, _suspense(currency), suspense_minor, currency, DISPUTE_WON),
    )


def lost_posts(route: str, currency: str, amount_minor: int) -> tuple[Post, ...]:
    """The rail keeps the amount: it owes us so much less."""
    clearing = account_id(PLATFORM, chart.clearing_code(route, currency))
    return (Post(_held(currency), clearing, amount_minor, currency, DISPUTE_LOST),)


def _posts(*posts: Post) -> tuple[Post, ...]:
    """Without those of nothing."""
    return tuple(post for post in posts if post.amount_minor)


def _payable(merchant_id: UUID, currency: str) -> UUID:
    return account_id(merchant_id, chart.payable_code(merchant_id, currency))


def _suspense(currency: str) -> UUID:
    return account_id(PLATFORM, chart.suspense_code(currency))


def _held(currency: str) -> UUID:
    return account_id(PLATFORM, chart.disputes_code(currency))
