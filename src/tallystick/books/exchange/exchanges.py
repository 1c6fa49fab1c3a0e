"""Exchanges: money of one currency for money of another, by a quote, in one change or not at all.

However many ask for one quote at once, in one process or in several: each change that uses it
tells the quote's next fact, and the journal takes one of them.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from msgspec import Struct

from tallystick.books.exchange import store
from tallystick.books.exchange.decisions import made_by, require_usable, transfers_for, used_by
from tallystick.books.exchange.errors import ExchangeNotFound
from tallystick.books.exchange.folds import ExchangeRow, QuoteRow
from tallystick.books.exchange.quotes import Quotes
from tallystick.books.model import NOBODY
from tallystick.journal import Asked, Change, Conflict, Journal, Origin, Repeated
from tallystick.platform.clock import Clock
from tallystick.platform.ids import bucket_of, new_id
from tallystick.platform.postgres.latest import Place
from tallystick.platform.postgres.pools import Database

_ROUNDS: Final = 5


class ExchangeWish(Struct, frozen=True):
    """What was quoted is to leave one account and to reach another."""

    quote_id: UUID
    debit_account_id: UUID
    credit_account_id: UUID


class ExchangeAnswer(Struct, frozen=True):
    """An exchange, and whether an earlier call with its key had made it."""

    row: ExchangeRow
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Exchanges:
    """The verbs of exchanges."""

    journal: Journal
    database: Database
    quotes: Quotes
    clock: Clock

    async def exchange(
        self,
        wish: ExchangeWish,
        *,
        merchant_id: UUID | None = None,
        asked: Asked | None = None,
        origin: Origin = NOBODY,
    ) -> ExchangeAnswer:
        """Exchange what was quoted; `merchant_id` None is the operator, who may use any quote.

        A refusal by the ledger (`insufficient_funds`, `currency_mismatch`, ...) leaves the quote
        unused. Raises QuoteNotFound, QuoteUsed, QuoteExpired, Refused, KeyReused.
        """
        for _ in range(_ROUNDS):
            quote = await self.quotes.get_quote(wish.quote_id, merchant_id=merchant_id)
            # After the quote: whoever sees it used sees the claim of the call that used it.
            if repeat := await self.journal.find_repeat(asked):
                return await self._answer(repeat)
            require_usable(quote, self.clock.now())
            try:
                return await self._record(quote, wish, asked, origin)
            except Repeated as repeat:
                return await self._answer(repeat)
            except Conflict:
                continue  # somebody else used the quote: look what became of it
        raise Conflict("too many exchanges by this quote at once")

    async def get_exchange(self, exchange_id: UUID) -> ExchangeRow:
        """One exchange. Raises ExchangeNotFound."""
        row = await store.find_exchange(self.database, exchange_id)
        if row is None:
            raise ExchangeNotFound("no such exchange")
        return row

    async def list_exchanges(
        self,
        account_ids: Collection[UUID] | None = None,
        after: Place | None = None,
        limit: int = 50,
    ) -> tuple[ExchangeRow, ...]:
        """The latest exchanges from or to these accounts (None: all of them)."""
        return await store.list_exchanges(self.database, account_ids, after, limit)

    async def _record(
        self, quote: QuoteRow, wish: ExchangeWish, asked: Asked | None, origin: Origin
    ) -> ExchangeAnswer:
        debit, credit = wish.debit_account_id, wish.credit_account_id
        exchange_id = new_id(self.clock.now(), bucket_of(debit))
        change = Change(
            exchange_id,
            (used_by(quote, exchange_id), made_by(quote, exchange_id, debit, credit)),
            transfers_for(quote, debit, credit),
            claim=asked.claim(exchange_id) if asked else None,
            origin=origin,
        )
        await self.journal.record(change)
        return ExchangeAnswer(await self.get_exchange(exchange_id))

    async def _answer(self, repeat: Repeated) -> ExchangeAnswer:
        """What the first call with this key was answered. Raises KeyReused, Refused."""
        done = await self.journal.answer(repeat, patience_s=0)
        return ExchangeAnswer(await self.get_exchange(done.subject_id), replayed=True)
