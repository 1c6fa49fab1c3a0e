"""Expiry: the clock refuses at once, the job gives the money back."""

import asyncio
from datetime import timedelta

import pytest

from tallystick.journal import Refused
from tallystick.ledger import Reserve, Settle
from tests.books.furnished import Books

pytestmark = pytest.mark.anyio


async def reserve(books: Books, amount_minor: int, minutes: int | None) -> Settle:
    """A promise of alice to bob, and the order that would keep it."""
    expires_at = None if minutes is None else books.clock.now() + timedelta(minutes=minutes)
    answer = await books.transfers.reserve(
        Reserve(
            books.account("alice"), books.account("bob"), amount_minor, "INR", "hold", expires_at
        )
    )
    return Settle(answer.transfers[0].id, "sale")


async def available(books: Books) -> int:
    account = await books.ledger.find_account(books.account("alice"))
    assert account is not None
    return account.available_minor


async def test_only_what_is_due_expires(books: Books) -> None:
    short = await reserve(books, 1_000, minutes=10)
    longer = await reserve(books, 2_000, minutes=11)
    await reserve(books, 4_000, minutes=None)
    books.clock.advance(timedelta(minutes=10))

    assert await books.expiry.record_due() == 1

    assert await available(books) == 10_000 - 2_000 - 4_000
    with pytest.raises(Refused, match="is expired"):
        await books.transfers.settle(short)
    await books.transfers.settle(longer)


async def test_a_due_promise_cannot_be_kept_before_the_job_has_come(books: Books) -> None:
    order = await reserve(books, 1_000, minutes=10)
    books.clock.advance(timedelta(minutes=10))

    with pytest.raises(Refused) as caught:
        await books.transfers.settle(order)

    assert caught.value.code == "reservation_expired"
    assert await available(books) == 9_000


async def test_its_money_returns_once(books: Books) -> None:
    for _ in range(30):
        await reserve(books, 100, minutes=1)
    books.clock.advance(timedelta(minutes=1))

    recorded = await asyncio.gather(*(books.expiry.record_due() for _ in range(3)))

    assert sum(recorded) == 30
    assert await available(books) == 10_000
    assert await books.expiry.record_due() == 0


async def test_a_full_round_leaves_the_rest_to_the_next(books: Books) -> None:
    for _ in range(5):
        await reserve(books, 100, minutes=1)
    books.clock.advance(timedelta(minutes=1))

    assert [await books.expiry.record_due(limit=3) for _ in range(3)] == [3, 2, 0]


async def test_it_is_on_record(books: Books) -> None:
    order = await reserve(books, 100, minutes=1)
    books.clock.advance(timedelta(minutes=1))
    await books.expiry.record_due()

    (*_, entry) = await books.ledger.list_entries(books.account("alice"))
    assert (entry.kind, entry.code) == ("expire", "expiry")
    (fact,) = await books.journal.facts_of(entry.transaction_id)
    assert fact.kind == "transfer.expired"
    assert order.reservation_id != entry.transfer_id
