"""The ledger in a database of its own: a writer as the journal's lane has one, and a reader."""

from collections.abc import AsyncIterator

import pytest

from tallystick.journal import Journal
from tallystick.platform.clock import HandClock
from tallystick.platform.postgres.pools import Connection, Database
from tests.books.furnished import Books, furnish, wired


@pytest.fixture
async def writer(database: Database) -> AsyncIterator[Connection]:
    connection = await database.open_writer("tests")
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture
async def books(database: Database, clock: HandClock) -> AsyncIterator[Books]:
    """All of the room above, for what the ledger shows of it."""
    async with Journal.open(database, clock, master_key=bytes(32)) as journal:
        books = wired(database, journal, clock)
        await furnish(books)
        yield books
