"""The timetable: jobs as data, each run every so many seconds until it is time to stop.

A job that fails is logged and tried again, sooner at first than its turn would come; it never
disturbs the others. Jobs are written so that several processes may run them at once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final

from msgspec import Struct

from tallystick.platform.telemetry import get_logger

RETRY_PAUSES_S: Final = (1.0, 5.0, 15.0, 60.0)
FINISH_S: Final = 20.0
ROUNDS_MAX: Final = 100

_FAILED: Final = object()
_log = get_logger("tallystick.timetable")


class Job(Struct, frozen=True):
    """One thing to be done again and again: `run` does one round.

    With `full` a round that answers this number left something undone: the next follows at once.
    `finish_s` is what a round under way is given once it is time to stop; then it is cancelled.
    """

    name: str
    every_s: float
    run: Callable[[], Awaitable[object]]
    full: int | None = None
    finish_s: float = FINISH_S

    def pause_s(self, failures: int, answer: object = None) -> float:
        """How long to wait after a round, `failures` rounds in a row having failed."""
        if not failures:
            return 0.0 if self.full is not None and answer == self.full else self.every_s
        return min(self.every_s, RETRY_PAUSES_S[min(failures, len(RETRY_PAUSES_S)) - 1])


async def keep_timetable(jobs: Sequence[Job], stop: asyncio.Event) -> None:
    """Run the jobs, each beside the others, until `stop` is set and they have finished."""
    rounds = [asyncio.create_task(_keep(job, stop), name=job.name) for job in jobs]
    await stop.wait()
    await asyncio.gather(*map(_finish, jobs, rounds))


async def _finish(job: Job, task: asyncio.Task[None]) -> None:
    await asyncio.wait([task], timeout=job.finish_s)
    if not task.done():
        _log.warning("job_cut_short", job=job.name)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def run_once(jobs: Sequence[Job]) -> tuple[str, ...]:
    """One round of every job, one after the other; the names of those that failed."""
    return tuple([job.name for job in jobs if await _round(job) is _FAILED])


class Done(Struct, frozen=True):
    """What the rounds of one job came to: how much was done, where the job counts it."""

    name: str
    done: int = 0
    failed: bool = False


async def run_due(jobs: Sequence[Job]) -> tuple[Done, ...]:
    """Everything that is due now: every job in turn, round after round while a round was full."""
    return tuple([await _run_due(job) for job in jobs])


async def _run_due(job: Job) -> Done:
    done = 0
    for _ in range(ROUNDS_MAX):
        answer = await _round(job)
        if answer is _FAILED:
            return Done(job.name, done, failed=True)
        done += answer if isinstance(answer, int) else 0
        if job.full is None or answer != job.full:
            break
    return Done(job.name, done)


async def _keep(job: Job, stop: asyncio.Event) -> None:
    failures = 0
    while not stop.is_set():
        answer = await _round(job)
        failures = failures + 1 if answer is _FAILED else 0
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), job.pause_s(failures, answer))


async def _round(job: Job) -> object:
    """What the round answered, or that it failed."""
    try:
        return await job.run()
    except Exception:  # noqa: BLE001 - one job's trouble is not the others'
        _log.exception("job_failed", job=job.name)
        return _FAILED
