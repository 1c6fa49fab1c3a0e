"""SQL of loading recorded payments in bulk: one pass of statements a batch, never a row at a time.

The rows of a batch stand in `intake_loading`, a temporary table of the loader's own session that
every commit empties. The order of the statements is that of every batch: accounts, references by
their text, then rows that nobody else can be touching. Values are judged by `intake.fields`' rules.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from tallystick.intake.fields import (
    AMOUNT_MIN,
    EXPONENT_MAX,
    METADATA_BYTES_MAX,
    METADATA_DEPTH_MAX,
    RECEIPT_KEY,
)
from tallystick.intake.staging.model import BatchOutcome, LoadTerms, RowFailure, StagingStats
from tallystick.platform.postgres.pools import Connection, Database

# The writer of a loader makes them for itself; they are never on disk for anybody else.
_WORKSPACE: Final = """
CREATE TEMPORARY TABLE IF NOT EXISTS intake_loading (
    row_id bigint, place tid, payment_id uuid, reference text, loan text, cif text,
    amount_minor bigint, paid_at timestamp, channel text, metadata text,
    reason text, is_duplicate boolean NOT NULL DEFAULT FALSE) ON COMMIT DELETE ROWS
"""
_HELD_MONTHS: Final = """
SELECT min(month), max(month), coalesce(array_agg(month), '{}') FROM (
    SELECT to_date(right(partition.relname, 7), 'YYYY_MM')::timestamp AS month
      FROM pg_inherits JOIN pg_class AS partition ON partition.oid = inhrelid
     WHERE inhparent = 'recorded_payments'::regclass) AS held
"""

# An id as `platform.ids.new_id` makes it: the instant, the loan's bucket, 61 bits. These count on
# from a random number of the batch, because a random one a row takes three times as long.
_PAYMENT_ID: Final = f"""
($1::text || '7' || substr(encode(sha256(convert_to(loan_account_number, 'UTF8')), 'hex'), 2, 3)
 || to_hex((($12::bigint + id) & {(1 << 61) - 1}) | ({-(1 << 63)})::bigint))::uuid
"""

# Only what is long enough to be too deep, or to hold such a number, is looked into.
_METADATA_FAULT: Final = f"""
CASE WHEN metadata IS NULL THEN NULL
     WHEN jsonb_typeof(metadata) <> 'object' THEN 'metadata must be an object'
     WHEN metadata ? '{RECEIPT_KEY}'
     THEN 'metadata must not have the key {RECEIPT_KEY}, which is ours'
     WHEN octet_length(written) > {METADATA_BYTES_MAX}
     THEN 'metadata must be at most {METADATA_BYTES_MAX} bytes'
     WHEN octet_length(written) > {2 * METADATA_DEPTH_MAX}
          AND octet_length(written) - octet_length(translate(written, '[{{', ''))
          > {METADATA_DEPTH_MAX}
          AND jsonb_path_exists(metadata, 'strict $.**{{{METADATA_DEPTH_MAX + 1} to last}}')
     THEN 'metadata must be at most {METADATA_DEPTH_MAX} levels deep'
     WHEN octet_length(written) > {EXPONENT_MAX} AND EXISTS (
          SELECT FROM jsonb_path_query(metadata, 'strict $.** ? (@.type() == "number")') AS number
           WHERE abs(number::numeric) >= 1e{EXPONENT_MAX + 1}
              OR scale(number::numeric) > {EXPONENT_MAX})
     THEN 'metadata holds a number beyond 1e{EXPONENT_MAX} or finer than 1e-{EXPONENT_MAX}' END
