"""SQL of the scheduled jobs: leases with a fence, and the history of the runs.

A lease lives by the database's own clock, so that processes need not agree on the time. Whoever
takes one raises its epoch; a transaction that names an older epoch is refused, however alive its
process believes to be.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct

from tallystick.platform.postgres.pools import Connection, Database

_ALIVE: Final = "coalesce(expires_at > clock_timestamp(), false)"
_LEASE: Final = f"""
SELECT name, epoch, CASE WHEN {_ALIVE} THEN holder END, due_at, requested_at, failures, paused_until
  FROM job_leases
"""
_FIND: Final = f"{_LEASE} WHERE name = $1"
_MAKE: Final = "INSERT INTO job_leases (name) VALUES ($1) ON CONFLICT (name) DO NOTHING"
_TAKE: Final = f"""
UPDATE job_leases
   SET epoch = epoch + 1, holder = $2, expires_at = clock_timestamp() + $3 * interval '1 ms',
       due_at = greatest(due_at, $4), requested_at = NULL
 WHERE name = $1 AND NOT {_ALIVE}
   AND (requested_at IS NOT NULL OR due_at IS NULL OR due_at < $4)
RETURNING epoch
"""
_RENEW: Final = """
UPDATE job_leases SET expires_at = clock_timestamp() + $3 * interval '1 ms'
 WHERE name = $1 AND epoch = $2 RETURNING epoch
"""
_FENCE: Final = "SELECT epoch FROM job_leases WHERE name = $1 AND epoch = $2 FOR SHARE"
_GIVE_BACK: Final = """
UPDATE job_leases SET holder = NULL, expires_at = NULL, failures = $3, paused_until = $4
 WHERE name = $1 AND epoch = $2
"""
_REQUEST: Final = "UPDATE job_leases SET requested_at = $2 WHERE name = $1"
_LOSE_OLDER: Final = """
UPDATE job_runs SET status = 'lost', ended_at = $3
 WHERE name = $1 AND status = 'running' AND epoch < $2
"""
_BEGIN_RUN: Final = """
INSERT INTO job_runs (id, name, occasion, status, epoch, holder, started_at)
VALUES ($1, $2, $3, 'running', $4, $5, $6)
"""
_END_RUN: Final = """
UPDATE job_runs SET status = $2, ended_at = $3, result = $4, error = $5
 WHERE id = $1 AND status = 'running'
"""
_RUNS: Final = """
SELECT id, name, occasion, status, started_at, ended_at, result, error FROM job_runs
 WHERE name = $1 ORDER BY epoch DESC LIMIT $2
"""
_FORGET_RUNS: Final = """
DELETE FROM job_runs WHERE id IN (
    SELECT id FROM job_runs WHERE status <> 'running' AND started_at < $1 LIMIT $2)
"""


class LeaseLost(Exception):
    """Another runner has the job by now: what this one would still do is refused."""


class LeaseRow(Struct, frozen=True):
    """A job as its row has it. `holder` is None when nobody runs it, or the runner is dead."""

    name: str
    epoch: int = 0
    holder: str | None = None
    due_at: datetime | None = None
    requested_at: datetime | None = None
    failures: int = 0
    paused_until: datetime | None = None


class RunRow(Struct, frozen=True):
    """One run of a job. `result` is JSON."""

    id: UUID
    name: str
    occasion: str
    status: str
    started_at: datetime
    ended_at: datetime | None
    result: str | None
    error: str | None


async def find_lease(database: Database, name: str) -> LeaseRow:
    """The job's row; one that nobody ever ran has none yet."""
    row = await database.fetchrow(_FIND, name)
    return LeaseRow(*row) if row else LeaseRow(name)


async def take_lease(
    connection: Connection, name: str, holder: str, due_at: datetime, *, ttl_ms: int
) -> int | None:
    """The epoch of the lease, if the job is due or was asked for and nobody runs it."""
    await connection.execute(_MAKE, name)
    epoch: int | None = await connection.fetchval(_TAKE, name, holder, ttl_ms, due_at)
    return epoch


async def renew_lease(connection: Connection, name: str, epoch: int, *, ttl_ms: int) -> None:
    """Raises LeaseLost."""
    if await connection.fetchval(_RENEW, name, epoch, ttl_ms) is None:
        raise LeaseLost(name)


async def require_lease(connection: Connection, name: str, epoch: int) -> None:
    """Keep the lease from changing hands before this transaction ends. Raises LeaseLost."""
    if await connection.fetchval(_FENCE, name, epoch) is None:
        raise LeaseLost(name)


async def give_lease_back(
    connection: Connection, name: str, epoch: int, failures: int, paused_until: datetime | None
) -> None:
    """Let the next one take it; nothing happens when somebody has already."""
    await connection.execute(_GIVE_BACK, name, epoch, failures, paused_until)


async def request_run(connection: Connection, name: str, at: datetime) -> None:
    """Let the next worker that looks run the job, whatever its schedule says."""
    await connection.execute(_MAKE, name)
    await connection.execute(_REQUEST, name, at)


async def begin_run(connection: Connection, run: RunRow, epoch: int, holder: str) -> None:
    """Log a run; those of dead runners before it are lost."""
    await connection.execute(_LOSE_OLDER, run.name, epoch, run.started_at)
    await connection.execute(
        _BEGIN_RUN, run.id, run.name, run.occasion, epoch, holder, run.started_at
    )


async def end_run(connection: Connection, run: RunRow) -> None:
    """Log how it ended."""
    await connection.execute(_END_RUN, run.id, run.status, run.ended_at, run.result, run.error)


async def list_runs(database: Database, name: str, limit: int) -> list[RunRow]:
    """The newest first."""
    return [RunRow(*row) for row in await database.fetch(_RUNS, name, limit)]


async def forget_runs(connection: Connection, before: datetime, limit: int) -> int:
    """Forget some of the runs that began before; how many."""
    done: str = await connection.execute(_FORGET_RUNS, before, limit)
    return int(done.rpartition(" ")[2])
