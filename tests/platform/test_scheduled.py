"""A scheduled job runs when it is due, in one process at a time; a dead runner is fenced off."""

import asyncio
from datetime import datetime, timedelta

import pytest
from msgspec import Struct

from tallystick.platform.clock import HandClock
from tallystick.platform.cron import read_cron
from tallystick.platform.postgres.job_rows import LeaseLost, LeaseRow, find_lease
from tallystick.platform.postgres.pools import Database
from tallystick.platform.scheduled import Lease, NoSuchJob, Schedule, ScheduledJob

pytestmark = pytest.mark.anyio
SECOND = timedelta(seconds=1)


class Result(Struct):
    done: int


class Work:
    """A job that counts its runs; it waits, or fails, when it is told to."""

    def __init__(self) -> None:
        self.leases: list[Lease] = []
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.fails = False
        self.starts = asyncio.Semaphore(0)

    async def begun(self, runs: int) -> None:
        """Until so many runs have begun in all."""
        async with asyncio.timeout(10):
            await self.starts.acquire()
        assert len(self.leases) == runs

    async def __call__(self, lease: Lease) -> Result:
        self.leases.append(lease)
        self.starts.release()
        await self.go_on.wait()
        if self.fails:
            raise OSError("the disk is full")
        return Result(len(self.leases))


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def job(work: Work) -> ScheduledJob:
    return ScheduledJob("test-job", read_cron("*/30 * * * * *"), run=work, failures_max=2)


@pytest.fixture
def schedule(database: Database, clock: HandClock, job: ScheduledJob) -> Schedule:
    return Schedule(database, clock, (job,))


async def test_it_runs_at_first_sight_and_then_at_each_occurrence(
    schedule: Schedule, job: ScheduledJob, clock: HandClock
) -> None:
    looks = []
    for _ in range(7):
        looks.append(await schedule.look(job))
        clock.advance(10 * SECOND)
    assert looks == [1, 0, 0, 1, 0, 0, 1]


class TickingClock(HandClock):
    """A clock that goes on while it is read, as every real one does."""

    def now(self) -> datetime:
        return self.advance(timedelta(microseconds=1))


async def test_it_runs_at_first_sight_though_time_goes_on_meanwhile(
    database: Database, clock: HandClock, job: ScheduledJob
) -> None:
    schedule = Schedule(database, TickingClock(clock.now()), (job,))

    assert [await schedule.look(job), await schedule.look(job)] == [1, 0]


async def test_what_was_missed_is_made_up_for_once(
    schedule: Schedule, job: ScheduledJob, clock: HandClock
) -> None:
    await schedule.look(job)
    clock.advance(3600 * SECOND)
    assert [await schedule.look(job), await schedule.look(job)] == [1, 0]


async def test_two_processes_run_an_occurrence_once(
    schedule: Schedule, job: ScheduledJob, work: Work
) -> None:
    work.go_on.clear()
    looks = [asyncio.create_task(schedule.look(job)) for _ in range(4)]
    await work.begun(1)
    work.go_on.set()
    assert sorted(await asyncio.gather(*looks)) == [0, 0, 0, 1]
    assert len(work.leases) == 1


async def test_whoever_asks_is_obeyed_whatever_the_schedule(
    schedule: Schedule, job: ScheduledJob, work: Work
) -> None:
    await schedule.look(job)
    await schedule.request("test-job")
    assert [await schedule.look(job), await schedule.look(job)] == [1, 0]
    (status,) = await schedule.status()
    assert [run.occasion for run in status.runs] == ["request", "schedule"]
    assert [run.status for run in status.runs] == ["completed", "completed"]
    assert status.runs[0].result == '{"done":2}'


async def test_a_job_that_is_switched_off_runs_only_on_request(
    schedule: Schedule, job: ScheduledJob
) -> None:
    off = replace_enabled(job)
    assert await schedule.look(off) == 0
    await schedule.request("test-job")
    assert await schedule.look(off) == 1


async def test_failures_in_a_row_make_it_pause_longer_and_longer(
    schedule: Schedule, job: ScheduledJob, work: Work, clock: HandClock
) -> None:
    work.fails = True
    for _ in range(2):
        await schedule.look(job)
        clock.advance(30 * SECOND)
    assert await schedule.look(job) == 0  # paused for a minute
    (status,) = await schedule.status()
    assert status.lease.failures == 2
    assert status.runs[0].error == "OSError: the disk is full"
    clock.advance(31 * SECOND)
    assert await schedule.look(job) == 1
    clock.advance(61 * SECOND)
    assert await schedule.look(job) == 0  # two minutes now
    work.fails = False
    await schedule.request("test-job")
    assert await schedule.look(job) == 1
    (status,) = await schedule.status()
    assert (status.lease.failures, status.lease.paused_until) == (0, None)


async def test_a_lease_that_ran_out_goes_to_the_next_and_the_first_is_fenced_off(
    database: Database, clock: HandClock, job: ScheduledJob, work: Work
) -> None:
    dying = Schedule(database, clock, (job,), lease_ms=60_000)  # it renews every 20 s
    work.go_on.clear()
    frozen = asyncio.create_task(dying._run(job, await lease_of(database), clock.now()))
    await work.begun(1)
    await expire(database)
    clock.advance(30 * SECOND)
    second = asyncio.create_task(Schedule(database, clock, (job,)).look(job))
    await work.begun(2)
    old, new = work.leases
    assert new.epoch == old.epoch + 1
    connection = await database.open_writer("test")
    async with connection.transaction():
        await new.require(connection)
        with pytest.raises(LeaseLost):
            await old.require(connection)
    await connection.close()
    work.go_on.set()
    assert await second == 1
    await frozen
    (status,) = await dying.status()
    assert sorted(run.status for run in status.runs) == ["completed", "lost"]


async def test_an_unknown_job_is_told(schedule: Schedule) -> None:
    with pytest.raises(NoSuchJob):
        await schedule.request("staging-indigestion")


def replace_enabled(job: ScheduledJob) -> ScheduledJob:
    return ScheduledJob(job.name, job.cron, job.run, enabled=False)


async def lease_of(database: Database) -> LeaseRow:
    return await find_lease(database, "test-job")


async def expire(database: Database) -> None:
    """The runner stopped renewing, as a frozen process does."""
    connection = await database.open_writer("test")
    await connection.execute("UPDATE job_leases SET expires_at = clock_timestamp()")
    await connection.close()
