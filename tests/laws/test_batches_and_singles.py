"""A batch decides and leaves exactly what its changes would have, each in a batch of its own."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import datetime
from uuid import UUID

import pytest
from msgspec.structs import replace

from tallystick.ledger import LedgerBatch
from tallystick.ledger.model import AccountVerb, Transfer, Verdict
from tallystick.platform.ids import derived_id
from tallystick.platform.postgres.pools import Connection, open_database
from tallystick.platform.settings import Settings
from tests.laws.naive_ledger import NaiveLedger, No
from tests.laws.test_ledger_laws import WORLD, Chance, openings
from tests.servers.keeper import Server
from tests.servers.postgres import cloned_database

pytestmark = pytest.mark.anyio

Change = tuple[UUID, list[Transfer], list[AccountVerb]]
TABLES = ("ledger_accounts", "ledger_reservations", "ledger_transfers")


@pytest.fixture
async def two_ledgers(server: Server, settings: Settings) -> AsyncIterator[list[Connection]]:
    """Writers of two empty ledgers."""
    async with AsyncExitStack() as stack:
        writers = []
        for _ in range(2):
            name = await stack.enter_async_context(cloned_database(server))
            address = replace(server.login, database=name)
            database = await stack.enter_async_context(open_database(address, settings))
            writer = await database.open_writer("tests")
            stack.push_async_callback(writer.close)
            writers.append(writer)
        yield writers


def batches(seed: int, changes: int) -> list[tuple[datetime, list[Change]]]:
    """Random changes in random batches, each of one instant."""
    naive = NaiveLedger()
    chance = Chance(seed, naive)
    made: list[tuple[datetime, list[Change]]] = [(chance.at, [(WORLD, [], [*openings()])])]
    naive.hear(WORLD, [], [*openings()], chance.at)
    for number in range(changes):
        if chance.dice.random() < 0.05:
            made.append((chance.at, []))
        at, batch = made[-1]
        change = (derived_id(WORLD, f"{seed} {number}"), *chance.change())
        batch.append(change)
        with suppress(No):
            naive.hear(*change, at)
    return made


async def recorded(writer: Connection, changes: Sequence[Change], at: datetime) -> list[Verdict]:
    """One batch of these changes, committed."""
    async with writer.transaction():
        batch = LedgerBatch(writer)
        transfers = [transfer for _, orders, _ in changes for transfer in orders]
        await batch.lock(transfers, [verb for _, _, verbs in changes for verb in verbs])
        verdicts = [batch.judge(*change, at=at, lane=0, batch=1) for change in changes]
        await batch.append()
        await batch.write()
    return verdicts


async def contents(writer: Connection) -> list[list[tuple[object, ...]]]:
    return [
        [tuple(row) for row in await writer.fetch(f"SELECT * FROM {table} ORDER BY id")]
        for table in TABLES
    ]


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_a_batch_is_its_changes_one_by_one(two_ledgers: list[Connection], seed: int) -> None:
    together, alone = two_ledgers
    sizes, refused = [], 0
    for at, changes in batches(seed, 400):
        verdicts = await recorded(together, changes, at)
        singles = [(await recorded(alone, [change], at))[0] for change in changes]
        assert verdicts == singles
        sizes.append(len(changes))
        refused += sum(verdict.refusal is not None for verdict in verdicts)

    assert max(sizes) > 20
    assert 50 < refused < 350
    assert await contents(together) == await contents(alone)
