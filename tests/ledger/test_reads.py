"""The ledger's reading room: accounts by their codes, lines in their order, page after page."""

import pytest

from tallystick.ledger import Open
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
