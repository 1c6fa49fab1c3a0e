"""A database that holds the months around the test's clock, and a room over it."""

from collections.abc import AsyncIterator

import pytest

from tallystick.intake import Recording, ensure_partitions
from tallystick.platform.clock import HandClock
from tallystick.platform.postgres.pools import Address, Database
from tests.intake.factories import open_recording


@pytest.fixture
async def recording(
    database: Database, owner_address: Address, clock: HandClock
) -> AsyncIterator[Recording]:
    await ensure_partitions(owner_address, clock.now())
    async with open_recording(database, clock) as recording:
        yield recording
