"""The timetable: jobs run again and again, side by side, until it is time to stop."""

import asyncio

import pytest

from tallystick.platform.timetable import ROUNDS_MAX, Done, Job, keep_timetable, run_due, run_once

pytestmark = pytest.mark.anyio


class Work:
    """A job's work, counted; it fails at the given rounds."""

    def __init__(self, *failing: int, until: int = 3) -> None:
        self.rounds = 0
        self.enough = asyncio.Event()
        self._failing = failing
        self._until = until

    async def __call__(self) -> None:
        self.rounds += 1
        if self.rounds >= self._until:
            self.enough.set()
        if self.rounds in self._failing:
            raise ValueError("as the test wants it")


async def test_a_job_runs_again_and_again() -> None:
    work, stop = Work(), asyncio.Event()
    keeping = asyncio.create_task(keep_timetable([Job("work", 0.001, work)], stop))
    await asyncio.wait_for(work.enough.wait(), 5)
    stop.set()
    await asyncio.wait_for(keeping, 5)

    assert work.rounds >= 3


async def test_a_job_that_fails_disturbs_neither_itself_nor_others() -> None:
    failing, sound, stop = Work(1, 2), Work(), asyncio.Event()
    jobs = [Job("failing", 0.001, failing), Job("sound", 0.001, sound)]
    keeping = asyncio.create_task(keep_timetable(jobs, stop))
    await asyncio.wait_for(asyncio.gather(failing.enough.wait(), sound.enough.wait()), 5)
    stop.set()
    await asyncio.wait_for(keeping, 5)


@pytest.mark.parametrize(
    ("every_s", "failures", "pause_s"),
    [(60.0, 0, 60.0), (60.0, 1, 1.0), (60.0, 2, 5.0), (60.0, 9, 60.0), (2.0, 3, 2.0)],
)
async def test_a_failed_round_is_repeated_sooner_than_the_next_would_come(
    every_s: float, failures: int, pause_s: float
) -> None:
    assert Job("job", every_s, Work()).pause_s(failures) == pause_s


async def test_a_full_round_is_followed_by_the_next_at_once() -> None:
    left, emptied, stop = [0] * 25, asyncio.Event(), asyncio.Event()

    async def ten() -> int:
        done = len(left[:10])
        del left[:10]
        if not left:
            emptied.set()
        return done

    job = Job("ten at a time", 3600.0, ten, full=10)
    keeping = asyncio.create_task(keep_timetable([job], stop))
    await asyncio.wait_for(emptied.wait(), 5)
    stop.set()
    await asyncio.wait_for(keeping, 5)


async def test_stopping_waits_for_the_round_under_way_but_not_for_ever() -> None:
    entered, cancelled, stop = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def endless() -> None:
        entered.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    keeping = asyncio.create_task(keep_timetable([Job("endless", 1, endless, finish_s=0.05)], stop))
    await asyncio.wait_for(entered.wait(), 5)
    stop.set()
    await asyncio.wait_for(keeping, 5)

    assert cancelled.is_set()


async def test_one_round_of_all_names_those_that_failed() -> None:
    jobs = [Job("sound", 1, Work()), Job("failing", 1, Work(1))]

    assert await run_once(jobs) == ("failing",)


async def test_what_is_due_is_done_round_by_round_while_rounds_are_full() -> None:
    left = [10, 10, 3]

    async def take() -> int:
        return left.pop(0) if left else 0

    async def never_empty() -> int:
        return 1

    jobs = [
        Job("paged", 1, take, full=10),
        Job("failing", 1, Work(1)),
        Job("silent", 1, Work()),
        Job("endless", 1, never_empty, full=1),
    ]

    assert await run_due(jobs) == (
        Done("paged", 23),
        Done("failing", 0, failed=True),
        Done("silent", 0),
        Done("endless", ROUNDS_MAX),
    )
