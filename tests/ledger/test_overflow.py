"""The edge of 64 bits: what would not fit is refused by name, before PostgreSQL sees it."""

import asyncio

import pytest

from tallystick.books import Answer
from tallystick.journal import JournalError, Refused
from tallystick.ledger import Post, Reserve, Settle
from tallystick.platform.postgres.pools import Connection
from tests.books.furnished import Books

pytestmark = pytest.mark.anyio
LARGEST = 2**63 - 1
ROOM = 1_000


@pytest.fixture
async def full_books(books: Books, writer: Connection) -> Books:
    """`alice` and `bob` have turned over nearly all that 64 bits can count."""
    await writer.execute(
        "UPDATE ledger_accounts SET debits_posted = $1, credits_posted = $1, overdraft_limit = NULL"
        " WHERE code IN ('alice', 'bob')",
        LARGEST - ROOM,
    )
    return books


def promised(books: Books, amount_minor: int) -> Reserve:
    return Reserve(books.account("alice"), books.account("bob"), amount_minor, "INR", "hold")


async def test_the_last_unit_that_fits_is_moved(full_books: Books) -> None:
    answer = await full_books.transfers.post_one(full_books.post("alice", "bob", ROOM))

    assert answer.transfers[0].credit_balance == ROOM
    bob = await full_books.ledger.find_account(full_books.account("bob"))
    assert bob is not None
    assert bob.credits_posted == LARGEST


@pytest.mark.parametrize("amount_minor", [ROOM + 1, 10**15])
async def test_one_more_is_refused_and_leaves_its_neighbours_alone(
    full_books: Books, amount_minor: int
) -> None:
    books = full_books
    orders = [
        books.post("bank", "fees", 1),
        books.post("alice", "bob", amount_minor),
        books.post("bank", "fees", 2),
    ]

    outcomes = await asyncio.gather(
        *(books.transfers.post_one(order) for order in orders), return_exceptions=True
    )

    assert [type(outcome) for outcome in outcomes] == [Answer, Refused, Answer]
    refused = outcomes[1]
    assert isinstance(refused, JournalError)
    assert refused.code == "balance_overflow"
    assert await books.balance("fees") == 3


async def test_a_promise_is_refused_where_it_would_be_settled(full_books: Books) -> None:
    transfers = full_books.transfers
    reserved = await transfers.reserve(promised(full_books, ROOM + 1))

    with pytest.raises(Refused) as caught:
        await transfers.settle(Settle(reserved.change_id, "sale"))
    await transfers.settle(Settle(reserved.change_id, "sale", ROOM))

    assert caught.value.code == "balance_overflow"


async def test_an_amount_beyond_the_largest_is_refused_by_name(books: Books) -> None:
    for amount_minor in (10**15 + 1, 2**63 - 1, 2**63, 2**64, 10**30, 0, -1, -(2**63)):
        for order in (books.post("bank", "alice", amount_minor), promised(books, amount_minor)):
            with pytest.raises(Refused) as caught:
                await (
                    books.transfers.post_one(order)
                    if isinstance(order, Post)
                    else books.transfers.reserve(order)
                )
            assert caught.value.code == "invalid_amount"
    assert await books.balance("alice") == 10_000
