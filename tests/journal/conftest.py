"""A small aggregate of the tests' own: a tally that counts its notches."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any
from uuid import UUID

import pytest
from msgspec import Struct

from tallystick.journal import Change, Fact, Journal, Projection, Told
from tallystick.ledger import Open, Post
from tallystick.platform.clock import HandClock
from tallystick.platform.ids import new_id
from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.pools import Connection, Database, connect

MASTER_KEY = bytes(range(32))
TALLIES = """
CREATE TABLE tallies (id uuid PRIMARY KEY, version integer NOT NULL, notches bigint NOT NULL,
                      changed_at timestamptz NOT NULL, label text UNIQUE);
GRANT SELECT ON tallies TO tallystick_reader, tallystick_writer;
GRANT INSERT, UPDATE ON tallies TO tallystick_writer;
"""

OpenJournal = Callable[..., AbstractAsyncContextManager[Journal]]


class Notched(Struct, frozen=True):
    notches: int
    label: str | None = None


class TallyRow(Struct, frozen=True):
    id: UUID
    version: int
    notches: int
    changed_at: object
    label: str | None


def fold(row: TallyRow | None, fact: Told) -> TallyRow:
    before = row.notches if row else 0
    label = fact.data.label or (row.label if row else None)
    return TallyRow(fact.aggregate_id, fact.version, before + fact.data.notches, fact.at, label)


TALLY = Projection("tallies", TallyRow, {"tally.notched": Notched}, fold)


@pytest.fixture
async def owner(owner_address: Address) -> AsyncIterator[Connection]:
    connection = await connect(owner_address, server_settings={"search_path": owner_address.schema})
    await connection.execute(TALLIES)
    yield connection
    await connection.close()


@pytest.fixture
def open_journal(owner: Connection, database: Database, clock: HandClock) -> OpenJournal:
    def open_one(**changes: Any) -> AbstractAsyncContextManager[Journal]:
        options: dict[str, Any] = {"projections": (TALLY,), "master_key": MASTER_KEY} | changes
        return Journal.open(options.pop("database", database), clock, **options)

    return open_one


@pytest.fixture
async def journal(open_journal: OpenJournal) -> AsyncIterator[Journal]:
    async with open_journal() as journal:
        yield journal


class Ids:
    """Fresh ids of the test's own instant."""

    def __init__(self, clock: HandClock) -> None:
        self._clock = clock

    def __call__(self) -> UUID:
        return new_id(self._clock.now(), 7)


@pytest.fixture
def ids(clock: HandClock) -> Ids:
    return Ids(clock)


def notch(tally: UUID, version: int, notches: int = 1, label: str | None = None) -> Fact:
    return Fact(tally, version, "tally.notched", Notched(notches, label))


async def open_pair(journal: Journal, ids: Ids, limit: int | None = None) -> tuple[UUID, UUID]:
    """Two INR accounts; the first may be overdrawn up to `limit`."""
    source, target = ids(), ids()
    await journal.record(
        Change(
            ids(),
            accounts=(
                Open(source, f"test:{source}", "INR", "credit", limit),
                Open(target, f"test:{target}", "INR", "credit"),
            ),
        )
    )
    return source, target


def post(source: UUID, target: UUID, amount: int = 100) -> Post:
    return Post(source, target, amount, "INR", "test")
