"""Reversals: what was moved is moved back by another transfer, once, and the log says which."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from msgspec.structs import replace

from tallystick.books import Answer
from tallystick.books.model import (
    AlreadyReversed,
    BooksError,
    NotReversible,
    TransferNotFound,
)
from tallystick.books.proof import prove
from tallystick.journal import Change, JournalError, Origin, Refused
from tallystick.ledger import Reserve, Settle, Void
from tallystick.platform.ids import bucket_of, new_id
from tests.books.furnished import Books, asked

pytestmark = pytest.mark.anyio


async def sale(books: Books, amount_minor: int = 2_500) -> UUID:
    """A transfer from alice to bob."""
    answer = await books.transfers.post_one(books.post("alice", "bob", amount_minor))
    return answer.transfers[0].id


def hold(books: Books, amount_minor: int) -> Reserve:
    return Reserve(books.account("alice"), books.account("bob"), amount_minor, "INR", "hold")


async def told_of(books: Books, change_id: UUID) -> list[str]:
    return [fact.kind for fact in await books.journal.facts_of(change_id)]


async def test_the_money_goes_back_by_a_transfer_that_names_its_cause(books: Books) -> None:
    transfer_id = await sale(books)
    origin = Origin(actor=books.owner, request_id="req-9")

    answer = await books.transfers.reverse(transfer_id, origin=origin)

    (row,) = answer.transfers
    assert (row.debit, row.credit) == (books.account("bob"), books.account("alice"))
    assert (row.amount, row.kind, row.code) == (2_500, "post", "reversal")
    assert await books.balance("alice") == 10_000
    assert await books.balance("bob") == 0
    (posted,) = await books.journal.facts_of(answer.change_id)
    assert (posted.kind, posted.data) == ("transfer.posted", {"code": "reversal"})
    assert posted.origin == Origin(books.owner, "req-9", transfer_id)
    assert bucket_of(answer.change_id) == bucket_of(books.account("bob"))


async def test_the_reversed_change_is_told_by_which(books: Books) -> None:
    transfer_id = await sale(books)

    answer = await books.transfers.reverse(transfer_id, code="mistake")

    told = (await books.journal.facts_of(transfer_id))[-1]
    assert (told.kind, told.version) == ("transfer.reversed", 2)
    assert told.data == {"reversed_id": str(transfer_id), "reversal_id": str(answer.change_id)}
    found = await books.transfers.get_transfer(transfer_id)
    assert found.reversal_id == answer.change_id
    back = await books.transfers.get_transfer(answer.transfers[0].id)
    assert (back.cause, back.reversal_id, back.row.code) == (transfer_id, None, "mistake")


async def test_a_second_reversal_is_refused(books: Books) -> None:
    transfer_id = await sale(books)
    await books.transfers.reverse(transfer_id, asked("k1"))

    for wish in (None, asked("k2")):
        with pytest.raises(AlreadyReversed, match="reversed it before"):
            await books.transfers.reverse(transfer_id, wish)

    assert await books.balance("alice") == 10_000


async def test_twenty_reversals_at_once_move_it_back_once(books: Books) -> None:
    transfer_id = await sale(books)

    outcomes = await asyncio.gather(
        *(books.transfers.reverse(transfer_id, asked(f"k{n}")) for n in range(20)),
        return_exceptions=True,
    )

    assert sum(isinstance(outcome, Answer) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, AlreadyReversed) for outcome in outcomes) == 19
    assert await books.balance("bob") == 0


async def test_the_same_wish_again_is_answered_alike(books: Books) -> None:
    transfer_id = await sale(books)
    first = await books.transfers.reverse(transfer_id, asked("k1"))

    again = await books.transfers.reverse(transfer_id, asked("k1"))

    assert again == replace(first, replayed=True)
    assert await books.balance("bob") == 0


async def test_the_same_wish_at_once_is_answered_alike(books: Books) -> None:
    transfer_id = await sale(books)

    answers = await asyncio.gather(
        *(books.transfers.reverse(transfer_id, asked("k1")) for _ in range(10))
    )

    assert len({answer.change_id for answer in answers}) == 1
    assert sum(not answer.replayed for answer in answers) == 1


async def test_a_key_that_reversed_another_transfer_is_refused(books: Books) -> None:
    first, second = await sale(books, 1), await sale(books, 2)
    await books.transfers.reverse(first, asked("k1", "one"))

    for transfer_id in (second, first):  # one not reversed yet, one reversed already
        with pytest.raises(JournalError) as caught:
            await books.transfers.reverse(transfer_id, asked("k1", "two"))
        assert caught.value.code == "idempotency_key_reused"


async def test_what_the_receiver_has_spent_cannot_be_taken_back(books: Books) -> None:
    transfer_id = await sale(books, 2_500)
    await books.transfers.post_one(books.post("bob", "fees", 1))

    with pytest.raises(Refused) as caught:
        await books.transfers.reverse(transfer_id, asked("k1"))
    await books.transfers.post_one(books.post("bank", "bob", 1, "fund"))

    assert caught.value.code == "insufficient_funds"
    with pytest.raises(Refused):  # remembered
        await books.transfers.reverse(transfer_id, asked("k1"))
    await books.transfers.reverse(transfer_id, asked("k2"))
    assert await books.balance("alice") == 10_000


async def test_a_settled_part_goes_back_and_no_more(books: Books) -> None:
    reserved = await books.transfers.reserve(hold(books, 500))
    settled = await books.transfers.settle(Settle(reserved.transfers[0].id, "sale", 300))

    await books.transfers.reverse(settled.transfers[0].id)

    assert await books.balance("alice") == 10_000


async def test_what_moved_nothing_cannot_be_reversed(books: Books) -> None:
    reserved = await books.transfers.reserve(hold(books, 500))
    voided = await books.transfers.void(Void(reserved.transfers[0].id, "void"))

    for answer in (reserved, voided):
        with pytest.raises(NotReversible, match="moves no money"):
            await books.transfers.reverse(answer.transfers[0].id)


async def test_an_expiry_cannot_be_reversed(books: Books) -> None:
    until = books.clock.now() + timedelta(minutes=1)
    reserved = await books.transfers.reserve(replace(hold(books, 5), expires_at=until))
    books.clock.advance(timedelta(minutes=2))
    await books.expiry.record_due()
    entries = await books.ledger.list_entries(books.account("bob"))

    assert [entry.kind for entry in entries] == ["reserve", "expire"]
    with pytest.raises(NotReversible):
        await books.transfers.reverse(entries[-1].transfer_id)
    assert entries[0].transfer_id == reserved.change_id


async def test_what_another_room_moved_is_undone_there(books: Books) -> None:
    change_id = new_id(books.clock.now(), 7)
    await books.journal.record(Change(change_id, transfers=(books.post("alice", "bob", 7),)))

    with pytest.raises(NotReversible, match="part of another object"):
        await books.transfers.reverse(change_id)

    found = await books.transfers.get_transfer(change_id)
    assert (found.at, found.cause, found.reversal_id) == (books.clock.now(), None, None)


async def test_each_transfer_of_a_change_is_reversed_for_itself(books: Books) -> None:
    orders = [books.post("alice", "bob", 10), books.post("alice", "fees", 3, "fee")]
    items = await books.transfers.many(orders, atomic=True)
    rows = [item.transfers[0] for item in items if isinstance(item, Answer)]

    await asyncio.gather(*(books.transfers.reverse(row.id) for row in rows))

    assert [await books.balance(name) for name in ("alice", "bob", "fees")] == [10_000, 0, 0]
    assert await told_of(books, rows[0].change_id) == [
        "transfer.posted",
        "transfer.reversed",
        "transfer.reversed",
    ]
    for row in rows:
        with pytest.raises(AlreadyReversed):
            await books.transfers.reverse(row.id)


async def test_a_reversal_may_itself_be_reversed(books: Books) -> None:
    back = await books.transfers.reverse(await sale(books, 10))

    again = await books.transfers.reverse(back.transfers[0].id)

    assert await books.balance("bob") == 10
    assert (await books.transfers.get_transfer(again.transfers[0].id)).cause == back.change_id


async def test_a_transfer_that_never_was_cannot_be_reversed(books: Books) -> None:
    with pytest.raises(TransferNotFound):
        await books.transfers.reverse(books.account("nobody"))
    with pytest.raises(BooksError) as caught:
        await books.transfers.get_transfer(books.account("nobody"))
    assert caught.value.code == "transfer_not_found"


async def test_the_books_are_green_afterwards(books: Books) -> None:
    await books.transfers.reverse(await sale(books))

    proof = await prove(books.database, books.journal, books.clock)

    assert [check.name for check in proof.checks if not check.green] == []
