"""Looking back: balances by recording and by value date, statements, all accounts together."""

from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from tallystick.ledger import Reserve, Settle, Void
from tallystick.ledger.model import Account
from tests.books.furnished import Books

pytestmark = pytest.mark.anyio

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


async def account(books: Books, name: str) -> Account:
    found = await books.ledger.find_account(books.account(name))
    assert found is not None
    return found


async def post(
    books: Books, debit: str, credit: str, amount: int, at: datetime | None = None
) -> None:
    order = books.post(debit, credit, amount)
    await books.transfers.post_one(replace(order, effective_at=at))


class TestByRecording:
    async def test_a_balance_at_an_instant_is_the_one_after_its_last_line(
        self, books: Books
    ) -> None:
        start = books.clock.now()
        for amount in (10, 20, 30):
            books.clock.advance(HOUR)
            await post(books, "alice", "bob", amount)
        bob = await account(books, "bob")
        at = [start + n * HOUR for n in range(-1, 6)]

        found = [await books.ledger.history.balance_at(bob, instant) for instant in at]

        assert [balance.posted_minor for balance in found] == [0, 0, 10, 30, 60, 60, 60]
        assert [balance.version for balance in found] == [0, 0, 1, 2, 3, 3, 3]

    async def test_it_holds_for_both_sides_and_for_every_line_of_a_busy_account(
        self, books: Books
    ) -> None:
        for number in range(1, 24):
            books.clock.advance(HOUR)
            pair = ("alice", "bob") if number % 3 else ("bob", "alice")
            await post(books, *pair, number)
        for name in ("alice", "bob", "bank"):
            standing = await account(books, name)
            for line in await books.ledger.list_entries(standing.id):
                at = await books.ledger.history.balance_at(standing, line.created_at)
                before = await books.ledger.history.balance_at(
                    standing, line.created_at - timedelta(microseconds=1)
                )
                assert at.posted_minor == line.balance_after_minor
                assert at.version == line.account_version
                assert before.version == line.account_version - 1

    async def test_what_was_promised_then_is_told_from_either_end(self, books: Books) -> None:
        alice, bob = books.account("alice"), books.account("bob")
        expected = []
        for step in range(12):
            books.clock.advance(HOUR)
            hold = await books.transfers.reserve(Reserve(alice, bob, 100 + step, "INR", "hold"))
            expected.append(await pending(books))
            books.clock.advance(HOUR)
            reservation = hold.transfers[0].id
            if step % 3 == 0:
                await books.transfers.settle(Settle(reservation, "sale", 40))
            elif step % 3 == 1:
                await books.transfers.void(Void(reservation, "no"))
            else:
                await books.transfers.settle(Settle(reservation, "sale", 40, final=False))
            expected.append(await pending(books))
        for at, outflow, available, inflow in expected:
            then = await books.ledger.history.balance_at(await account(books, "alice"), at)
            there = await books.ledger.history.balance_at(await account(books, "bob"), at)
            assert (then.pending_out_minor, then.available_minor) == (outflow, available)
            assert there.pending_in_minor == inflow


async def pending(books: Books) -> tuple[datetime, int, int, int]:
    alice, bob = await account(books, "alice"), await account(books, "bob")
    out, into = alice.pending_out_minor, bob.pending_in_minor
    return books.clock.now(), out, alice.available_minor, into


class TestByValueDate:
    async def test_a_back_dated_line_counts_from_its_date_and_rewrites_nothing(
        self, books: Books
    ) -> None:
        start = books.clock.now()
        books.clock.advance(DAY)
        await post(books, "alice", "bob", 10)
        books.clock.advance(DAY)
        await post(books, "alice", "bob", 500, at=start + HOUR)
        books.clock.advance(DAY)
        bob = await account(books, "bob")
        history = books.ledger.history

        by_value = [
            (await history.balance_by_value(bob, start + n * HOUR)).posted_minor
            for n in (0, 1, 23, 24, 48, 72)
        ]
        by_recording = [
            (await history.balance_at(bob, start + n * HOUR)).posted_minor
            for n in (0, 1, 23, 24, 48, 72)
        ]
        known_before = await history.balance_by_value(bob, start + 2 * HOUR, start + DAY)

        assert by_value == [0, 500, 500, 510, 510, 510]
        assert by_recording == [0, 0, 0, 10, 510, 510]
        assert known_before.posted_minor == 0
        lines = await books.ledger.list_entries(bob.id)
        assert [line.balance_after_minor for line in lines] == [10, 510]


class TestStatements:
    async def test_a_statement_leads_from_its_opening_to_its_closing_balance(
        self, books: Books
    ) -> None:
        start = books.clock.now()
        for amount in (10, 20, 30, 40):
            books.clock.advance(DAY)
            await post(books, "alice", "bob", amount)
        await books.transfers.reserve(
            Reserve(books.account("bob"), books.account("alice"), 7, "INR", "hold")
        )
        await post(books, "bob", "alice", 5)
        bob = await account(books, "bob")

        period = await books.ledger.history.period(bob, start + 2 * DAY, start + 4 * DAY)
        totals = await books.ledger.history.totals(period)
        lines = await books.ledger.history.list_lines(period)

        assert (period.opening_minor, period.closing_minor) == (10, 60)
        assert (totals.lines, totals.debits_minor, totals.credits_minor) == (2, 0, 50)
        assert [line.amount_minor for line in lines] == [20, 30]

    async def test_what_moves_no_money_is_not_on_it(self, books: Books) -> None:
        start = books.clock.now()
        books.clock.advance(HOUR)
        alice, bob = books.account("alice"), books.account("bob")
        hold = await books.transfers.reserve(Reserve(alice, bob, 100, "INR", "hold"))
        await books.transfers.settle(Settle(hold.transfers[0].id, "sale", 60))
        period = await books.ledger.history.period(await account(books, "bob"), start, start + DAY)

        lines = await books.ledger.history.list_lines(period)

        assert [(line.kind, line.amount_minor) for line in lines] == [("settle", 60)]
        assert (await books.ledger.history.totals(period)).lines == 1

    @pytest.mark.parametrize("by_value", [False, True])
    @pytest.mark.parametrize("name", ["alice", "bob", "bank"])
    async def test_pages_follow_each_other_and_add_up_on_both_bases(
        self, books: Books, name: str, by_value: bool
    ) -> None:
        start = books.clock.now()
        for number in range(1, 15):
            books.clock.advance(6 * HOUR)
            pair = ("bob", "alice") if number % 4 == 0 else ("bank", "bob")
            back = books.clock.now() - number * 5 * HOUR if number % 3 == 0 else None
            await post(books, *pair, number, at=back)
        standing = await account(books, name)
        history = books.ledger.history
        since, until = start + 12 * HOUR, start + 60 * HOUR

        period = await history.period(standing, since, until, by_value=by_value)
        totals = await history.totals(period)
        whole = await history.list_lines(period)
        paged = []
        after = None
        while page := await history.list_lines(period, after, 2):
            paged += page
            last = page[-1]
            date = (by_value and last.effective_at) or last.created_at
            after = (date, last.account_version)

        assert paged == whole
        assert totals.lines == len(whole)
        sign = -1 if standing.normal_side == "debit" else 1
        moved = sign * (totals.credits_minor - totals.debits_minor)
        assert period.opening_minor + moved == period.closing_minor
        running = period.opening_minor
        for line in whole:
            running += sign * line.amount_minor
            assert line.balance_after_minor == running
