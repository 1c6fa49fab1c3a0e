"""Currency exchange, wired: rates, the quotes they make, and the exchanges those are used for."""

from dataclasses import dataclass

from tallystick.books.accounts import Accounts
from tallystick.books.exchange.exchanges import Exchanges
from tallystick.books.exchange.quotes import Quotes
from tallystick.books.exchange.rate_book import ExchangeRates
from tallystick.journal import Journal
from tallystick.platform.clock import Clock
from tallystick.platform.postgres.pools import Database


@dataclass(frozen=True, slots=True)
class Exchange:
    """The exchange of one cell. `Exchange.over` makes it."""

    rates: ExchangeRates
    quotes: Quotes
    exchanges: Exchanges

    @classmethod
    def over(cls, journal: Journal, database: Database, clock: Clock, *, ttl_s: int) -> "Exchange":
        """The exchange over these; its quotes hold for `ttl_s` seconds."""
        rates = ExchangeRates(journal, database, Accounts(journal, clock), clock)
        quotes = Quotes(journal, database, rates, clock, ttl_s)
        return cls(rates, quotes, Exchanges(journal, database, quotes, clock))
