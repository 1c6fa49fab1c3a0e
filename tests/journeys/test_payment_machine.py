"""The API driven at random, and each answer held against payments written down naively."""

import pytest

from tallystick.platform.settings import Settings
from tests.journeys.payment_machine.walk import Walk
from tests.servers.served import Platform

pytestmark = pytest.mark.anyio


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The clock is turned over HTTP; one pause between looks, so that a turn settles all."""
    return settings.model_copy(update={"test_clock": "hand", "recovery_schedule_s": (60,) * 4})


async def test_a_walk_at_random_is_answered_as_written_down(platform: Platform) -> None:
    await walk(platform, seed=1, steps=500, prove_every=250)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3, 4, 5])
async def test_a_long_walk(platform: Platform, seed: int) -> None:
    await walk(platform, seed=seed, steps=5_000, prove_every=1_000)


async def walk(platform: Platform, *, seed: int, steps: int, prove_every: int) -> None:
    walk = Walk(platform, seed)
    await walk.run(steps, prove_every=prove_every)
    print(walk.verdict())  # noqa: T201
    assert walk.outcomes["200 ref cancelled"], "no refund was called off"
