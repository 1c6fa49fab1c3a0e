from collections.abc import AsyncIterator

import pytest

from tallystick.identity import FeePlan, Keys, Merchant, Merchants, projections
from tallystick.journal import Journal
from tallystick.platform.clock import HandClock
from tallystick.platform.postgres.pools import Database

PEPPER = b"a pepper that no database ever sees"


class HandTimer:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
async def journal(database: Database, clock: HandClock) -> AsyncIterator[Journal]:
    async with Journal.open(
        database, clock, projections=projections, master_key=bytes(32)
    ) as journal:
        yield journal


@pytest.fixture
def merchants(journal: Journal, database: Database, clock: HandClock) -> Merchants:
    return Merchants(journal, database, clock)


@pytest.fixture
def keys(journal: Journal, database: Database, clock: HandClock) -> Keys:
    return Keys(journal, database, clock, PEPPER, test_mode=True)


@pytest.fixture
async def merchant(merchants: Merchants) -> Merchant:
    return await merchants.onboard("Chai & Sons", "merchant_123", ["INR"], FeePlan(300))
