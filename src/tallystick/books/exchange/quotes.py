"""Quotes: what an exchange would make, promised to one requester, for a short time, for one use."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from msgspec import Struct

from tallystick.books.chart import PLATFORM
from tallystick.books.exchange import store
from tallystick.books.exchange.decisions import QuoteWish, decide_quote
from tallystick.books.exchange.errors import NotExchangeable, QuoteNotFound, SameCurrency
from tallystick.books.exchange.folds import QUOTE_GIVEN, QuoteRow
from tallystick.books.exchange.rate_book import ExchangeRates
from tallystick.books.exchange.rates import SOURCE, TARGET
from tallystick.books.model import NOBODY
from tallystick.journal import Asked, Change, Fact, Journal, Origin, Repeated
from tallystick.money import Currency
from tallystick.platform.clock import Clock
from tallystick.platform.ids import bucket_of, new_id
from tallystick.platform.postgres.pools import Database


class QuoteAnswer(Struct, frozen=True):
    """A quote, and whether an earlier call with its key had been given it."""

    row: QuoteRow
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Quotes:
    """The verbs of quotes. What one promises is kept however the rate moves meanwhile."""

    journal: Journal
    database: Database
    rates: ExchangeRates
    clock: Clock
    ttl_s: int

    async def quote(
        self,
        wish: QuoteWish,
        *,
        merchant_id: UUID | None = None,
        asked: Asked | None = None,
        origin: Origin = NOBODY,
    ) -> QuoteAnswer:
        """Promise an exchange at the rate of now; `merchant_id` None is the operator.

        Raises SameCurrency, UnknownCurrency (of `money`), RateNotFound, RateStale,
        NotExchangeable, KeyReused.
        """
        _require_sound(wish)
        standing = await self.rates.get_standing(wish.from_currency, wish.to_currency)
        requester_id = merchant_id or PLATFORM
        now = self.clock.now()
        given = decide_quote(wish, standing, requester_id, now + timedelta(seconds=self.ttl_s))
        quote_id = new_id(now, bucket_of(requester_id))
        claim = asked.claim(quote_id) if asked else None
        fact = Fact(quote_id, 1, QUOTE_GIVEN, given)
        try:
            await self.journal.record(Change(quote_id, (fact,), claim=claim, origin=origin))
        except Repeated as repeat:
            done = await self.journal.answer(repeat, patience_s=0)
            return QuoteAnswer(await self.get_quote(done.subject_id), replayed=True)
        return QuoteAnswer(await self.get_quote(quote_id))

    async def get_quote(self, quote_id: UUID, *, merchant_id: UUID | None = None) -> QuoteRow:
        """One quote. Raises QuoteNotFound, also when it is not the merchant's."""
        row = await store.find_quote(self.database, quote_id)
        if row is None or merchant_id not in (None, row.requester_id):
            raise QuoteNotFound("no such quote")
        return row


def _require_sound(wish: QuoteWish) -> None:
    if Currency(wish.from_currency) == Currency(wish.to_currency):
        raise SameCurrency("a currency is not exchanged for itself")
    if wish.fixed_side not in (SOURCE, TARGET):
        raise NotExchangeable("an amount is that of the source or of the target")
