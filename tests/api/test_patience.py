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
            await _for_ever()

    with pytest.raises(TimedOut, match="too late"):
        await hurried(Patience(limits, perf_counter() + 60))

    assert await asyncio.sleep(0.01, "the task goes on")


async def test_others_go_on_meanwhile(limits: TimeLimits) -> None:
    outlived = asyncio.Event()

    async def hurried() -> None:
        with Patience(limits, perf_counter() + 0.01):
            await _for_ever()

    async def patient() -> str:
        with Patience(limits, perf_counter() + 60):
            await outlived.wait()
        return "done"

    waiting = asyncio.create_task(patient())
    ended = await asyncio.gather(hurried(), hurried(), return_exceptions=True)
    outlived.set()

    assert [type(error) for error in ended] == [TimedOut, TimedOut]
    assert await waiting == "done"


async def test_who_is_cancelled_by_somebody_else_is_not_timed_out(limits: TimeLimits) -> None:
    async def wait() -> None:
        with Patience(limits, perf_counter() + 0.05):
            await _for_ever()

    waiting = asyncio.create_task(wait())
    await asyncio.sleep(0.01)
    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_what_fails_by_itself_says_why(limits: TimeLimits) -> None:
    with pytest.raises(LookupError), Patience(limits, perf_counter() + 60):
        raise LookupError


async def _for_ever() -> None:
    """Until somebody ends it; the test fails when nobody does."""
    async with asyncio.timeout(5):
        await asyncio.Event().wait()
