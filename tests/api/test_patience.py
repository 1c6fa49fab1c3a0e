"""Whoever takes too long is ended, and told so; nobody else is touched."""

import asyncio
from time import perf_counter

import pytest

from tallystick.api.patience import Patience, TimedOut, TimeLimits

pytestmark = pytest.mark.anyio


@pytest.fixture
def limits() -> TimeLimits:
    return TimeLimits()


async def test_what_takes_too_long_is_ended_in_the_words_of_its_handler(
    limits: TimeLimits,
) -> None:
    async def hurried(patience: Patience) -> None:
        with patience:
            patience.due_s = perf_counter() + 0.01
            patience.words = "too late"
            await asyncio.sleep(30)

    with pytest.raises(TimedOut, match="too late"):
        await hurried(Patience(limits, perf_counter() + 60))

    assert await asyncio.sleep(0.01, "the task goes on")


async def test_others_go_on_meanwhile(limits: TimeLimits) -> None:
    async def sleep(due_s: float) -> str:
        try:
            with Patience(limits, perf_counter() + due_s):
                await asyncio.sleep(0.2)
        except TimedOut:
            return "timed out"
        return "done"

    outcomes = await asyncio.gather(sleep(0.01), sleep(60), sleep(0.01))

    assert list(outcomes) == ["timed out", "done", "timed out"]


async def test_who_is_cancelled_by_somebody_else_is_not_timed_out(limits: TimeLimits) -> None:
    async def wait() -> None:
        with Patience(limits, perf_counter() + 0.05):
            await asyncio.sleep(30)

    waiting = asyncio.create_task(wait())
    await asyncio.sleep(0.01)
    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_what_fails_by_itself_says_why(limits: TimeLimits) -> None:
    with pytest.raises(LookupError), Patience(limits, perf_counter() + 60):
        raise LookupError
