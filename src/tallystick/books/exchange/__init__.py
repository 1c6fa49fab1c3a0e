"""Exchange of currencies: rates as data, quotes that hold for a while, and what was exchanged.

Promises: a rate is an exact fraction and a quote is used once; both currencies balance by
themselves, and what rounding leaves is posted by name.
Tables: `exchange_rates`, `exchange_quotes`, `exchanges`.
Facts: `exchange_rate.set`, `quote.given`, `quote.used`, `exchange.made`.
"""

from tallystick.books.exchange import decisions as quoting
from tallystick.books.exchange.decisions import QuoteWish
from tallystick.books.exchange.errors import QuoteEnded
from tallystick.books.exchange.exchange import Exchange
from tallystick.books.exchange.exchanges import ExchangeWish
from tallystick.books.exchange.folds import PROJECTIONS as projections
from tallystick.books.exchange.folds import ExchangeRow, QuoteRow, RateRow
from tallystick.books.exchange.quotes import Quotes
from tallystick.books.exchange.rate_book import RateWish
from tallystick.books.exchange.store import CHECKS as checks

__all__ = [
    "Exchange",
    "ExchangeRow",
    "ExchangeWish",
    "QuoteEnded",
    "QuoteRow",
    "QuoteWish",
    "Quotes",
    "RateRow",
    "RateWish",
    "checks",
    "projections",
    "quoting",
]