"""
_CLAIM: Final = f"""
INSERT INTO intake_loading
SELECT id, place, {_PAYMENT_ID}, reference_number, loan_account_number, cif,
       CASE WHEN amount BETWEEN {AMOUNT_MIN} AND $2::numeric
            THEN (amount * $3::numeric)::bigint END,
       paid_at, payment_channel, written,
       nullif(concat_ws('; ',
           CASE WHEN reference_number = ''
                THEN 'reference_number must have 1 to 255 characters' END,
           CASE WHEN loan_account_number = ''
                THEN 'loan_account_number must have 1 to 20 characters' END,
           CASE WHEN cif = '' THEN 'cif must have 1 to 20 characters' END,
           CASE WHEN NOT amount BETWEEN {AMOUNT_MIN} AND $2::numeric
                THEN 'amount must be from {AMOUNT_MIN} to ' || $2::numeric
                WHEN amount <> round(amount, $4::integer)
                THEN format('amount in %s must have at most %s decimals', $5::text, $4::integer)
           END,
           CASE WHEN paid_at IS NULL THEN 'payment_date is no date of the calendar'
                WHEN paid_at < $6::timestamp OR paid_at >= $7::timestamp + interval '1 month'
                     OR date_trunc('month', paid_at) = ANY ($8::timestamp[])
                THEN format('payment_date is in %s, which is not held: %s to %s are',
                            to_char(paid_at, 'YYYY-MM'), to_char($6::timestamp, 'YYYY-MM'),
                            to_char($7::timestamp, 'YYYY-MM')) END,
           {_METADATA_FAULT}), '')
  FROM (SELECT s.*, s.ctid AS place, s.metadata::text AS written,
               CASE WHEN s.payment_date >= '0001-01-03' AND s.payment_date < '9999-12-30'
                    THEN s.payment_date AT TIME ZONE $9 AT TIME ZONE 'UTC' END AS paid_at
          FROM payment_staging AS s
         WHERE s.processed IS NOT TRUE
           AND NOT EXISTS (SELECT FROM intake_staging_failures AS f
                            WHERE f.staging_id = s.id AND f.at > $10)
         ORDER BY s.id LIMIT $11 FOR UPDATE OF s SKIP LOCKED) AS claimed
"""
# Whoever has the reference already keeps it; sorted, so that two loaders wait in one direction.
_TAKE_REFERENCES: Final = """
INSERT INTO payment_references (reference_number, payment_id, payment_date, created_at)
SELECT DISTINCT ON (reference COLLATE "C") reference, payment_id, paid_at, $1
  FROM intake_loading AS l
 WHERE reason IS NULL
   AND NOT EXISTS (SELECT FROM intake_cleaned_months AS cleaned
                     JOIN recorded_payments AS p
                       ON p.payment_date >= cleaned.month
                      AND p.payment_date < cleaned.month + interval '1 month'
                    WHERE p.reference_number = l.reference)
 ORDER BY reference COLLATE "C", row_id
    ON CONFLICT (reference_number) DO NOTHING
"""
_INSTANT_JSON: Final = """
CASE WHEN l.paid_at = date_trunc('second', l.paid_at)
     THEN left(to_json(l.paid_at)::text, -1) || 'Z"'
     ELSE to_char(l.paid_at, '"\\""YYYY-MM-DD"T"HH24:MI:SS.US"Z\\""') END
"""
_FLAG_DUPLICATES: Final = """
UPDATE intake_loading AS l SET is_duplicate = TRUE
 WHERE reason IS NULL
   AND NOT EXISTS (SELECT FROM payment_references AS r
                    WHERE r.reference_number = l.reference AND r.payment_id = l.payment_id)
"""
# The sender's object, still open for our receipt.
_METADATA: Final = """
CASE WHEN coalesce(l.metadata, '{}') = '{}' THEN '{' ELSE left(l.metadata, -1) || ', ' END
"""
_IS_NEW: Final = "l.reason IS NULL AND NOT l.is_duplicate"
_ORDINAL: Final = "row_number() OVER (ORDER BY l.row_id)"
# The same data, in the same order, as `PaymentRecorded` has in the journal; `@currency@` and
# `@receipt@` are ours, not a sender's.
_FACTS: Final = f"""
SELECT l.payment_id, {_ORDINAL},
       ('{{"reference_number":' || to_json(l.reference)::text
        || ',"loan_account_number":' || to_json(l.loan)::text || ',"cif":' || to_json(l.cif)::text
        || ',"amount_minor":' || l.amount_minor || ',"currency":"@currency@","payment_date":'
        || {_INSTANT_JSON} || ',"payment_channel":' || coalesce(to_json(l.channel)::text, 'null')
        || ',"source":"staging","metadata":'
        || {_METADATA} || '@receipt@}}}}')::json
  FROM intake_loading AS l WHERE {_IS_NEW}
