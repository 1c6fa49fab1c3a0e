"""Transfers: what a verb moved it answers, and a repeat moves nothing and answers the same."""

import asyncio
from datetime import timedelta
from typing import cast
from uuid import UUID

import pytest
from msgspec import json
from msgspec.structs import replace

from tallystick.books import Answer, Transfers
from tallystick.books.model import Order
from tallystick.journal import JournalError, Refused
from tallystick.ledger import Ledger, Post, Reserve, Settle, Void
from tallystick.platform.ids import bucket_of
from tests.books.furnished import Books, asked

pytestmark = pytest.mark.anyio


def answer_of(item: Answer | JournalError) -> Answer:
    assert isinstance(item, Answer), item
    return item


def code_of(item: Answer | JournalError) -> str:
    assert isinstance(item, JournalError), item
    return item.code


def hold(books: Books, amount_minor: int) -> Reserve:
    return Reserve(books.account("alice"), books.account("bob"), amount_minor, "INR", "hold")


class TestOne:
    async def test_a_post_answers_with_the_balances_after_it(self, books: Books) -> None:
        answer = await books.transfers.post_one(books.post("alice", "bob", 2_500))

        (row,) = answer.transfers
        assert (row.debit_balance, row.credit_balance, row.amount) == (7_500, 2_500, 2_500)
        assert row.id == answer.change_id
        assert answer.at == books.clock.now()
        assert not answer.replayed

    async def test_it_reads_nothing(self, books: Books) -> None:
        """The hot path: without a reading room it works as well."""
        blind = Transfers(books.journal, cast("Ledger", None), books.clock)

        assert (await blind.post_one(books.post("alice", "bob", 1), asked("k1"))).transfers

    async def test_its_id_lies_in_the_bucket_of_the_debit_account(self, books: Books) -> None:
        answer = await books.transfers.post_one(books.post("alice", "bob", 1))

        assert bucket_of(answer.change_id) == bucket_of(books.account("alice"))

    async def test_its_fact_is_lean(self, books: Books) -> None:
        answer = await books.transfers.post_one(books.post("alice", "bob", 1, "capture"))

        (fact,) = await books.journal.facts_of(answer.change_id)
        assert (fact.kind, fact.version) == ("transfer.posted", 1)
        assert fact.data == {"code": "capture"}
        assert len(json.encode(fact.data)) < 60

    async def test_a_repeat_answers_from_the_rows_of_the_first(self, books: Books) -> None:
        first = await books.transfers.post_one(books.post("alice", "bob", 2_500), asked("k1"))
        await books.transfers.post_one(books.post("alice", "bob", 100))
        books.clock.advance(timedelta(hours=1))

        again = await books.transfers.post_one(books.post("alice", "bob", 2_500), asked("k1"))

        assert again == replace(first, replayed=True)
        assert await books.balance("bob") == 2_600

    async def test_the_same_key_at_once_moves_once(self, books: Books) -> None:
        answers = await asyncio.gather(
            *(
                books.transfers.post_one(books.post("alice", "bob", 2_500), asked("k1"))
                for _ in range(20)
            )
        )

        assert len({answer.change_id for answer in answers}) == 1
        assert sum(not answer.replayed for answer in answers) == 1
        assert await books.balance("bob") == 2_500

    async def test_a_key_that_stood_for_something_else_is_refused(self, books: Books) -> None:
        await books.transfers.post_one(books.post("alice", "bob", 1), asked("k1", "one"))

        with pytest.raises(JournalError) as caught:
            await books.transfers.post_one(books.post("alice", "bob", 2), asked("k1", "two"))

        assert caught.value.code == "idempotency_key_reused"
        assert await books.balance("bob") == 1

    async def test_a_refusal_stands_even_when_the_money_has_come(self, books: Books) -> None:
        too_much = books.post("alice", "bob", 10_001)
        with pytest.raises(Refused) as first:
            await books.transfers.post_one(too_much, asked("k1"))
        await books.transfers.post_one(books.post("bank", "alice", 5_000, "fund"))

        with pytest.raises(Refused) as again:
            await books.transfers.post_one(too_much, asked("k1"))

        assert first.value.code == again.value.code == "insufficient_funds"
        assert first.value.detail == again.value.detail

    async def test_a_promise_is_kept_in_part_and_the_rest_returns(self, books: Books) -> None:
        reserved = await books.transfers.reserve(hold(books, 6_000))
        reservation_id = reserved.transfers[0].id

        settled = await books.transfers.settle(Settle(reservation_id, "capture", 4_500))

        assert [(row.kind, row.amount) for row in settled.transfers] == [
            ("settle", 4_500),
            ("void", 1_500),
        ]
        assert await books.balance("bob") == 4_500
        assert bucket_of(settled.change_id) == bucket_of(reservation_id)

    async def test_a_promise_is_given_back_once(self, books: Books) -> None:
        reserved = await books.transfers.reserve(hold(books, 6_000), asked("k1"))
        order = Void(reserved.transfers[0].id, "void")

        first = await books.transfers.void(order, asked("k2"))
        again = await books.transfers.void(order, asked("k2"))

        assert again == replace(first, replayed=True)
        with pytest.raises(Refused, match="is voided"):
            await books.transfers.void(order, asked("k3"))

    async def test_each_verb_tells_its_own_fact(self, books: Books) -> None:
        reserved = await books.transfers.reserve(hold(books, 10))
        settled = await books.transfers.settle(
            Settle(reserved.transfers[0].id, "c", 4, final=False)
        )
        voided = await books.transfers.void(Void(reserved.transfers[0].id, "void"))

        told = [
            (await books.journal.facts_of(answer.change_id))[0].kind
            for answer in (reserved, settled, voided)
        ]
        assert told == ["transfer.reserved", "transfer.settled", "transfer.voided"]


