"""Books in which everything has happened once: what the proof is tried on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from msgspec import Struct, structs

from tallystick import books as room
from tallystick.books.proof import AssertionMade
from tallystick.journal import Change, Fact, Journal, JournalError, Origin, Projection, Told
from tallystick.ledger import Close, Freeze, Limit, Open, Post, Reserve, Settle, Void
from tallystick.platform.clock import HandClock
from tallystick.platform.ids import new_id
from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.pools import Connection, Database, connect
from tests.books.furnished import Books, asked, furnish, wired

SHELF = """
CREATE TABLE shelves (id uuid PRIMARY KEY, version integer NOT NULL, books integer NOT NULL);
GRANT SELECT ON shelves TO tallystick_reader, tallystick_writer;
GRANT INSERT, UPDATE ON shelves TO tallystick_writer;
"""


class Shelf(Struct, frozen=True):
    id: UUID
    version: int
    books: int


class Filled(Struct, frozen=True):
    books: int


def fold(row: Shelf | None, fact: Told) -> Shelf:
    return Shelf(fact.aggregate_id, fact.version, (row.books if row else 0) + fact.data.books)


SHELVES = Projection("shelves", Shelf, {"shelf.filled": Filled}, fold)


@dataclass(frozen=True)
class Busy:
    """The books, and the owner's way in, for tampering."""

    books: Books
    owner: Address

    @asynccontextmanager
    async def tampered(self, *statements: str) -> AsyncIterator[Connection]:
        """An owner's transaction with guards off, in which `statements` happened; never kept."""
        async with owned(self.owner) as connection:
            deed = connection.transaction()
            await deed.start()
            await connection.execute("SET LOCAL session_replication_role = replica")
            for statement in statements:
                told = await connection.execute(statement)
                assert not told.endswith(" 0"), f"nothing was tampered with: {statement}"
            try:
                yield connection
            finally:
                await deed.rollback()


@asynccontextmanager
async def owned(address: Address) -> AsyncIterator[Connection]:
    """A connection of the owner, who may do anything."""
    connection = await connect(address, server_settings={"search_path": address.schema})
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def open_busy_books(
    database: Database, owner: Address, clock: HandClock
) -> AsyncIterator[Busy]:
    async with owned(owner) as connection:
        await connection.execute(SHELF)
    async with Journal.open(
        database, clock, master_key=bytes(32), projections=[SHELVES, *room.projections]
    ) as journal:
        books = wired(database, journal, clock)
        await furnish(books)
        await _move_money(books)
        await _alter_accounts(books)
        await _fill_shelves(books)
        await _assert_balances(books)
        async with Journal.open(database, clock, master_key=bytes(32), lane=1) as loader:
            await over(books, loader).transfers.post_one(books.post("alice", "bob", 3))
        yield Busy(books, owner)


def over(books: Books, journal: Journal) -> Books:
    """The same books over another lane."""
    return replace(wired(books.database, journal, books.clock), owner=books.owner)


async def _move_money(books: Books) -> None:
    transfers, clock = books.transfers, books.clock
    origin = Origin(actor=books.owner, request_id="req-1", cause=books.owner)
    await transfers.post_one(books.post("alice", "bob", 1_000), asked("post"), origin)
    earlier = clock.now() - timedelta(days=2)
    await transfers.post_one(structs.replace(books.post("alice", "bob", 50), effective_at=earlier))
    await transfers.many([books.post("bob", "fees", n) for n in (1, 2, 3)], asked("bulk"))
    kept = await transfers.reserve(_hold(books, 500), asked("kept"))
    voided = await transfers.reserve(_hold(books, 600))
    await transfers.reserve(_hold(books, 700))
    await transfers.reserve(_hold(books, 800, minutes=60))
    clock.advance(timedelta(minutes=5))
    await transfers.settle(Settle(kept.transfers[0].id, "sale", 200, final=False))
    await transfers.settle(Settle(kept.transfers[0].id, "sale", 250))
    await transfers.void(Void(voided.transfers[0].id, "void"))
    clock.advance(timedelta(minutes=6))
    await books.expiry.record_due()
    await _refused(books, books.post("alice", "bob", 999_999))


def _hold(books: Books, amount_minor: int, minutes: int = 10) -> Reserve:
    expires_at = books.clock.now() + timedelta(minutes=minutes)
    return Reserve(
        books.account("alice"), books.account("bob"), amount_minor, "INR", "hold", expires_at
    )


async def _refused(books: Books, order: Post) -> None:
    try:
        await books.transfers.post_one(order, asked("refused"))
    except JournalError:
        return
    raise AssertionError("was to be refused")


async def _alter_accounts(books: Books) -> None:
    accounts = books.accounts
    await accounts.open(
        Open(books.account("gone"), "gone", "INR", "credit", 0), asked=asked("open")
    )
    await accounts.close(Close(books.account("gone")))
    await accounts.open(Open(books.account("debtor"), "debtor", "INR", "credit", 0))
    await accounts.limit(Limit(books.account("debtor"), 5_000))
    await books.transfers.post_one(books.post("debtor", "bob", 4_000))
    await accounts.freeze(Freeze(books.account("debtor"), "outflow"))


async def _fill_shelves(books: Books) -> None:
    for _ in range(2):
        shelf_id = new_id(books.clock.now(), 7)
        for version in (1, 2):
            fact = Fact(shelf_id, version, "shelf.filled", Filled(version * 10))
            running = version == 1
            claim = asked(f"{shelf_id}").claim(shelf_id, running=True) if running else None
            await books.journal.record(Change(new_id(books.clock.now(), 7), (fact,), claim=claim))


async def _assert_balances(books: Books) -> None:
    stood = AssertionMade(
        account_id=books.account("fees"),
        currency="INR",
        basis="recorded",
        stood_at=books.clock.now(),
        low_minor=6,
        high_minor=6,
    )
    made = await books.proofs.assertions.assert_balance(stood, origin=Origin(actor=books.owner))
    assert made.holds
