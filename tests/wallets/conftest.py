"""A till over a database of its own."""

from collections.abc import AsyncIterator

import pytest

from tallystick.platform.clock import HandClock
from tallystick.platform.postgres.pools import Database
from tests.wallets.till import Till, furnish, open_till


@pytest.fixture
async def till(database: Database, clock: HandClock) -> AsyncIterator[Till]:
    async with open_till(database, clock) as till:
        await furnish(till)
        yield till
