"""Rates of exchange as data: set by operators, kept as facts, followed and never altered."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct

from tallystick.books.accounts import Accounts
from tallystick.books.chart import PLATFORM, exchange_accounts
from tallystick.books.exchange import store
from tallystick.books.exchange.decisions import require_fresh
from tallystick.books.exchange.errors import InvalidRate, RateNotFound, SameCurrency
from tallystick.books.exchange.folds import RATE_SET, RateRow, RateSet
from tallystick.books.exchange.rates import Rate
from tallystick.books.model import NOBODY
from tallystick.journal import Asked, Change, Fact, Journal, Origin, Repeated
from tallystick.money import Currency
from tallystick.platform.clock import Clock
from tallystick.platform.ids import bucket_of, new_id
from tallystick.platform.postgres.latest import Place
from tallystick.platform.postgres.pools import Database

MAX_AGE_S_MAX: Final = 31_536_000  # a year


class RateWish(Struct, frozen=True, kw_only=True):
    """One `from_currency` is to be `rate` of `to_currency`, from now on unless said otherwise."""

    from_currency: str
    to_currency: str
    rate: str
    valid_from: datetime | None = None
    max_age_s: int | None = None


class RateAnswer(Struct, frozen=True):
    """A rate, and whether an earlier call with its key had set it."""

    row: RateRow
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class ExchangeRates:
    """The verbs of rates."""

    journal: Journal
    database: Database
    accounts: Accounts
    clock: Clock

    async def set(
        self, wish: RateWish, *, asked: Asked | None = None, origin: Origin = NOBODY
    ) -> RateAnswer:
        """Let this rate hold from its instant on. Quotes that were given keep theirs.

        Raises InvalidRate, SameCurrency, UnknownCurrency (of `money`), KeyReused.
        """
        _require_sound(wish)
        await self.accounts.ensure_open(
            exchange_accounts([wish.from_currency, wish.to_currency]), origin=origin
        )
        now = self.clock.now()
        data = RateSet(
            from_currency=wish.from_currency,
            to_currency=wish.to_currency,
            rate=wish.rate,
            valid_from=wish.valid_from or now,
            max_age_s=wish.max_age_s,
        )
        rate_id = new_id(now, bucket_of(PLATFORM))
        claim = asked.claim(rate_id) if asked else None
        change = Change(rate_id, (Fact(rate_id, 1, RATE_SET, data),), claim=claim, origin=origin)
        try:
            await self.journal.record(change)
        except Repeated as repeat:
            done = await self.journal.answer(repeat, patience_s=0)
            return RateAnswer(await self.get_rate(done.subject_id), replayed=True)
        return RateAnswer(await self.get_rate(rate_id))

    async def get_rate(self, rate_id: UUID) -> RateRow:
        """One rate. Raises RateNotFound."""
        row = await store.find_rate(self.database, rate_id)
        if row is None:
            raise RateNotFound("no such rate")
        return row

    async def get_standing(self, from_currency: str, to_currency: str) -> RateRow:
        """The rate by which is quoted now: the one set in this direction, else the other way.

        Raises RateNotFound; RateStale when it is too old, even if the other way there is a
        younger one.
        """
        now = self.clock.now()
        for pair in ((from_currency, to_currency), (to_currency, from_currency)):
            if row := await store.find_rate_at(self.database, *pair, now):
                require_fresh(row, now)
                return row
        raise RateNotFound(f"there is no rate between {from_currency} and {to_currency}")

    async def list_rates(
        self,
        from_currency: str | None = None,
        to_currency: str | None = None,
        after: Place | None = None,
        limit: int = 50,
    ) -> tuple[RateRow, ...]:
        """All rates that were ever set, the latest first; `after` is where the last page ended."""
        return await store.list_rates(self.database, from_currency, to_currency, after, limit)


def _require_sound(wish: RateWish) -> None:
    if Currency(wish.from_currency) == Currency(wish.to_currency):
        raise SameCurrency("a currency is not exchanged for itself")
    Rate.parse(wish.rate)
    if wish.max_age_s is not None and not 1 <= wish.max_age_s <= MAX_AGE_S_MAX:
        raise InvalidRate(f"a rate is 1 to {MAX_AGE_S_MAX} s old at most, or as old as it gets")
