"""SQL of the deduplication: who has a reference, the newest ones, and whose books these are."""

from collections.abc import Collection
from typing import Final
from uuid import UUID

import asyncpg

from tallystick.platform.postgres.pools import Database

# One index probe a reference: a plan that was made while the tables were small stays right.
_REFERENCES: Final = """
SELECT asked.reference, found.payment_id
  FROM unnest($1::text[]) AS asked(reference), LATERAL (
       SELECT payment_id FROM payment_references
        WHERE reference_number = asked.reference LIMIT 1) AS found
"""
_RETAINED: Final = """
SELECT asked.reference, found.id
  FROM unnest($1::text[]) AS asked(reference), LATERAL (
       SELECT id FROM recorded_payments
        WHERE reference_number = asked.reference LIMIT 1) AS found
"""
_NEWEST: Final = """
SELECT reference_number, payment_id FROM (
       SELECT * FROM payment_references ORDER BY created_at DESC LIMIT $1) AS newest
 ORDER BY created_at
"""
# A new cluster, a new database and a time line of its own after a failover or a restore: whatever
# was remembered of others may not be there.
_BOOKS: Final = """
SELECT format('%s:%s:%s', system.system_identifier, database.oid,
       CASE WHEN pg_is_in_recovery() THEN checkpoint.timeline_id::text
            ELSE left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) END)
  FROM pg_control_system() AS system, pg_control_checkpoint() AS checkpoint,
       pg_database AS database
 WHERE database.datname = current_database()
"""


async def find_references(database: Database, references: Collection[str]) -> dict[str, UUID]:
    """The payments that have these references, as `payment_references` knows them."""
    return dict(map(tuple, await database.fetch(_REFERENCES, list(references))))


async def find_retained(database: Database, references: Collection[str]) -> dict[str, UUID]:
    """The same from the payments themselves, which are kept longer than their references."""
    return dict(map(tuple, await database.fetch(_RETAINED, list(references))))


async def newest_references(database: Database, limit: int) -> dict[str, UUID]:
    """The references recorded last, the newest at the end."""
    return dict(map(tuple, await database.fetch(_NEWEST, limit)))


async def find_books(database: Database) -> str | None:
    """What tells these books from all others; None where the server does not let us ask."""
    try:
        name: str = await database.fetchval(_BOOKS)
    except asyncpg.InsufficientPrivilegeError:
        return None
    return f"{database.schema}:{name}"
