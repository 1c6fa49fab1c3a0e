"""SQL of the log of batches, `staging_process_log`, whose columns name no zone: they are in UTC."""

from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import json

from tallystick.intake.staging.model import BatchOutcome
from tallystick.platform.postgres.pools import Connection, Database

_CLAIMED: Final = "SELECT min(row_id), max(row_id), count(*) FROM intake_loading"
_BEGUN: Final = """
INSERT INTO staging_process_log (batch_start_id, batch_end_id, total_records, status, started_at)
VALUES ($1, $2, $3, 'processing', $4) RETURNING id
"""
_COMPLETED: Final = """
UPDATE staging_process_log
   SET status = 'completed', processed_records = $2, duplicate_records = $3, error_records = $4,
       completed_at = $5, error_details = $6
 WHERE id = $1
"""
_FAILED: Final = """
UPDATE staging_process_log SET status = 'failed', completed_at = $2, error_details = $3
 WHERE id = $1 AND status = 'processing'
"""
# It came to nothing before it had any rows.
_NOTHING: Final = """
INSERT INTO staging_process_log (batch_start_id, batch_end_id, total_records, status, started_at,
                                 completed_at, error_details)
VALUES (0, 0, 0, 'failed', $1, $1, $2)
"""
_DIED: Final = """
UPDATE staging_process_log SET status = 'failed', completed_at = $2, error_details = $3
 WHERE status = 'processing' AND started_at < $1
"""
_ANY_DEAD: Final = """
SELECT EXISTS (SELECT FROM staging_process_log WHERE status = 'processing' AND started_at < $1)
"""
_LAST_RUN: Final = "SELECT max(completed_at) AT TIME ZONE 'UTC' FROM staging_process_log"


async def claimed_rows(batch: Connection) -> tuple[int, int, int]:
    """The first and the last id in the workspace, and how many there are."""
    first, last, total = tuple(await batch.fetchrow(_CLAIMED) or ())
    return first, last, total


async def log_begun(
    connection: Connection, claimed: tuple[int, int, int], started_at: datetime
) -> UUID:
    """A batch is under way; the id of its row."""
    row_id: UUID = await connection.fetchval(_BEGUN, *claimed, _plain(started_at))
    return row_id


async def log_completed(
    batch: Connection, row_id: UUID, outcome: BatchOutcome, at: datetime
) -> None:
    """What became of it."""
    await batch.execute(
        *(_COMPLETED, row_id, outcome.recorded, outcome.duplicates, outcome.errors),
        *(_plain(at), _details(outcome)),
    )


async def log_failed(
    connection: Connection, row_id: UUID | None, at: datetime, reason: str
) -> None:
    """It came to nothing, before or after its row was written."""
    if row_id is None:
        await connection.execute(_NOTHING, _plain(at), _error(reason))
    else:
        await connection.execute(_FAILED, row_id, _plain(at), _error(reason))


async def log_died(connection: Connection, before: datetime, at: datetime, reason: str) -> None:
    """Those that are under way since `before` are so no longer."""
    await connection.execute(_DIED, _plain(before), _plain(at), _error(reason))


async def has_dead(database: Database, before: datetime) -> bool:
    """Whether any is under way since `before`. Raises Overloaded."""
    return bool(await database.fetchval(_ANY_DEAD, _plain(before)))


async def find_last_run(database: Database) -> datetime | None:
    """When a batch last ended. Raises Overloaded."""
    found: datetime | None = await database.fetchval(_LAST_RUN)
    return found


def _details(outcome: BatchOutcome) -> str | None:
    if not outcome.failed:
        return None
    retried = outcome.failed - outcome.errors
    return json.encode({"to_be_retried": retried, "rows": outcome.failures}).decode()


def _error(reason: str) -> str:
    return json.encode({"error": reason}).decode()


def _plain(instant: datetime) -> datetime:
    return instant.replace(tzinfo=None)