"""
_INSERT_PAYMENTS: Final = f"""
INSERT INTO recorded_payments (id, reference_number, loan_account_number, cif, amount,
                               payment_date, payment_channel, source, metadata, created_at,
                               currency)
SELECT l.payment_id, l.reference, l.loan, l.cif, l.amount_minor * $4::numeric, l.paid_at,
       l.channel, 'staging', ({_METADATA} || $3::text)::jsonb, $1, $2
  FROM intake_loading AS l WHERE {_IS_NEW}
"""
POSTINGS: Final = f"""
SELECT l.payment_id, {_ORDINAL}, l.amount_minor FROM intake_loading AS l WHERE {_IS_NEW}
"""

_REFUSE: Final = "UPDATE intake_loading SET reason = $1"
_KEEP_FAILURES: Final = """
INSERT INTO intake_staging_failures AS f (staging_id, reason, attempts, at)
SELECT row_id, reason, 1, $1 FROM intake_loading WHERE reason IS NOT NULL ORDER BY row_id
    ON CONFLICT (staging_id) DO UPDATE
   SET reason = excluded.reason, attempts = f.attempts + 1, at = excluded.at
"""
_FORGET_FAILURES: Final = """
DELETE FROM intake_staging_failures AS f USING intake_loading AS l
 WHERE f.staging_id = l.row_id AND l.reason IS NULL
"""
_MARK: Final = """
UPDATE payment_staging AS s SET processed = TRUE, processed_at = $1
  FROM intake_loading AS l
 WHERE s.ctid = l.place AND s.id = l.row_id
   AND (l.reason IS NULL OR EXISTS (SELECT FROM intake_staging_failures AS f
                                     WHERE f.staging_id = l.row_id AND f.attempts > $2))
"""
_COUNTS: Final = """
SELECT count(*), min(row_id), max(row_id),
       count(*) FILTER (WHERE reason IS NOT NULL),
       count(*) FILTER (WHERE reason IS NULL AND NOT is_duplicate)
  FROM intake_loading
"""
_GIVEN_UP: Final = """
SELECT l.row_id, l.reason, f.attempts, count(*) OVER ()
  FROM intake_loading AS l JOIN intake_staging_failures AS f ON f.staging_id = l.row_id
 WHERE l.reason IS NOT NULL AND f.attempts > $1 ORDER BY l.row_id LIMIT $2
"""
_ANY_FAILURES: Final = "SELECT EXISTS (SELECT FROM intake_staging_failures)"
# Whoever may look at the health may have it counted: by the index, and no further than said.
_BACKLOG: Final = """
SELECT count(*) FROM (SELECT FROM payment_staging WHERE processed IS NOT TRUE
                       ORDER BY id LIMIT $1) AS waiting
"""
_STATS: Final = """
SELECT (SELECT count(*) FROM payment_staging WHERE processed IS NOT TRUE), failures.*, batches.*
  FROM (SELECT count(*) FILTER (WHERE s.processed IS NOT TRUE),
               count(*) FILTER (WHERE s.processed)
          FROM intake_staging_failures AS f JOIN payment_staging AS s ON s.id = f.staging_id
       ) AS failures,
       (SELECT count(*), coalesce(sum(processed_records), 0), coalesce(sum(duplicate_records), 0),
               coalesce(sum(error_records), 0), max(completed_at) AT TIME ZONE 'UTC'
          FROM staging_process_log) AS batches
