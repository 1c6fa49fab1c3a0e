"""The ledger's reading room: accounts by their codes, lines in their order, page after page."""

from datetime import timedelta
from uuid import UUID

import pytest

from tallystick.ledger import Open, Reserve, Settle
from tests.books.furnished import Books

pytestmark = pytest.mark.anyio


async def test_accounts_come_by_prefix_in_the_order_of_their_codes(books: Books) -> None:
    codes = ["till:c", "till:a", "till:b", "till-x", "zoo"]
    await books.accounts.ensure_open(
        [Open(books.account(code), code, "INR", "credit") for code in codes]
    )

    first = await books.ledger.list_accounts("till:", limit=2)
    rest = await books.ledger.list_accounts("till:", after_code=first[-1].code, limit=2)

    assert [account.code for account in (*first, *rest)] == ["till:a", "till:b", "till:c"]


async def test_an_account_is_found_by_its_code(books: Books) -> None:
    found = await books.ledger.find_account_by_code("alice")

    assert found is not None
    assert found.id == books.account("alice")
    assert await books.ledger.find_account_by_code("nobody") is None
    assert await books.ledger.find_account(books.account("nobody")) is None


async def test_an_accounts_lines_come_in_their_order_with_the_balance_after_each(
    books: Books,
) -> None:
    for amount in (10, 20, 30):
        await books.transfers.post_one(books.post("alice", "bob", amount))
    await books.transfers.post_one(books.post("bob", "alice", 5))

    bob = books.account("bob")
    first = await books.ledger.list_entries(bob, limit=3)
    rest = await books.ledger.list_entries(bob, after_version=first[-1].account_version)

    told = [(e.entry_type, e.amount_minor, e.balance_after_minor) for e in (*first, *rest)]
    assert told == [
        ("CREDIT", 10, 10),
        ("CREDIT", 20, 30),
        ("CREDIT", 30, 60),
        ("DEBIT", -5, 55),
    ]
    assert {entry.created_at for entry in first} == {books.clock.now()}


async def test_a_transfer_is_found_by_its_id(books: Books) -> None:
    answer = await books.transfers.post_one(books.post("alice", "bob", 10))

    assert await books.ledger.find_transfer(answer.transfers[0].id) == answer.transfers[0]
    assert await books.ledger.find_transfer(books.account("nobody")) is None


class TestReservations:
    async def promise(self, books: Books, debit: str, credit: str, amount_minor: int) -> UUID:
        until = books.clock.now() + timedelta(hours=1)
        accounts = books.account(debit), books.account(credit)
        answer = await books.transfers.reserve(
            Reserve(*accounts, amount_minor, "INR", "deposit", until)
        )
        books.clock.advance(timedelta(seconds=1))
        return answer.change_id

    async def test_one_is_found_as_it_stands(self, books: Books) -> None:
        made_at = books.clock.now()
        one = await self.promise(books, "alice", "bob", 500)
        await books.transfers.settle(Settle(one, "sale", 200, final=False))

        found = await books.ledger.find_reservation(one)

        assert found is not None
        assert (found.amount_minor, found.remaining_minor, found.state) == (500, 300, "open")
        assert (found.code, found.created_at) == ("deposit", made_at)
        assert found.expires_at == made_at + timedelta(hours=1)
        assert await books.ledger.find_reservation(books.account("nobody")) is None

    async def test_an_accounts_come_in_their_order_page_by_page(self, books: Books) -> None:
        await books.transfers.post_one(books.post("bank", "bob", 1_000, "fund"))
        out = [await self.promise(books, "alice", "bob", n) for n in (1, 2, 3)]
        back = await self.promise(books, "bob", "alice", 4)
        await self.promise(books, "bob", "fees", 5)

        alice, ledger = books.account("alice"), books.ledger
        first = await ledger.list_reservations(alice, limit=3)
        rest = await ledger.list_reservations(alice, first[-1].account_version, limit=3)

        assert [promise.id for promise in first] == out
        assert [promise.id for promise in rest] == [back]
        assert await ledger.list_reservations(books.account("nobody")) == []

    async def test_a_transfers_instant_is_its_batchs(self, books: Books) -> None:
        at = books.clock.now()
        answer = await books.transfers.post_one(books.post("alice", "bob", 10))
        books.clock.advance(timedelta(hours=1))

        assert await books.ledger.recorded_at(answer.transfers[0]) == at
