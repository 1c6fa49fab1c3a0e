"""A key that comes again with another wish is told which fields are not as they were."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from tallystick.books.differences import Differs
from tallystick.books.model import Order
from tallystick.journal import Asked, JournalError, Refused
from tallystick.ledger import Post, Reserve, Settle, Void
from tests.books.furnished import Books, asked

pytestmark = pytest.mark.anyio


def wish(order: Order | list[Order], key: str = "k1") -> Asked:
    """The wish for this order: its body is what it says."""
    return asked(key, repr(order))


async def differing(books: Books, order: Order) -> tuple[str, ...]:
    """What is told of a second order under the key of the first."""
    with pytest.raises(Differs) as caught:
        await ask(books, order)
    assert caught.value.code == "idempotency_key_reused"
    assert all(field in str(caught.value) for field in caught.value.fields)
    return caught.value.fields


async def ask(books: Books, order: Order) -> Any:
    transfers = books.transfers
    match order:
        case Post():
            return await transfers.post_one(order, wish(order))
        case Reserve():
            return await transfers.reserve(order, wish(order))
        case Settle():
            return await transfers.settle(order, wish(order))
        case Void():
            return await transfers.void(order, wish(order))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("amount_minor", 2_501), ("currency", "USD"), ("code", "tip"), ("up_to", True)),
        *(("debit", UUID(int=1)), ("credit", UUID(int=1))),
    ],
)
async def test_the_one_field_of_a_post(books: Books, field: str, value: Any) -> None:
    order = books.post("alice", "bob", 2_500)
    await ask(books, order)

    assert await differing(books, replace(order, **{field: value})) == (field,)
    assert await books.balance("bob") == 2_500


async def test_several_fields_in_their_order(books: Books) -> None:
    order = books.post("alice", "bob", 2_500)
    await ask(books, order)

    other = replace(order, code="tip", amount_minor=1, credit=books.account("fees"))
    assert await differing(books, other) == ("credit", "amount_minor", "code")


async def test_the_instants(books: Books) -> None:
    earlier = books.clock.now() - timedelta(days=1)
    back_dated = replace(books.post("alice", "bob", 1), effective_at=earlier)
    await ask(books, back_dated)

    assert await differing(books, replace(back_dated, effective_at=None)) == ("effective_at",)


async def test_of_a_balancing_order_what_was_asked_counts_and_not_what_moved(books: Books) -> None:
    order = replace(books.post("alice", "bob", 99_999), up_to=True)
    first = await ask(books, order)
    assert first.transfers[0].amount == 10_000

    assert (await ask(books, order)).transfers == first.transfers
    assert await differing(books, replace(order, amount_minor=10_000)) == ("amount_minor",)
    assert await differing(books, replace(order, up_to=False)) == ("up_to",)


async def test_of_a_reservation(books: Books) -> None:
    until = books.clock.now() + timedelta(hours=1)
    order = Reserve(books.account("alice"), books.account("bob"), 60, "INR", "hold", until)
    await ask(books, order)

    assert await differing(books, replace(order, expires_at=None)) == ("expires_at",)
    assert await differing(books, replace(order, amount_minor=61)) == ("amount_minor",)
    assert await differing(books, books.post("alice", "bob", 60)) == ("kind",)


async def test_of_a_settle_and_a_void(books: Books) -> None:
    until = books.clock.now() + timedelta(hours=1)
    order = Reserve(books.account("alice"), books.account("bob"), 60, "INR", "hold", until)
    one, two = [(await books.transfers.reserve(order)).change_id for _ in range(2)]
    settle = Settle(one, "sale", 10)
    await ask(books, settle)

    assert await differing(books, replace(settle, amount_minor=11)) == ("amount_minor",)
    assert await differing(books, replace(settle, final=False)) == ("final",)
    assert await differing(books, replace(settle, reservation_id=two)) == ("reservation_id",)
    assert await differing(books, Void(one, "sale")) == ("kind",)
    assert await differing(books, replace(settle, amount_minor=None)) == ()  # not known any more


async def test_of_a_refused_order_nothing_is_known(books: Books) -> None:
    too_much = books.post("alice", "bob", 10_001)
    with pytest.raises(Refused):
        await ask(books, too_much)

    assert await differing(books, replace(too_much, amount_minor=1)) == ()


class TestBulk:
    async def told(self, books: Books, orders: list[Order], *, atomic: bool) -> tuple[str, ...]:
        with pytest.raises(Differs) as caught:
            await books.transfers.many(orders, wish(orders), atomic=atomic)
        return caught.value.fields

    @pytest.mark.parametrize("atomic", [True, False])
    async def test_the_item_and_its_field(self, books: Books, atomic: bool) -> None:
        orders: list[Order] = [books.post("alice", "bob", n) for n in (1, 2, 3)]
        await books.transfers.many(orders, wish(orders), atomic=atomic)

        other = [orders[0], books.post("alice", "bob", 2, "tip"), orders[2]]
        assert await self.told(books, other, atomic=atomic) == ("transfers.1.code",)
        assert await self.told(books, orders[:2], atomic=atomic) == ("transfers",)
        assert await self.told(books, [*orders, orders[0]], atomic=atomic) == ("transfers",)

    @pytest.mark.parametrize("atomic", [True, False])
    async def test_whether_it_was_atomic(self, books: Books, atomic: bool) -> None:
        orders: list[Order] = [books.post("alice", "bob", n) for n in (1, 2)]
        await books.transfers.many(orders, asked("k1", "one"), atomic=atomic)

        with pytest.raises(Differs) as caught:
            await books.transfers.many(orders, asked("k1", "two"), atomic=not atomic)
        assert caught.value.fields == ("atomic",)

    async def test_of_a_refused_group_nothing_is_known(self, books: Books) -> None:
        orders: list[Order] = [books.post("alice", "bob", 99_999)]
        with pytest.raises(Refused):
            await books.transfers.many(orders, wish(orders), atomic=True)

        other: list[Order] = [books.post("alice", "bob", 1)]
        assert await self.told(books, other, atomic=True) == ()
        assert await self.told(books, other, atomic=False) == ("atomic",)

    async def test_a_refused_item_does_not_hide_the_next(self, books: Books) -> None:
        orders: list[Order] = [books.post("alice", "bob", n) for n in (99_999, 5)]
        await books.transfers.many(orders, wish(orders))

        other: list[Order] = [orders[0], books.post("alice", "bob", 6)]
        assert await self.told(books, other, atomic=False) == ("transfers.1.amount_minor",)


async def test_a_key_of_another_verb_altogether_is_only_refused(books: Books) -> None:
    await books.transfers.many([books.post("alice", "bob", 1)], asked("k1", "one"))

    with pytest.raises(JournalError) as caught:
        await books.transfers.post_one(books.post("alice", "bob", 1), asked("k1", "two"))
    assert caught.value.code == "idempotency_key_reused"
