"""A set of books on a database of its own."""

from collections.abc import AsyncIterator

import pytest

from tallystick.books import projections
from tallystick.journal import Journal
from tallystick.platform.clock import HandClock
from tallystick.platform.postgres.pools import Database
from tests.books.furnished import Books, furnish, wired


@pytest.fixture
async def books(database: Database, clock: HandClock) -> AsyncIterator[Books]:
    async with Journal.open(
        database, clock, master_key=bytes(32), projections=projections
    ) as journal:
        books = wired(database, journal, clock)
        await furnish(books)
        yield books
