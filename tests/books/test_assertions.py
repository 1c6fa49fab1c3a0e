"""Dated balance assertions: kept as they were made, checked by every proof, never adjusted."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from tallystick.books.proof import AssertionMade, InvalidAssertion
from tallystick.books.proof.assertions import AssertionNotFound, UnknownAccount
from tallystick.journal import JournalError
from tallystick.platform.ids import new_id
from tests.books.furnished import Books, asked

pytestmark = pytest.mark.anyio


def stood(books: Books, name: str, balance_minor: int, **other: Any) -> AssertionMade:
    """`name` stood at exactly this now, unless told otherwise."""
    exact = AssertionMade(
        books.account(name), "INR", "recorded", books.clock.now(), balance_minor, balance_minor
    )
    return replace(exact, **other)


async def broken(books: Books) -> list[str]:
    proof = await books.proofs.prove()
    return [check.name for check in proof.checks if not check.green]


async def test_one_that_holds_says_so_and_the_books_prove(books: Books) -> None:
    made = await books.proofs.assertions.assert_balance(stood(books, "alice", 10_000))

    assert (made.balance_minor, made.holds) == (10_000, True)
    assert await broken(books) == []


async def test_one_that_does_not_hold_is_kept_and_the_books_do_not_prove(books: Books) -> None:
    made = await books.proofs.assertions.assert_balance(stood(books, "alice", 10_001))

    assert made.holds is False
    assert await broken(books) == ["assertions"]

    await books.proofs.assertions.withdraw(made.row.id)
    assert await broken(books) == []


async def test_what_moves_later_does_not_touch_it(books: Books) -> None:
    made = await books.proofs.assertions.assert_balance(stood(books, "alice", 10_000))
    books.clock.advance(timedelta(hours=1))
    await books.transfers.post_one(books.post("alice", "bob", 400))

    assert (await books.proofs.assertions.get_assertion(made.row.id)).holds
    assert await broken(books) == []


async def test_a_back_dated_line_changes_the_effective_balance_alone(books: Books) -> None:
    yesterday = books.clock.now() - timedelta(days=1)
    books.clock.advance(timedelta(hours=1))
    order = replace(books.post("bank", "bob", 70), effective_at=yesterday)
    await books.transfers.post_one(order)
    assertions = books.proofs.assertions

    recorded = await assertions.assert_balance(stood(books, "bob", 0, stood_at=yesterday))
    effective = await assertions.assert_balance(
        stood(books, "bob", 70, stood_at=yesterday, basis="effective")
    )

    assert (recorded.holds, effective.holds) == (True, True)
    assert await broken(books) == []
    await assertions.assert_balance(stood(books, "bob", 0, stood_at=yesterday, basis="effective"))
    assert await broken(books) == ["assertions"]


@pytest.mark.parametrize(
    ("low", "high", "holds"),
    [
        (9_000, 11_000, True),
        (10_000, None, True),
        (None, 10_000, True),
        (10_001, None, False),
        (None, 9_999, False),
        (1, 9_999, False),
    ],
)
async def test_it_may_be_within_limits(
    books: Books, low: int | None, high: int | None, holds: bool
) -> None:
    made = await books.proofs.assertions.assert_balance(
        stood(books, "alice", 0, low_minor=low, high_minor=high)
    )

    assert made.holds is holds
    assert await broken(books) == ([] if holds else ["assertions"])


async def test_an_account_on_the_debit_side_stands_on_its_own_side(books: Books) -> None:
    made = await books.proofs.assertions.assert_balance(stood(books, "bank", 10_000))
    await books.proofs.assertions.assert_balance(stood(books, "bank", 10_000, basis="effective"))

    assert made.holds
    assert await broken(books) == []


async def test_a_day_to_come_is_checked_when_it_has_come(books: Books) -> None:
    tomorrow = books.clock.now() + timedelta(days=1)
    made = await books.proofs.assertions.assert_balance(stood(books, "alice", 5, stood_at=tomorrow))
    assert (made.balance_minor, made.holds) == (None, None)
    assert await broken(books) == []

    books.clock.advance(timedelta(days=2))
    assert await broken(books) == ["assertions"]


async def test_the_same_key_asserts_once(books: Books) -> None:
    assertions = books.proofs.assertions
    wish = stood(books, "alice", 10_000)
    first = await assertions.assert_balance(wish, asked("june"))
    again = await assertions.assert_balance(wish, asked("june"))

    assert (again.row, again.replayed) == (first.row, True)
    assert len(await assertions.list_assertions(None, None, 10)) == 1
    with pytest.raises(JournalError, match="another request body"):
        await assertions.assert_balance(wish, asked("june", "other"))


async def test_withdrawing_twice_is_withdrawing_once(books: Books) -> None:
    assertions = books.proofs.assertions
    made = await assertions.assert_balance(stood(books, "alice", 1))

    first = await assertions.withdraw(made.row.id)
    again = await assertions.withdraw(made.row.id)

    assert first.row == again.row
    assert (first.row.version, first.holds) == (2, None)


async def test_what_no_account_can_have_held_is_refused(books: Books) -> None:
    make = books.proofs.assertions.assert_balance
    with pytest.raises(InvalidAssertion):
        await make(stood(books, "alice", 1, low_minor=None, high_minor=None))
    with pytest.raises(InvalidAssertion):
        await make(stood(books, "alice", 1, low_minor=2))
    with pytest.raises(InvalidAssertion):
        await make(stood(books, "alice", 1, currency="USD"))
    with pytest.raises(InvalidAssertion):
        await make(stood(books, "alice", 1, basis="guessed"))
    with pytest.raises(UnknownAccount):
        await make(stood(books, "nobody", 1))
    with pytest.raises(AssertionNotFound):
        await books.proofs.assertions.get_assertion(new_id(books.clock.now(), 1))


async def test_pages_go_on_where_the_last_one_ended(books: Books) -> None:
    assertions = books.proofs.assertions
    for number in range(5):
        await assertions.assert_balance(stood(books, "alice", number))

    first = await assertions.list_assertions(books.account("alice"), None, 3)
    last = first[-1].row
    rest = await assertions.list_assertions(books.account("alice"), (last.made_at, last.id), 3)

    assert [len(first), len(rest)] == [3, 2]
    assert len({made.row.id for made in (*first, *rest)}) == 5
