"""SQL of what is kept and what is let go: partitions, references, logs."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final
from uuid import UUID

from msgspec import Struct

from tallystick.platform.postgres.pools import Connection, Database

MONTHS_LET_GO: Final = "SELECT month, before FROM intake_retention WHERE month IS NOT NULL"
REFERENCES_LET_GO: Final = """
SELECT before FROM intake_retention WHERE subject = 'payment_references'
"""
_VERSION: Final = "SELECT version FROM intake_retention WHERE id = $1"
_PARTITIONS: Final = """
SELECT c.relname, to_date(right(c.relname, 7), 'YYYY_MM') AS month,
       greatest(c.reltuples, 0)::bigint, pg_total_relation_size(c.oid)
  FROM pg_inherits JOIN pg_class AS c ON c.oid = inhrelid
 WHERE inhparent = 'recorded_payments'::regclass
 ORDER BY month
"""
_COUNT_MONTH: Final = """
SELECT count(*) FROM recorded_payments
 WHERE payment_date >= $1::date AND payment_date < $1::date + interval '1 month'
"""
_DROP: Final = "SELECT intake_drop_partition($1)"
_FORGET_CLEANED: Final = "DELETE FROM intake_cleaned_months WHERE month = $1"

_COUNT_OLD: Final = "SELECT count(*) FROM payment_references WHERE created_at < $1"
# Loaders ask whether a month was cleaned and take references in one statement: while none is at
# work, neither can come between.
_HOLD_LOADERS: Final = """
SELECT lane FROM journal_lanes WHERE lane > 0 ORDER BY lane FOR UPDATE
"""
_OLDEST: Final = """
SELECT reference_number FROM payment_references WHERE created_at < $1
 ORDER BY created_at, reference_number LIMIT $2
"""
_NOTE_MONTHS: Final = """
INSERT INTO intake_cleaned_months
SELECT DISTINCT date_trunc('month', payment_date)::date FROM payment_references
 WHERE reference_number = ANY($1)
    ON CONFLICT (month) DO NOTHING
"""
_DELETE: Final = "DELETE FROM payment_references WHERE reference_number = ANY($1)"
_FORGET_LOG: Final = """
DELETE FROM staging_process_log WHERE id IN (
    SELECT id FROM staging_process_log WHERE started_at < $1 ORDER BY started_at LIMIT $2)
"""


class Partition(Struct, frozen=True):
    """A month that is held. `payments` is the planner's estimate, `bytes` counts its indexes."""

    name: str
    month: date
    payments: int
    bytes: int


async def list_partitions(database: Database) -> list[Partition]:
    """The months that are held, the oldest first."""
    return [Partition(*row) for row in await database.fetch(_PARTITIONS)]


async def count_month(database: Database, month: date) -> int:
    """Exactly how many payments a month holds."""
    return int(await database.fetchval(_COUNT_MONTH, month))


async def find_version(database: Database, retention_id: UUID) -> int:
    """The version of what is let go of a subject; 0 when nothing ever was."""
    return await database.fetchval(_VERSION, retention_id) or 0


async def drop_month(owner: Connection, month: date) -> None:
    """Drop the partition, which only the tables' owner may."""
    await owner.execute(_DROP, month)
    await owner.execute(_FORGET_CLEANED, month)


async def count_old_references(database: Database, before: datetime) -> int:
    return int(await database.fetchval(_COUNT_OLD, before.replace(tzinfo=None)))


async def clean_references(connection: Connection, before: datetime, limit: int) -> int:
    """Clean some of the references recorded before; how many. Needs a transaction."""
    await connection.execute(_HOLD_LOADERS)
    rows = await connection.fetch(_OLDEST, before.replace(tzinfo=None), limit)
    oldest: Sequence[str] = [row[0] for row in rows]
    if oldest:
        await connection.execute(_NOTE_MONTHS, oldest)
        await connection.execute(_DELETE, oldest)
    return len(oldest)


async def forget_log(connection: Connection, before: datetime, limit: int) -> int:
    """Forget some of the batches' log of before; how many."""
    done: str = await connection.execute(_FORGET_LOG, before.replace(tzinfo=None), limit)
    return int(done.rpartition(" ")[2])