class TestManyEachForItself:
    async def test_a_refused_order_leaves_its_neighbours_alone(self, books: Books) -> None:
        items = await books.transfers.many(
            [
                books.post("alice", "bob", 4_000),
                books.post("alice", "bob", 7_000),
                books.post("bob", "fees", 100),
                books.post("alice", "nobody", 1),
            ]
        )

        assert [answer_of(items[n]).transfers[0].amount for n in (0, 2)] == [4_000, 100]
        assert [code_of(items[n]) for n in (1, 3)] == ["insufficient_funds", "unknown_account"]
        assert await books.balance("alice") == 6_000

    async def test_a_repeat_answers_item_by_item(self, books: Books) -> None:
        orders = [books.post("alice", "bob", n) for n in (4_000, 7_000, 1_000)]
        first = await books.transfers.many(orders, asked("k1"))
        await books.transfers.post_one(books.post("bank", "alice", 9_000, "fund"))

        again = await books.transfers.many(orders, asked("k1"))

        for n in (0, 2):
            assert answer_of(again[n]) == replace(answer_of(first[n]), replayed=True)
        assert code_of(again[1]) == "insufficient_funds"
        assert await books.balance("bob") == 5_000

    async def test_the_same_bulk_at_once_moves_once(self, books: Books) -> None:
        orders = [books.post("alice", "bob", 10) for _ in range(50)]

        bulks = await asyncio.gather(*(books.transfers.many(orders, asked("k1")) for _ in range(4)))

        assert await books.balance("bob") == 500
        for items in zip(*bulks, strict=True):
            assert len({answer_of(item).change_id for item in items}) == 1

    async def test_a_longer_body_under_the_same_key_moves_nothing(self, books: Books) -> None:
        orders = [books.post("alice", "bob", 10)]
        await books.transfers.many(orders, asked("k1", "one"))

        with pytest.raises(JournalError) as caught:
            await books.transfers.many([*orders, *orders], asked("k1", "two"))

        assert caught.value.code == "idempotency_key_reused"
        assert await books.balance("bob") == 10

    async def test_a_bulk_that_broke_off_is_completed_by_its_repeat(self, books: Books) -> None:
        """Only the first of the two was recorded: the repeat moves the second and no more."""
        orders = [books.post("alice", "bob", 10), books.post("alice", "bob", 20)]
        await books.transfers.many(orders[:1], asked("k1"))

        items = await books.transfers.many(orders, asked("k1"))

        assert [answer_of(item).replayed for item in items] == [True, False]
        assert await books.balance("bob") == 30

    async def test_items_name_their_bulk_as_their_cause(self, books: Books) -> None:
        (item,) = await books.transfers.many([books.post("alice", "bob", 10)], asked("k1"))

        (fact,) = await books.journal.facts_of(answer_of(item).change_id)
        assert fact.origin.cause is not None
        (submitted,) = await books.journal.facts_of(fact.origin.cause)
        assert (submitted.kind, submitted.data) == ("transfers.submitted", {"count": 1})

    async def test_a_bulks_key_does_not_meet_a_single_ones(self, books: Books) -> None:
        await books.transfers.many([books.post("alice", "bob", 10)], asked("k1"))

        with pytest.raises(JournalError) as caught:
            await books.transfers.post_one(books.post("alice", "bob", 10), asked("k1", "x"))
        await books.transfers.post_one(books.post("alice", "bob", 10), asked("k1#0"))

        assert caught.value.code == "idempotency_key_reused"
        assert await books.balance("bob") == 20

    async def test_nothing_asked_is_nothing_answered(self, books: Books) -> None:
        assert await books.transfers.many([], asked("k1")) == []


