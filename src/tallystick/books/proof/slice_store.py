"""SQL of the proofs that do not look at everything: slices of a lane, one account, assertions.

It only ever reads. A slice of a lane is found without an index: transfers are only ever appended,
so those of new batches lie at the end of their table, and a batch's own row says how many there
must be. What is not there is looked for everywhere before it is called missing.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from msgspec import Struct

from tallystick.books.proof.checks import Check
from tallystick.books.proof.facts import (
    CURSOR_ID,
    PROVED,
    AssertionRow,
    CursorRow,
    RunRow,
)
from tallystick.ledger import TRANSFER_FIELDS
from tallystick.platform.postgres.pools import Connection, Database


def _columns(row: type[Struct]) -> str:
    return ", ".join(row.__struct_fields__)


# Assertions --------------------------------------------------------------------------------------

# Balances are calculated anew from the lines: one walk along the lines of the accounts concerned.
ASSERTIONS: Final = """
WITH due AS (
    SELECT * FROM balance_assertions WHERE withdrawn_at IS NULL AND stood_at <= $1
), lines AS (
    SELECT a.id AS account_id, t.effective_at, b.at AS recorded_at,
           CASE WHEN (t.debit = a.id) = (a.normal_side = 'debit') THEN t.amount
                ELSE -t.amount END AS moved
      FROM ledger_accounts AS a
      JOIN ledger_transfers AS t ON t.debit = a.id OR t.credit = a.id
      JOIN journal_batches AS b USING (lane, batch)
     WHERE a.id IN (SELECT account_id FROM due) AND t.kind IN ('post', 'settle')
), steps AS (
    SELECT account_id, 'recorded' AS basis, recorded_at AS at, moved, NULL::uuid AS id FROM lines
     UNION ALL
    SELECT account_id, 'effective', coalesce(effective_at, recorded_at), moved, NULL FROM lines
     UNION ALL
    SELECT account_id, basis, stood_at, 0, id FROM due
), stood AS (
    SELECT id, sum(moved) OVER (PARTITION BY account_id, basis ORDER BY at
                                RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS balance
      FROM steps
)
SELECT d.id, d.account_id, a.code, d.basis, d.stood_at, d.low_minor, d.high_minor, s.balance
  FROM due AS d
  LEFT JOIN ledger_accounts AS a ON a.id = d.account_id
  LEFT JOIN stood AS s ON s.id = d.id
 WHERE a.id IS NULL OR a.currency <> d.currency
    OR (s.balance BETWEEN coalesce(d.low_minor, s.balance) AND coalesce(d.high_minor, s.balance))
       IS NOT TRUE
"""

CHECKS: Final = (
    Check(
        "assertions",
        "each account stood where it is asserted to have stood",
        ASSERTIONS,
        "balance_assertions",
    ),
)

_ASSERTION: Final = f"SELECT {_columns(AssertionRow)} FROM balance_assertions"
_ASSERTION_BY_ID: Final = f"{_ASSERTION} WHERE id = $1"
_ASSERTIONS_PAGE: Final = f"""
{_ASSERTION}
 WHERE ($1::uuid IS NULL OR account_id = $1)
   AND ($2::timestamptz IS NULL OR (made_at, id) < ($2, $3::uuid))
 ORDER BY made_at DESC, id DESC LIMIT $4
"""


async def find_assertion(database: Database, assertion_id: UUID) -> AssertionRow | None:
    row = await database.fetchrow(_ASSERTION_BY_ID, assertion_id)
    return AssertionRow(*row) if row else None


async def list_assertions(
    database: Database, account_id: UUID | None, after: tuple[datetime, UUID] | None, limit: int
) -> list[AssertionRow]:
    """The newest first."""
    at, last_id = after or (None, None)
    rows = await database.fetch(_ASSERTIONS_PAGE, account_id, at, last_id, limit)
    return [AssertionRow(*row) for row in rows]


# Runs --------------------------------------------------------------------------------------------

_RUN: Final = f"SELECT {_columns(RunRow)} FROM reconciliation_runs"
_RUN_BY_ID: Final = f"{_RUN} WHERE id = $1"
_OPEN_RUNS: Final = f"{_RUN} WHERE status IN ('queued', 'running') ORDER BY requested_at LIMIT 50"
_RUNS_PAGE: Final = f"""
{_RUN} WHERE $1::timestamptz IS NULL OR (requested_at, id) < ($1, $2::uuid)
 ORDER BY requested_at DESC, id DESC LIMIT $3
"""
_LAST_ENDED: Final = f"""
{_RUN} WHERE status IN ('green', 'red') ORDER BY requested_at DESC, id DESC LIMIT 1
"""
_LAST_SCHEDULED: Final = """
SELECT coalesce((SELECT max(requested_at) FROM reconciliation_runs WHERE occasion = 'schedule'),
                (SELECT min(at) FROM journal_batches WHERE batch = 1))
"""
_EXTENT: Final = """
SELECT (SELECT count(*) FROM ledger_accounts WHERE $2::uuid IS NULL OR id = $2),
       (SELECT count(*) FROM ledger_transfers JOIN journal_batches AS b USING (lane, batch)
         WHERE ($1::timestamptz IS NULL OR b.at >= $1)
           AND ($2::uuid IS NULL OR debit = $2 OR credit = $2))
"""


async def find_run(database: Database, run_id: UUID) -> RunRow | None:
    row = await database.fetchrow(_RUN_BY_ID, run_id)
    return RunRow(*row) if row else None


async def open_runs(database: Database) -> list[RunRow]:
    """Those that wait or are under way, the longest waiting first."""
    return [RunRow(*row) for row in await database.fetch(_OPEN_RUNS)]


async def list_runs(
    database: Database, after: tuple[datetime, UUID] | None, limit: int
) -> list[RunRow]:
    """The newest first."""
    at, last_id = after or (None, None)
    return [RunRow(*row) for row in await database.fetch(_RUNS_PAGE, at, last_id, limit)]


async def find_last_run(database: Database) -> RunRow | None:
    """The newest that was carried to its end."""
    row = await database.fetchrow(_LAST_ENDED)
    return RunRow(*row) if row else None


async def last_scheduled_at(database: Database) -> datetime | None:
    """When the timetable last asked for one, or when the books began; None for unused books."""
    found: datetime | None = await database.fetchval(_LAST_SCHEDULED)
    return found


async def count_extent(
    connection: Connection, since: datetime | None, account_id: UUID | None
) -> tuple[int, int]:
    """How many accounts and transfers a run with these limits is about."""
    row = await connection.fetchrow(_EXTENT, since, account_id)
    return (row[0], row[1]) if row else (0, 0)


# The cursor --------------------------------------------------------------------------------------

_CURSOR: Final = f"SELECT {_columns(CursorRow)} FROM proof_cursors WHERE id = $1"
# A proof's own fact is no work left undone, or proving would never end.
_OLDEST_UNPROVEN: Final = f"""
SELECT min(at) FROM (
    SELECT (SELECT at FROM journal_batches AS b
             WHERE b.lane = l.lane AND b.batch > coalesce(p.batch, 0) AND b.transfers > 0
             ORDER BY b.batch LIMIT 1) AS at
      FROM journal_lanes AS l LEFT JOIN unnest($1::smallint[], $2::bigint[]) AS p(lane, batch)
           USING (lane)
     UNION ALL
    SELECT (SELECT at FROM journal_facts AS f
             WHERE f.lane = l.lane AND f.position > coalesce(p.position, 0) AND kind <> '{PROVED}'
             ORDER BY f.position LIMIT 1)
      FROM journal_lanes AS l LEFT JOIN unnest($1::smallint[], $3::bigint[]) AS p(lane, position)
           USING (lane)) AS unproven
"""


async def find_cursor(database: Database) -> CursorRow | None:
    row = await database.fetchrow(_CURSOR, CURSOR_ID)
    return CursorRow(*row) if row else None


async def oldest_unproven(
    database: Database, lanes: Sequence[int], batches: Sequence[int], positions: Sequence[int]
) -> datetime | None:
    """The instant of the first batch behind these places that holds anybody's work."""
    found: datetime | None = await database.fetchval(_OLDEST_UNPROVEN, lanes, batches, positions)
    return found


# A slice of a lane -------------------------------------------------------------------------------

FACT_COLUMNS: Final = (
    "position, batch, at, aggregate_id, version, lane, schema_version, kind, data, actor,"
    " request_id, cause"
)
LANES: Final = "SELECT lane, seq, position, head FROM journal_lanes WHERE seq > 0 ORDER BY lane"
BATCHES_FROM: Final = """
SELECT lane, batch, at, facts, transfers, last_position, head, hashing FROM journal_batches
 WHERE lane = $1 AND batch >= $2 ORDER BY batch LIMIT $3
"""
FACTS_BETWEEN: Final = f"""
SELECT {FACT_COLUMNS} FROM journal_facts WHERE lane = $1 AND position > $2 AND position <= $3
 ORDER BY position
"""
TRANSFERS_WITHIN: Final = f"""
SELECT {TRANSFER_FIELDS}, ctid FROM ledger_transfers
 WHERE ctid >= $4 AND ctid < $5 AND lane = $1 AND batch BETWEEN $2 AND $3 ORDER BY batch, id
"""
FIRST_ROW_BEHIND: Final = """
SELECT min(ctid) FROM ledger_transfers WHERE lane = $1 AND batch > $2
"""
HEAP_BLOCKS: Final = """
SELECT pg_relation_size('ledger_transfers') / current_setting('block_size')::integer
"""
LAST_BATCH_BEFORE: Final = """
SELECT DISTINCT ON (lane) lane, batch, last_position, head FROM journal_batches
 WHERE at < $1 ORDER BY lane, batch DESC
"""

LINES: Final = """
SELECT w.account_id, w.version, l.balance
  FROM unnest($1::uuid[], $2::bigint[]) AS w(account_id, version)
  JOIN LATERAL (SELECT debit_balance AS balance FROM ledger_transfers
                 WHERE debit = w.account_id AND debit_version = w.version
                 UNION ALL
                SELECT credit_balance FROM ledger_transfers
                 WHERE credit = w.account_id AND credit_version = w.version) AS l ON true
"""
SIDES: Final = "SELECT id, normal_side FROM ledger_accounts WHERE id = ANY($1)"

# Where an account stands, beside its last line; for accounts with few lines, beside all of them.
STANDINGS: Final = """
SELECT a.id AS account_id, a.code, a.version, s.balance, l.version AS last_version,
       l.balance AS last_balance
  FROM unnest($1::uuid[]) AS w(id) JOIN ledger_accounts AS a USING (id)
 CROSS JOIN LATERAL (SELECT CASE a.normal_side WHEN 'debit' THEN debits_posted - credits_posted
                                 ELSE credits_posted - debits_posted END AS balance) AS s
  LEFT JOIN LATERAL (
      SELECT version, balance FROM (
          (SELECT debit_version AS version, debit_balance AS balance FROM ledger_transfers
            WHERE debit = w.id ORDER BY debit_version DESC LIMIT 1)
           UNION ALL
          (SELECT credit_version, credit_balance FROM ledger_transfers
            WHERE credit = w.id ORDER BY credit_version DESC LIMIT 1)) AS line
       ORDER BY version DESC LIMIT 1) AS l ON true
 WHERE (a.version, s.balance) IS DISTINCT FROM (l.version, l.balance)
"""
_STEP = "CASE kind WHEN 'post' THEN 0 WHEN 'reserve' THEN amount ELSE -amount END"
_MOVED = "CASE WHEN kind IN ('post', 'settle') THEN amount ELSE 0 END"
COUNTERS_OF_FEW: Final = f"""
SELECT a.id AS account_id, a.code, a.debits_pending, a.debits_posted, a.credits_pending,
       a.credits_posted, to_json(s) AS transfers_say
  FROM unnest($1::uuid[]) AS w(id) JOIN ledger_accounts AS a USING (id)
 CROSS JOIN LATERAL (SELECT coalesce(sum({_STEP}), 0) AS debits_pending,
                            coalesce(sum({_MOVED}), 0) AS debits_posted
                       FROM ledger_transfers WHERE debit = w.id) AS d
 CROSS JOIN LATERAL (SELECT coalesce(sum({_STEP}), 0) AS credits_pending,
                            coalesce(sum({_MOVED}), 0) AS credits_posted
                       FROM ledger_transfers WHERE credit = w.id) AS c
 CROSS JOIN LATERAL (SELECT d.debits_pending, d.debits_posted, c.credits_pending,
                            c.credits_posted) AS s
 WHERE a.version <= $2
   AND (a.debits_pending, a.debits_posted, a.credits_pending, a.credits_posted)
       IS DISTINCT FROM (s.debits_pending, s.debits_posted, s.credits_pending, s.credits_posted)
"""

# One account -------------------------------------------------------------------------------------

# A query's own table goes before the database's of the same name: the very statements of the whole
# proof, looking at one account. $2 is the account.
_TRANSFERS_OF = (
    "ledger_transfers AS NOT MATERIALIZED"
    " (SELECT * FROM ledger_transfers WHERE debit = $2 OR credit = $2)"
)
_ACCOUNT = "ledger_accounts AS NOT MATERIALIZED (SELECT * FROM ledger_accounts WHERE id = $2)"
_RESERVATIONS_OF = (
    "ledger_reservations AS NOT MATERIALIZED"
    " (SELECT * FROM ledger_reservations WHERE debit = $2 OR credit = $2)"
)
_FACTS_OF = (
    "journal_facts AS NOT MATERIALIZED (SELECT * FROM journal_facts WHERE aggregate_id = $2)"
)
_ASSERTIONS_OF = (
    "balance_assertions AS NOT MATERIALIZED"
    " (SELECT * FROM balance_assertions WHERE account_id = $2)"
)

_LENSES: Final = {
    "counters": (_TRANSFERS_OF, _ACCOUNT),
    "running_balances": (_TRANSFERS_OF, _ACCOUNT),
    "reservations": (_TRANSFERS_OF, _RESERVATIONS_OF),
    "transfers": (_TRANSFERS_OF,),
    "limits": (_ACCOUNT,),
    "terms": (_ACCOUNT, _TRANSFERS_OF, _FACTS_OF),
    "fact_versions": (_FACTS_OF,),
    "assertions": (_ACCOUNT, _TRANSFERS_OF, _ASSERTIONS_OF),
}
CHECKS_OF_ACCOUNT: Final = frozenset(_LENSES)


def seen_from(check: Check, now: datetime, account_id: UUID) -> tuple[str, list[Any]]:
    """The check's statement as it sees one account, and what it takes.

    Raises KeyError where one account cannot be seen.
    """
    lens = ", ".join(_LENSES[check.name])
    own = " WHERE id = $2" if check.name == "counters" else ""  # the other sides' sums are halves
    sql = f"WITH {lens} SELECT * FROM ({check.sql}) AS found{own}"
    if "$1" in check.sql:
        return sql, [now, account_id]
    return sql.replace("$2", "$1"), [account_id]
