"""`kill -9` while wallets' money is held, escrowed, sent on, or comes due: once, or not at all."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from itertools import cycle, product
from random import Random

import pytest

from tests.crash.crash_site import CrashSite
from tests.crash.purses import BEGUN, HALF, WHOLE, Purses
from tests.crash.worker_deaths import Workers
from tests.crash.worker_round import run_due

pytestmark = pytest.mark.anyio

POINTS = tuple(f"journal.{point}:1" for point in ("after_lock", "before_commit", "after_commit"))
Verb = Callable[[Purses, str], Awaitable[object]]

# verb -> what payer and payee have then, and what of the payer's is set aside
ENDS: dict[str, tuple[Verb, tuple[int, int, int]]] = {
    "hold": (Purses.hold, (BEGUN, 0, WHOLE)),
    "capture": (Purses.capture, (BEGUN - HALF, HALF, 0)),
    "release": (Purses.release, (BEGUN, 0, 0)),
    "fund": (Purses.fund, (BEGUN - WHOLE, 0, 0)),
    "pay_recipient": (Purses.pay_recipient, (BEGUN - WHOLE, HALF, 0)),
    "give_back": (Purses.give_back, (BEGUN - WHOLE + HALF, 0, 0)),
    "resolve": (Purses.resolve, (BEGUN - HALF, HALF, 0)),
    "send": (Purses.send, (BEGUN - WHOLE, WHOLE, 0)),
    "schedule": (Purses.schedule, (BEGUN, 0, 0)),
}
# A worker finds one of each due and commits one after the other: which commit it dies in.
DUE = (1, 2, 3)
# The hold has expired, the escrow has timed out to its recipient, the schedule has sent a half.
AFTER_ALL_CAME_DUE = (BEGUN - WHOLE - HALF, WHOLE + HALF, 0)


async def test_a_death_during_every_verb(site: CrashSite) -> None:
    await die_during(site, list(zip(ENDS, cycle(POINTS), strict=False)))


@pytest.mark.slow
async def test_a_death_at_every_point_of_every_verb(site: CrashSite) -> None:
    await die_during(site, list(product(ENDS, POINTS)))


async def test_a_worker_dies_while_things_come_due(workers: Workers) -> None:
    await die_while_due(workers, [f"journal.before_commit:{number}" for number in DUE])


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
async def test_workers_die_again_and_again_while_things_come_due(
    workers: Workers, seed: int
) -> None:
    points = [f"{point[:-1]}{number}" for point, number in product(POINTS, DUE)]
    Random(seed).shuffle(points)
    await die_while_due(workers, points)


async def die_during(site: CrashSite, scenes: list[tuple[str, str]]) -> None:
    """Every wish is asked twice at once, and granted once."""
    for verb, point in scenes:
        act, end = ENDS[verb]
        purses = await Purses.opened(site)
        await act(purses, point)
        assert await purses.held() == end, (verb, point)
    await site.prove()


async def die_while_due(workers: Workers, points: list[str]) -> None:
    """A hold, an escrow and a schedule come due; the next worker ends what the dead one began."""
    site = workers.site
    for point in points:
        purses = await Purses.opened(site)
        await purses.hold()
        await purses.fund()
        await purses.schedule()
        await turn_until_all_is_due(site)
        assert await workers.run_until(point) == -9, point
        await run_due(site.app)
        assert await purses.held() == AFTER_ALL_CAME_DUE, point
        assert await purses.ends() == ("expired", "completed", 1), point
    await site.prove()


async def turn_until_all_is_due(site: CrashSite) -> None:
    """Everybody's clock goes on by two days, and the API's process with it."""
    site.shift += timedelta(days=2)
    await site.kill()
    await site.rise()
    site.wind_clock()