"""
ERRORS_SHOWN: Final = 20
LOADED_COLUMNS: Final = (
    *("row_id", "payment_id", "reference", "loan", "cif", "amount_minor", "paid_at"),
    *("channel", "metadata"),
)


async def open_workspace(connection: Connection) -> None:
    """The table that a batch is worked out in, for as long as the session lasts."""
    await connection.execute(_WORKSPACE)


async def claim(
    connection: Connection, terms: LoadTerms, at: datetime, *, limit: int, retry_delay_ms: int
) -> int:
    """Lock the next rows that nobody else works on, judged by set; how many.

    A row that failed less than `retry_delay_ms` ago is left for later.
    """
    first, last, held = tuple(await connection.fetchrow(_HELD_MONTHS) or ())
    done = await connection.execute(
        _CLAIM,
        f"{int(at.timestamp() * 1000):012x}",
        *(terms.amount_max, terms.minor_units, terms.decimals, terms.currency),
        *(first, last, _gaps(first, last, held), terms.timezone),
        *(at - timedelta(milliseconds=retry_delay_ms), limit, secrets.randbits(61)),
    )
    return _count(done)


async def copy_loading(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Fill the workspace with rows found good elsewhere, in the order of its columns."""
    await connection.copy_records_to_table("intake_loading", records=rows, columns=LOADED_COLUMNS)


async def take_references(connection: Connection, at: datetime) -> None:
    """Give every good row's reference to its payment, unless it is taken."""
    await connection.execute(_TAKE_REFERENCES, at.replace(tzinfo=None))


async def flag_duplicates(connection: Connection) -> None:
    """Tell the rows whose reference somebody else has."""
    await connection.execute(_FLAG_DUPLICATES)


def facts_of(currency: str, receipt: bytes) -> str:
    """The query of the new rows' facts: payment, ordinal, data."""
    own = _own(receipt).replace("'", "''")
    return _FACTS.replace("@currency@", currency).replace("@receipt@", own)


async def insert_payments(
    connection: Connection, terms: LoadTerms, receipt: bytes, at: datetime
) -> None:
    """Write the new rows into their months."""
    own, minor_unit = f"{_own(receipt)}}}", 1 / terms.minor_units
    await connection.execute(
        _INSERT_PAYMENTS, at.replace(tzinfo=None), terms.currency, own, minor_unit
    )


def _own(receipt: bytes) -> str:
    return f'"{RECEIPT_KEY}":{receipt.decode()}'


async def settle_rows(connection: Connection, at: datetime, *, retries_max: int) -> BatchOutcome:
    """Mark what is done with, and keep what failed for another attempt."""
    if await connection.fetchval(_ANY_FAILURES):
        await connection.execute(_FORGET_FAILURES)
    await connection.execute(_KEEP_FAILURES, at)
    await connection.execute(_MARK, at.replace(tzinfo=None), retries_max)
    total, first, last, failed, accepted = tuple(await connection.fetchrow(_COUNTS) or ())
    given_up = await connection.fetch(_GIVEN_UP, retries_max, ERRORS_SHOWN) if failed else []
    return BatchOutcome(
        first_id=first,
        last_id=last,
        total=total,
        recorded=accepted,
        duplicates=total - failed - accepted,
        errors=given_up[0][3] if given_up else 0,
        failed=failed,
        failures=tuple(RowFailure(*tuple(row)[:3]) for row in given_up),
    )


async def refuse_loading(connection: Connection, reason: str) -> None:
    """Call every row of the workspace wrong, for a reason that no rule foresaw."""
    await connection.execute(_REFUSE, reason)


# Reading -----------------------------------------------------------------------------------------


async def count_backlog(database: Database, at_most: int) -> int:
    """The rows that are not processed yet; `at_most` is so many or more."""
    return int(await database.fetchval(_BACKLOG, at_most))


async def read_stats(database: Database) -> StagingStats:
    """The table in numbers."""
    row = await database.fetchrow(_STATS)
    return StagingStats(*tuple(row or ()))


def _count(done: str) -> int:
    return int(done.rpartition(" ")[2])


def _gaps(
    first: datetime | None, last: datetime | None, held: Sequence[datetime]
) -> list[datetime]:
    """The months between the first and the last that are not held: seldom any."""
    found, month = [], first
    while month is not None and last is not None and month < last:
        if month not in held:
            found.append(month)
        month = (month + timedelta(days=31)).replace(day=1)
    return found
