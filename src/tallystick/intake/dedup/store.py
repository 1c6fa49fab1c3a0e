"""SQL of the deduplication: who has a reference, the newest ones, and whose books these are."""

from collections.abc import Collection
from typing import Final
from uuid import UUID

import asyncpg

from tallystick.platform.postgres.pools import Database

# One index probe a reference: a plan that was made while the tables were small stays right. A
# payment is kept longer than its reference, which is cleaned away: such months are asked as well.
REFERENCES: Final = """
SELECT reference, payment_id
  FROM (SELECT asked.reference, coalesce(
               (SELECT payment_id FROM payment_references
                 WHERE reference_number = asked.reference),
               (SELECT p.id FROM intake_cleaned_months AS cleaned
                  JOIN recorded_payments AS p
                    ON p.payment_date >= cleaned.month
                   AND p.payment_date < cleaned.month + interval '1 month'
                 WHERE p.reference_number = asked.reference LIMIT 1)) AS payment_id
          FROM unnest($1::text[]) AS asked(reference)) AS found
 WHERE payment_id IS NOT NULL
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
    """The payments that have these references, those among them whose reference was cleaned."""
    return dict(map(tuple, await database.fetch(REFERENCES, list(references))))


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
