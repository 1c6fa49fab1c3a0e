"""What the tests of rates, quotes and exchanges share."""

from datetime import timedelta
from typing import Any

import pytest

from tallystick.platform.clock import HandClock
from tests.api.conftest import Caller

RATES = "/api/v1/exchange-rates"
EXCHANGES = "/api/v1/exchanges"
PAIR = {"from_currency": "USD", "to_currency": "INR"}


async def set_rate(
    operator: Caller, clock: HandClock, rate: str, **other: object
) -> dict[str, Any]:
    """A rate that is later than all before it."""
    clock.advance(timedelta(milliseconds=1))
    answer = await operator.post(RATES, PAIR | {"rate": rate} | other)
    assert answer.status == 201, answer.raw
    found: dict[str, Any] = answer.json
    return found


@pytest.fixture
async def rate(operator: Caller, opening_clock: HandClock) -> dict[str, Any]:
    """One USD is INR 83.1245."""
    return await set_rate(operator, opening_clock, "83.1245")
