"""What a quote promises, when it may be used, and what moves by it. Pure."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from msgspec import Struct

from tallystick.books.chart import PLATFORM, account_id, exchange_code, rounding_code
from tallystick.books.exchange.errors import QuoteDiffers, QuoteExpired, RateStale
from tallystick.books.exchange.errors import QuoteUsed as AlreadyUsed
from tallystick.books.exchange.folds import (
    EXCHANGE_MADE,
    QUOTE_USED,
    ExchangeMade,
    QuoteGiven,
    QuoteRow,
    QuoteUsed,
    RateRow,
)
from tallystick.books.exchange.rates import Rate, convert
from tallystick.journal import Fact
from tallystick.ledger import Post
from tallystick.money import Currency

LEG_CODE: Final = "exchange"
ROUNDING_CODE: Final = "exchange_rounding"


class QuoteWish(Struct, frozen=True):
    """So much of one side (`source` or `target`), in minor units, is to be exchanged."""

    from_currency: str
    to_currency: str
    fixed_side: str
    amount_minor: int


def decide_quote(
    wish: QuoteWish, standing: RateRow, requester_id: UUID, expires_at: datetime
) -> QuoteGiven:
    """What is promised at this rate, in whichever direction it was set. Raises NotExchangeable."""
    inverse = standing.from_currency != wish.from_currency
    rate = Rate.parse(standing.rate)
    rate = (rate.inverse if inverse else rate).between_minor(
        Currency(wish.from_currency), Currency(wish.to_currency)
    )
    converted = convert(wish.fixed_side, wish.amount_minor, rate)
    return QuoteGiven(
        requester_id=requester_id,
        rate_id=standing.id,
        from_currency=wish.from_currency,
        to_currency=wish.to_currency,
        rate=standing.rate,
        inverse=inverse,
        numerator=rate.numerator,
        denominator=rate.denominator,
        fixed_side=converted.fixed_side,
        source_minor=converted.source_minor,
        target_minor=converted.target_minor,
        rounding_minor=converted.rounding_minor,
        expires_at=expires_at,
    )


def require_fresh(rate: RateRow, now: datetime) -> None:
    """Raises RateStale."""
    if rate.max_age_s is not None and now - rate.valid_from >= timedelta(seconds=rate.max_age_s):
        raise RateStale(
            f"the rate from {rate.from_currency} to {rate.to_currency} is older than"
            f" {rate.max_age_s} s"
        )


def require_usable(quote: QuoteRow, now: datetime) -> None:
    """Raises QuoteUsed, QuoteExpired. Used up to its last instant, not at it."""
    status = quote.status(now)
    if status == "used":
        raise AlreadyUsed("money was exchanged by this quote before")
    if status == "expired":
        raise QuoteExpired("the quote's time is over: ask for a new one")


def require_quoted(
    quote: QuoteRow, from_currency: str, source_minor: int, to_currency: str
) -> None:
    """Raises QuoteDiffers unless just this was quoted."""
    asked = (from_currency, source_minor, to_currency)
    if asked != (quote.from_currency, quote.source_minor, quote.to_currency):
        raise QuoteDiffers(
            f"the quote exchanges {quote.source_minor} minor units of {quote.from_currency}"
            f" for {quote.to_currency}"
        )


def transfers_for(quote: QuoteRow, debit: UUID, credit: UUID) -> tuple[Post, ...]:
    """What moves from `debit` to `credit` by the quote; linked: all of it, or nothing.

    In each currency the platform's exchange account stands in between, so each currency balances
    by itself.
    """
    source, target = quote.from_currency, quote.to_currency
    posts = (
        Post(debit, exchange_account(source), quote.source_minor, source, LEG_CODE),
        Post(exchange_account(target), credit, quote.target_minor, target, LEG_CODE),
    )
    if not quote.rounding_minor:
        return posts
    currency = quote.rounding_currency
    rounding = account_id(PLATFORM, rounding_code(currency))
    rounded = quote.rounding_minor
    return *posts, Post(exchange_account(currency), rounding, rounded, currency, ROUNDING_CODE)


def used_by(quote: QuoteRow, posting_id: UUID) -> Fact:
    """The quote's last fact: of two changes that tell it, the journal takes one."""
    return Fact(quote.id, quote.version + 1, QUOTE_USED, QuoteUsed(posting_id))


def made_by(quote: QuoteRow, exchange_id: UUID, debit: UUID, credit: UUID) -> Fact:
    """The one fact of an exchange."""
    data = ExchangeMade(
        quote_id=quote.id,
        debit_account_id=debit,
        credit_account_id=credit,
        from_currency=quote.from_currency,
        to_currency=quote.to_currency,
        source_minor=quote.source_minor,
        target_minor=quote.target_minor,
        rounding_minor=quote.rounding_minor,
    )
    return Fact(exchange_id, 1, EXCHANGE_MADE, data)


def exchange_account(currency: str) -> UUID:
    """The platform's exchange account in this currency."""
    return account_id(PLATFORM, exchange_code(currency))
