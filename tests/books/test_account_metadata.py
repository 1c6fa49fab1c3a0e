"""What callers keep beside an account: sealed, versioned, exactly once, erasable."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from tallystick import books as room
from tallystick.books import AccountBulks, AccountMetadata, NewAccount
from tallystick.books.model import NOBODY, InvalidTerms, Terms
from tallystick.journal import Journal, JournalError, Refused
from tallystick.ledger import Open
from tallystick.platform.clock import HandClock
from tallystick.platform.postgres.pools import Database
from tests.books.furnished import Books, asked, furnish, wired

pytestmark = pytest.mark.anyio


@dataclass(frozen=True)
class Kept:
    """The books, with what is kept beside accounts."""

    books: Books
    metadata: AccountMetadata
    bulks: AccountBulks


@pytest.fixture
async def kept(database: Database, clock: HandClock) -> AsyncIterator[Kept]:
    async with Journal.open(
        database, clock, projections=room.projections, master_key=bytes(32)
    ) as journal:
        books = wired(database, journal, clock)
        await furnish(books)
        yield Kept(books, AccountMetadata(journal, database, clock), AccountBulks(journal, clock))


def new(books: Books, *names: str) -> list[NewAccount]:
    return [
        NewAccount(Open(books.account(n), n, "INR", "credit"), {"name": n.title()}) for n in names
    ]


class TestMetadata:
    async def test_each_description_replaces_the_one_before(self, kept: Kept) -> None:
        bob = kept.books.account("bob")
        assert (await kept.metadata.get(bob)).version == 0
        await kept.metadata.put(bob, {"desk": "3", "who": "Bob"})
        await kept.metadata.put(bob, {"desk": "4"})

        found = await kept.metadata.get(bob)
        assert (found.version, found.texts) == (2, {"desk": "4"})

    async def test_many_at_once_all_happen_one_after_the_other(self, kept: Kept) -> None:
        bob = kept.books.account("bob")
        put = [kept.metadata.put(bob, {"n": str(n)}, asked=asked(f"k{n}")) for n in range(4)]

        found = await asyncio.gather(*put)

        assert sorted(each.version for each in found) == [1, 2, 3, 4]
        last = max(found, key=lambda each: each.version)
        assert (await kept.metadata.get(bob)).texts == last.texts

    async def test_a_repeat_answers_as_it_was_then(self, kept: Kept) -> None:
        bob = kept.books.account("bob")
        first = await kept.metadata.put(bob, {"a": "1"}, asked=asked("k1"))
        await kept.metadata.put(bob, {"a": "2"})
        again = await kept.metadata.put(bob, {"a": "1"}, asked=asked("k1"))

        assert (again.version, again.texts, again.replayed) == (first.version, first.texts, True)
        assert (await kept.metadata.get(bob)).version == 2

    async def test_it_is_erased_with_its_key_and_the_books_still_prove(self, kept: Kept) -> None:
        bob = kept.books.account("bob")
        await kept.metadata.put(bob, {"who": "Bob"})
        await kept.books.journal.erase(bob)
        async with kept.books.database.reading() as connection:
            comparisons = await kept.books.journal.verify_projections(connection)
            chain = await kept.books.journal.verify_chain(connection)

        assert (await kept.metadata.get(bob)).texts == {}
        assert all(comparison.equal for comparison in comparisons)
        assert not chain.breaks


class TestBulks:
    async def test_a_bulk_that_broke_off_is_completed_by_its_repeat(self, kept: Kept) -> None:
        books = kept.books
        wanted = new(books, "carol", "dave", "erin")
        await kept.bulks.open_each(wanted, asked=asked("k1"))
        # As if a crash had come behind the claim of the bulk and one of its accounts.
        more = [*wanted[:1], *new(books, "frank")]
        await kept.bulks._submit(more, asked("k2"), NOBODY)

        found = await kept.bulks.open_each(more, asked=asked("k2"))
        again = await kept.bulks.open_each(more, asked=asked("k2"))

        assert isinstance(found[0], Refused)
        assert isinstance(found[1], Terms)
        assert isinstance(again[0], Refused)
        assert isinstance(again[1], Terms)
        assert again[1].replayed

    async def test_an_atomic_bulk_that_is_refused_leaves_nothing(self, kept: Kept) -> None:
        books = kept.books
        with pytest.raises(Refused) as caught:
            await kept.bulks.open_all(new(books, "carol", "alice"), asked=asked("k1"))

        assert caught.value.code == "account_exists"
        assert await books.ledger.find_account(books.account("carol")) is None
        assert (await kept.metadata.get(books.account("carol"))).version == 0

    async def test_what_no_account_can_be_refuses_the_bulk_before_the_journal(
        self, kept: Kept
    ) -> None:
        wanted = [*new(kept.books, "carol"), *new(kept.books, "two words")]
        for opening in (kept.bulks.open_all, kept.bulks.open_each):
            with pytest.raises(InvalidTerms):
                await opening(wanted, asked=asked("k1"))
        assert await kept.books.ledger.find_account(kept.books.account("carol")) is None

    async def test_a_key_of_another_bulk_opens_nothing(self, kept: Kept) -> None:
        await kept.bulks.open_each(new(kept.books, "carol"), asked=asked("k1", "one"))
        for opening in (kept.bulks.open_all, kept.bulks.open_each):
            with pytest.raises(JournalError) as caught:
                await opening(new(kept.books, "dave"), asked=asked("k1", "two"))
            assert caught.value.code == "idempotency_key_reused"
        assert await kept.books.ledger.find_account(kept.books.account("dave")) is None
