"""Within any window no more than the limit is allowed, with Redis, without, and with a bad one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from time import perf_counter

import pytest

from tallystick.platform.limits import Limit, SlidingWindows, _Window
from tallystick.platform.redis_link import RedisLink, open_redis
from tallystick.platform.settings import Settings
from tests.servers.lying_redis import lying_redis
from tests.servers.redis_server import running_redis

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def line_to(settings: Settings, port: int) -> AsyncIterator[RedisLink]:
    place = {"redis_host": "127.0.0.1", "redis_port": port, "redis_pause_ms": 100}
    place |= {"redis_timeout_ms": 300}  # the test machine may be busy
    async with open_redis(settings.model_copy(update=place)) as link:
        yield link


class TestAWindow:
    def test_no_window_of_any_start_holds_more_than_the_limit(self) -> None:
        limit, window = Limit(7, 1_000), _Window()
        taken = [at for at in range(0, 10_000, 13) if window.take(limit, at).allowed]

        assert len(taken) > 60
        for start in range(9_000):
            assert sum(start <= at < start + limit.window_ms for at in taken) <= 7

    def test_what_was_used_comes_back_when_it_was_said_to(self) -> None:
        limit, window = Limit(3, 60_000), _Window()
        used = [window.take(limit, at) for at in (0, 5_000, 5_000)]
        refused = window.take(limit, 30_000)

        assert [allowance.remaining for allowance in used] == [2, 1, 0]
        assert (refused.allowed, refused.remaining) == (False, 0)
        assert not window.take(limit, 30_000 + refused.reset_ms - 1).allowed
        assert window.take(limit, 30_000 + refused.reset_ms).allowed

    def test_refusals_use_up_nothing(self) -> None:
        limit, window = Limit(1, 1_000), _Window()
        assert window.take(limit, 0).allowed
        for at in range(0, 1_000, 10):
            assert not window.take(limit, at).allowed
        assert window.take(limit, 1_040).allowed


async def test_two_processes_share_a_limit_through_redis(
    settings: Settings, tmp_path: Path
) -> None:
    limit = Limit(20, 60_000)
    with running_redis(tmp_path) as server:
        async with (
            line_to(settings, server.port) as here,
            line_to(settings, server.port) as there,
        ):
            windows = [SlidingWindows(link, "limit") for link in (here, there)]
            allowances = await asyncio.gather(
                *(windows[n % 2].take("client", limit) for n in range(64))
            )
            other = await windows[0].take("another", limit)

    assert sum(allowance.allowed for allowance in allowances) == 20
    assert all(0 < allowance.reset_ms <= 61_000 for allowance in allowances)
    assert other.remaining == 19


async def test_a_place_comes_back_in_redis_too(settings: Settings, tmp_path: Path) -> None:
    limit = Limit(2, 300)
    with running_redis(tmp_path) as server:
        async with line_to(settings, server.port) as link:
            windows = SlidingWindows(link, "limit")
            taken = [await windows.take("c", limit) for _ in range(3)]
            assert [allowance.allowed for allowance in taken] == [True, True, False]
            # As Redis said, by its own clock, which need not run like the loop's.
            await asyncio.sleep(taken[-1].reset_ms / 1_000)
            again = []
            for _ in range(20):
                again.append((await windows.take("c", limit)).allowed)
                await asyncio.sleep(0.002)
            assert any(again)


async def test_without_redis_each_process_counts_for_itself(settings: Settings) -> None:
    async with open_redis(settings) as nowhere:
        windows = SlidingWindows(nowhere, "limit")
        allowed = [(await windows.take("c", Limit(5, 60_000))).allowed for _ in range(9)]

    assert allowed == [True] * 5 + [False] * 4


async def test_a_redis_that_is_restarted_frozen_or_killed_never_stops_the_count(
    settings: Settings, tmp_path: Path
) -> None:
    limit = Limit(10, 60_000)
    async with AsyncExitStack() as stack:
        server = stack.enter_context(running_redis(tmp_path))
        link = await stack.enter_async_context(line_to(settings, server.port))
        windows = SlidingWindows(link, "limit")
        assert (await windows.take("c", limit)).remaining == 9
        server.say("SCRIPT", "FLUSH")
        assert (await windows.take("c", limit)).remaining == 8
        assert (await windows.take("c", limit)).remaining == 7
        server.freeze()
        started_s = perf_counter()
        for _ in range(10):
            await windows.take("c", limit)
        assert perf_counter() - started_s < 2.0
        assert not (await windows.take("c", limit)).allowed
        server.thaw()
        server.kill()
        assert not (await windows.take("c", limit)).allowed


@pytest.mark.parametrize("seed", range(6))
async def test_a_lying_redis_allows_no_more_than_the_limit(settings: Settings, seed: int) -> None:
    async with lying_redis(seed) as (_, port), line_to(settings, port) as link:
        windows = SlidingWindows(link, "limit")
        allowed = [(await windows.take("c", Limit(5, 60_000))).allowed for _ in range(50)]

    assert sum(allowed) == 5
