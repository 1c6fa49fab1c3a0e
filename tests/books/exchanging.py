"""An exchange office: the books, a rate, and accounts in two currencies with money in them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from tallystick.books import account_id, chart, projections
from tallystick.books.chart import PLATFORM
from tallystick.books.exchange import Exchange, ExchangeWish, QuoteRow, QuoteWish, RateRow, RateWish
from tallystick.books.exchange import checks as exchange_checks
from tallystick.books.proof import prove
from tallystick.journal import Journal
from tallystick.ledger import Open, Post
from tallystick.platform.clock import HandClock
from tallystick.platform.postgres.pools import Database
from tests.books.furnished import Books, wired

TTL_S = 60


@dataclass(frozen=True)
class Office:
    """Where money is exchanged."""

    books: Books
    exchange: Exchange

    async def set_rate(
        self,
        rate: str = "83.1245",
        pair: tuple[str, str] = ("USD", "INR"),
        valid_from: datetime | None = None,
        max_age_s: int | None = None,
    ) -> RateRow:
        done = await self.exchange.rates.set(
            RateWish(
                from_currency=pair[0],
                to_currency=pair[1],
                rate=rate,
                valid_from=valid_from,
                max_age_s=max_age_s,
            )
        )
        return done.row

    async def quote(
        self, amount_minor: int = 9_999, pair: str = "USD INR", side: str = "source", **how: Any
    ) -> QuoteRow:
        source, target = pair.split()
        wish = QuoteWish(source, target, side, amount_minor)
        return (await self.exchange.quotes.quote(wish, **how)).row

    def wish(
        self, quote: QuoteRow, debit: str = "alice", credit: str | None = None
    ) -> ExchangeWish:
        """From one purse to another, both in the quote's currencies."""
        return ExchangeWish(
            quote.id,
            self.purse(debit, quote.from_currency),
            self.purse(credit or debit, quote.to_currency),
        )

    def purse(self, name: str, currency: str) -> UUID:
        return self.books.account(f"{name}:{currency}")

    async def balance(self, account: UUID) -> int:
        found = await self.books.ledger.find_account(account)
        assert found is not None
        return found.posted_minor

    async def standing(self) -> dict[str, int]:
        """Alice's purses, and the platform's exchange and rounding accounts."""
        codes = {
            f"{what} {currency}": account_id(PLATFORM, code_of(currency))
            for what, code_of in (
                ("exchange", chart.exchange_code),
                ("rounding", chart.rounding_code),
            )
            for currency in ("USD", "INR")
        }
        codes |= {f"alice {currency}": self.purse("alice", currency) for currency in ("USD", "INR")}
        return {name: moved for name, code in codes.items() if (moved := await self.balance(code))}

    async def broken(self) -> list[str]:
        """The checks that are not green."""
        books = self.books
        proof = await prove(books.database, books.journal, books.clock, exchange_checks)
        return [check.name for check in proof.checks if not check.green]


@asynccontextmanager
async def open_office(database: Database, clock: HandClock) -> AsyncIterator[Office]:
    """An office with a journal of its own; several over one database are several processes."""
    async with Journal.open(
        database, clock, master_key=bytes(32), projections=projections
    ) as journal:
        books = wired(database, journal, clock)
        yield Office(books, Exchange.over(journal, database, clock, ttl_s=TTL_S))


async def furnish(office: Office) -> None:
    """Banks without limit; Alice has USD 1,000.00 and INR 10,000.00, Bob has empty purses."""
    for currency, amount_minor in (("USD", 100_000), ("INR", 1_000_000)):
        bank = office.purse("bank", currency)
        purses = {name: office.purse(name, currency) for name in ("alice", "bob")}
        await office.books.accounts.ensure_open(
            [
                Open(bank, f"bank:{currency}", currency, "debit", None),
                *(
                    Open(purse, f"{name}:{currency}", currency, "credit", 0)
                    for name, purse in purses.items()
                ),
            ]
        )
        order = Post(bank, purses["alice"], amount_minor, currency, "fund")
        await office.books.transfers.post_one(order)
