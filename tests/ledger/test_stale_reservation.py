"""Two lanes that settle one reservation at the same time: only one may.

What a lane judges is loaded after its locks. When the lock and the load are one statement, or the
load comes first, both lanes see the reservation open and both settle it.
"""

import asyncio
from collections.abc import AsyncIterator, Collection
from uuid import UUID

import pytest

from tallystick.journal import Change, Journal, Refused
from tallystick.ledger import Reserve, Settle, store
from tallystick.ledger.model import Reservation
from tallystick.platform.clock import HandClock
from tallystick.platform.ids import new_id
from tallystick.platform.postgres.pools import Connection, Database
from tests.books.furnished import Books, furnish, wired

pytestmark = pytest.mark.anyio

ROUNDS = 100


@pytest.fixture
async def lanes(database: Database, clock: HandClock) -> AsyncIterator[tuple[Books, Journal]]:
    """The books over lane 0, and a second journal over lane 1."""
    async with (
        Journal.open(database, clock, master_key=bytes(32)) as online,
        Journal.open(database, clock, master_key=bytes(32), lane=1) as loader,
    ):
        books = wired(database, online, clock)
        await furnish(books)
        yield books, loader


async def settled_twice(books: Books, loader: Journal) -> int:
    """How many of two settles, sent over two lanes at once, were recorded."""
    hold = Reserve(books.account("alice"), books.account("bob"), 10, "INR", "hold")
    reserved = await books.transfers.reserve(hold)
    settle = Settle(reserved.transfers[0].id, "sale")
    outcomes = await asyncio.gather(
        *(
            journal.record(Change(new_id(books.clock.now(), 7), transfers=(settle,)))
            for journal in (books.journal, loader)
        ),
        return_exceptions=True,
    )
    refusals = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert all(isinstance(refusal, Refused) for refusal in refusals), refusals
    return len(outcomes) - len(refusals)


async def test_only_one_of_two_settles_passes(lanes: tuple[Books, Journal]) -> None:
    books, loader = lanes

    passed = [await settled_twice(books, loader) for _ in range(ROUNDS)]

    assert passed == [1] * ROUNDS
    assert await books.balance("bob") == 10 * ROUNDS


async def test_both_would_pass_if_the_load_came_before_the_lock(
    lanes: tuple[Books, Journal], monkeypatch: pytest.MonkeyPatch
) -> None:
    books, loader = lanes
    # Another promise keeps `pending` above zero, so that no constraint comes to the rescue.
    await books.transfers.reserve(
        Reserve(books.account("alice"), books.account("bob"), 5_000, "INR", "hold")
    )
    early: dict[Connection, dict[UUID, Reservation]] = {}

    async def load_early(connection: Connection, reservation_ids: Collection[UUID]) -> set[UUID]:
        rows = await connection.fetch(
            "SELECT * FROM ledger_reservations WHERE id = ANY($1)", list(reservation_ids)
        )
        early[connection] = {row["id"]: Reservation(*row) for row in rows}
        return {account for row in rows for account in (row["debit"], row["credit"])}

    async def load_nothing(
        connection: Connection, reservation_ids: Collection[UUID]
    ) -> dict[UUID, Reservation]:
        return early[connection]

    monkeypatch.setattr(store, "accounts_of_reservations", load_early)
    monkeypatch.setattr(store, "lock_reservations", load_nothing)

    passed = [await settled_twice(books, loader) for _ in range(ROUNDS)]

    assert max(passed) == 2
