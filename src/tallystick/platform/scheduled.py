"""Jobs by the clock: each runs when its cron says or somebody asks, in one process at a time.

A look costs one reading statement. Whoever finds a job due takes its lease, renews it while it
works, and hands it back with what came of it; a runner that stopped renewing has lost it, and its
fence keeps it from writing anything more. Missed occurrences are made up for by one run.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from msgspec import Struct, json

from tallystick.platform.clock import Clock
from tallystick.platform.cron import Cron
from tallystick.platform.ids import new_id, random_bucket
from tallystick.platform.postgres import job_rows
from tallystick.platform.postgres.job_rows import LeaseLost, LeaseRow, RunRow
from tallystick.platform.postgres.pools import Connection, Database
from tallystick.platform.telemetry import get_logger
from tallystick.platform.timetable import Job

LOOK_S: Final = 1.0
LEASE_MS: Final = 15_000
PAUSE_S: Final = 60.0
PAUSE_MAX_S: Final = 3_600.0
HISTORY: Final = 10
_log = get_logger("tallystick.schedule")


class NoSuchJob(LookupError):
    """There is no scheduled job of this name."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to run a job, as long as nobody else has taken it."""

    name: str
    epoch: int

    async def require(self, connection: Connection) -> None:
        """To be asked within every transaction of the run, before it commits. Raises LeaseLost."""
        await job_rows.require_lease(connection, self.name, self.epoch)


@dataclass(frozen=True, slots=True)
class ScheduledJob:
    """One job: `run` does all there is to do and answers what it came to, as a struct.

    A job that failed `failures_max` times in a row pauses: for a minute, then twice as long each
    time, at most an hour. Somebody who asks for a run is obeyed at any time.
    """

    name: str
    cron: Cron
    run: Callable[[Lease], Awaitable[Struct]]
    enabled: bool = True
    failures_max: int = 5


class JobStatus(Struct, frozen=True):
    """How a job stands: its lease's row, when it is next due, and its last runs."""

    job: ScheduledJob
    lease: LeaseRow
    next_run_at: datetime | None
    runs: tuple[RunRow, ...]


@dataclass(frozen=True, slots=True)
class Schedule:
    """All scheduled jobs over one database."""

    database: Database
    clock: Clock
    scheduled: Sequence[ScheduledJob]
    lease_ms: int = LEASE_MS

    @property
    def jobs(self) -> tuple[Job, ...]:
        """A look for each, for the timetable of the worker."""
        return tuple(Job(job.name, LOOK_S, partial(self.look, job)) for job in self.scheduled)

    async def look(self, job: ScheduledJob) -> int:
        """Run the job if it is due or asked for and nobody else does; 1 when it was run."""
        lease = await job_rows.find_lease(self.database, job.name)
        now = self.clock.now()
        if lease.holder is not None or not _is_due(job, lease, now):
            return 0
        return int(await self._run(job, lease, now))

    async def request(self, name: str) -> None:
        """Let the next worker that looks run the job. Raises NoSuchJob and the driver's errors."""
        job = self._job(name)
        async with self._writing() as connection:
            await job_rows.request_run(connection, job.name, self.clock.now())

    async def status(self) -> tuple[JobStatus, ...]:
        """How every job stands. Raises Overloaded."""
        return tuple([await self._status(job) for job in self.scheduled])

    async def _status(self, job: ScheduledJob) -> JobStatus:
        lease = await job_rows.find_lease(self.database, job.name)
        runs = await job_rows.list_runs(self.database, job.name, HISTORY)
        return JobStatus(job, lease, _next_run_at(job, lease, self.clock.now()), tuple(runs))

    def _job(self, name: str) -> ScheduledJob:
        for job in self.scheduled:
            if job.name == name:
                return job
        raise NoSuchJob(name)

    async def _run(self, job: ScheduledJob, before: LeaseRow, now: datetime) -> bool:
        holder = f"{socket.gethostname()}:{os.getpid()}"
        occasion = "schedule" if before.requested_at is None else "request"
        run = RunRow(new_id(now, random_bucket()), job.name, occasion, "running", now, *[None] * 3)
        async with self._writing() as connection, connection.transaction():
            epoch = await job_rows.take_lease(
                connection, job.name, holder, now, ttl_ms=self.lease_ms
            )
            if epoch is None:
                return False  # somebody was faster
            await job_rows.begin_run(connection, run, epoch, holder)
        ended = await self._kept(job, Lease(job.name, epoch), run)
        failures = before.failures + 1 if ended.status == "failed" else 0
        paused_until = _paused_until(job, failures, self.clock.now())
        async with self._writing() as connection, connection.transaction():
            await job_rows.give_lease_back(connection, job.name, epoch, failures, paused_until)
            await job_rows.end_run(connection, ended)
        return True

    async def _kept(self, job: ScheduledJob, lease: Lease, run: RunRow) -> RunRow:
        """Run it while the lease is renewed; how it ended."""
        work = asyncio.ensure_future(job.run(lease))
        keeping = asyncio.create_task(self._keep(lease, work))
        status, result, error = "completed", None, None
        try:
            result = json.encode(await work).decode()
        except asyncio.CancelledError:
            if not keeping.done():
                raise  # we are to stop ourselves, not because the lease was lost
            status, error = "lost", "the lease was lost"
        except Exception as failure:  # noqa: BLE001 - told in the run's row, and in the log
            status, error = "failed", _words(failure)
            _log.warning("scheduled_job_failed", job=job.name, error=error)
        finally:
            keeping.cancel()
            work.cancel()
        now = self.clock.now()
        return RunRow(run.id, run.name, run.occasion, status, run.started_at, now, result, error)

    async def _keep(self, lease: Lease, work: "asyncio.Future[Struct]") -> None:
        """Renew the lease three times in its life; stop the work once it is lost."""
        try:
            async with self._writing() as connection:
                while True:
                    await asyncio.sleep(self.lease_ms / 3_000)
                    await job_rows.renew_lease(
                        connection, lease.name, lease.epoch, ttl_ms=self.lease_ms
                    )
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - what cannot be renewed is as good as lost
            _log.warning("lease_lost", job=lease.name, error=_words(error))
            work.cancel()

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[Connection]:
        connection = await self.database.open_writer("schedule")
        try:
            yield connection
        finally:
            connection.terminate()


def _next_run_at(job: ScheduledJob, lease: LeaseRow, now: datetime) -> datetime | None:
    """A job that never ran is due now."""
    if not job.enabled:
        return None
    due_at = now if lease.due_at is None else job.cron.next_after(lease.due_at)
    return max(due_at, lease.paused_until or due_at)


def _is_due(job: ScheduledJob, lease: LeaseRow, now: datetime) -> bool:
    if lease.requested_at is not None:
        return True
    next_run_at = _next_run_at(job, lease, now)
    return next_run_at is not None and next_run_at <= now


def _paused_until(job: ScheduledJob, failures: int, now: datetime) -> datetime | None:
    if failures < job.failures_max:
        return None
    pause_s = min(PAUSE_MAX_S, PAUSE_S * 2 ** min(failures - job.failures_max, 10))
    return now + timedelta(seconds=pause_s)


def _words(error: BaseException) -> str:
    if isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"[:1_000]


__all__ = [
    "JobStatus",
    "Lease",
    "LeaseLost",
    "NoSuchJob",
    "Schedule",
    "ScheduledJob",
]