class TestManyTogether:
    async def test_all_of_them_happen_in_one_change(self, books: Books) -> None:
        items = await books.transfers.many(
            [books.post("alice", "bob", 9_700), books.post("bob", "fees", 300, "fee")],
            atomic=True,
        )

        answers = [answer_of(item) for item in items]
        assert len({answer.change_id for answer in answers}) == 1
        assert [answer.transfers[0].amount for answer in answers] == [9_700, 300]

    async def test_or_none_does(self, books: Books) -> None:
        with pytest.raises(Refused) as caught:
            await books.transfers.many(
                [books.post("alice", "bob", 9_700), books.post("alice", "fees", 301, "fee")],
                asked("k1"),
                atomic=True,
            )

        assert caught.value.code == "insufficient_funds"
        assert await books.balance("alice") == 10_000

    async def test_a_repeat_gives_each_order_its_own_rows_again(self, books: Books) -> None:
        reserved = await books.transfers.reserve(hold(books, 500))
        reservation_id = reserved.transfers[0].id
        orders: list[Order] = [
            Settle(reservation_id, "c", 100, final=False),
            Settle(reservation_id, "c", 150),
            books.post("alice", "bob", 7),
        ]

        first = await books.transfers.many(orders, asked("k1"), atomic=True)
        again = await books.transfers.many(orders, asked("k1"), atomic=True)

        kinds = [[str(row.kind) for row in answer_of(item).transfers] for item in first]
        assert kinds == [["settle"], ["settle", "void"], ["post"]]
        assert [answer_of(item) for item in again] == [
            replace(answer_of(item), replayed=True) for item in first
        ]

    async def test_a_part_and_a_void_of_its_own_stay_apart(self, books: Books) -> None:
        reserved = await books.transfers.reserve(hold(books, 500))
        reservation_id: UUID = reserved.transfers[0].id

        items = await books.transfers.many(
            [Settle(reservation_id, "c", 100, final=False), Void(reservation_id, "void")],
            atomic=True,
        )

        kinds = [[str(row.kind) for row in answer_of(item).transfers] for item in items]
        assert kinds == [["settle"], ["void"]]

    async def test_one_fact_tells_each_kind(self, books: Books) -> None:
        orders: list[Order] = [
            books.post("alice", "bob", 1),
            hold(books, 2),
            books.post("alice", "bob", 3, "tip"),
        ]
        items = await books.transfers.many(orders, atomic=True)

        facts = await books.journal.facts_of(answer_of(items[0]).change_id)
        assert [(fact.version, fact.kind, fact.data) for fact in facts] == [
            (1, "transfer.posted", {"code": None, "count": 2}),
            (2, "transfer.reserved", {"code": "hold"}),
        ]


async def test_a_back_dated_post_says_so(books: Books) -> None:
    earlier = books.clock.now() - timedelta(days=3)
    order = Post(books.account("alice"), books.account("bob"), 5, "INR", "sale", earlier)

    answer = await books.transfers.post_one(order)

    entry = (await books.ledger.list_entries(books.account("bob")))[-1]
    assert (entry.effective_at, entry.created_at) == (earlier, answer.at)
