"""All SQL of a bank's book: an SQLite file in WAL mode; operations, payouts, challenges, attempts.

An attempt is remembered where a first answer went wrong before anything was done, so that the
second one, even after a restart, is sound.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from tallystick.sandbox.challenge_model import Challenge
from tallystick.sandbox.model import Operation
from tallystick.sandbox.payout_model import Payout

_BUSY_S = 5.0

_SETTLED = "decision = 'approved' AND (kind IN ('capture', 'refund') OR capture = 1)"
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS operations (
    reference TEXT PRIMARY KEY, kind TEXT NOT NULL, authorization_reference TEXT NOT NULL,
    amount_minor INTEGER NOT NULL, currency TEXT NOT NULL, token TEXT NOT NULL,
    merchant TEXT NOT NULL, capture INTEGER NOT NULL, final INTEGER NOT NULL, id TEXT NOT NULL,
    decision TEXT NOT NULL, code TEXT, fee_minor INTEGER NOT NULL, created_at TEXT NOT NULL,
    decided_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS operations_by_authorization ON operations (authorization_reference);
CREATE INDEX IF NOT EXISTS operations_settled ON operations (substr(decided_at, 1, 10))
    WHERE {_SETTLED};
CREATE TABLE IF NOT EXISTS payouts (
    reference TEXT PRIMARY KEY, amount_minor INTEGER NOT NULL, currency TEXT NOT NULL,
    method TEXT NOT NULL, destination TEXT NOT NULL, bank_code TEXT NOT NULL, name TEXT NOT NULL,
    id TEXT NOT NULL, decision TEXT NOT NULL, code TEXT, created_at TEXT NOT NULL,
    decided_at TEXT NOT NULL, returned_at TEXT
);
CREATE TABLE IF NOT EXISTS challenges (
    reference TEXT PRIMARY KEY, id TEXT NOT NULL UNIQUE, amount_minor INTEGER NOT NULL,
    currency TEXT NOT NULL, token TEXT NOT NULL, merchant TEXT NOT NULL, capture INTEGER NOT NULL,
    return_url TEXT, created_at TEXT NOT NULL, expires_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS attempts (reference TEXT PRIMARY KEY) WITHOUT ROWID;
"""

_COLUMNS = Operation.__struct_fields__
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM operations"

# One statement for a whole batch: sqlite3 gives up the interpreter's lock once a statement, and a
# thread that asks for it back row by row would wait behind the event loop each time.
_INSERT = "INSERT INTO operations SELECT {} FROM json_each(?)".format(
    ", ".join(f"json_extract(value, '$[{place}]')" for place in range(len(_COLUMNS)))
)
_PAYOUT_COLUMNS = Payout.__struct_fields__
_SELECT_PAYOUTS = f"SELECT {', '.join(_PAYOUT_COLUMNS)} FROM payouts"
_INSERT_PAYOUTS = "INSERT INTO payouts SELECT {} FROM json_each(?)".format(
    ", ".join(f"json_extract(value, '$[{place}]')" for place in range(len(_PAYOUT_COLUMNS)))
)
_CHALLENGE_COLUMNS = Challenge.__struct_fields__
_SELECT_CHALLENGES = f"SELECT {', '.join(_CHALLENGE_COLUMNS)} FROM challenges"
_INSERT_CHALLENGES = "INSERT INTO challenges SELECT {} FROM json_each(?)".format(
    ", ".join(f"json_extract(value, '$[{place}]')" for place in range(len(_CHALLENGE_COLUMNS)))
)
_INSERT_ATTEMPTS = "INSERT OR IGNORE INTO attempts SELECT value FROM json_each(?)"


class PayoutTotals(Struct, frozen=True):
    """One currency's payouts of a day, in minor units."""

    currency: str
    paid: int
    returned: int


class DayTotals(Struct, frozen=True):
    """One currency's sums of a day, in minor units."""

    currency: str
    captured: int
    refunded: int
    fees: int


def open_writing(path: Path, *, durable: bool) -> sqlite3.Connection:
    """A connection for the one writer; not `durable` survives `kill -9` but not a power cut."""
    connection = _open(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
    connection.executescript(_SCHEMA)
    return connection


def open_reading(path: Path) -> sqlite3.Connection:
    """A connection that cannot write; sees what is committed."""
    connection = _open(path)
    connection.execute("PRAGMA query_only = ON")
    return connection


def _open(path: Path) -> sqlite3.Connection:
    # Written by one executor thread at a time, opened and closed by the event loop's.
    return sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)


def write(
    connection: sqlite3.Connection,
    operations: Iterable[Operation],
    payouts: Iterable[Payout],
    challenges: Iterable[Challenge],
    attempts: Iterable[str],
) -> None:
    """Make a batch durable in one transaction."""
    batch = {
        _INSERT: [_row(operation) for operation in operations],
        _INSERT_PAYOUTS: [_payout_row(payout) for payout in payouts],
        _INSERT_CHALLENGES: [_challenge_row(challenge) for challenge in challenges],
        _INSERT_ATTEMPTS: list(attempts),
    }
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement, rows in batch.items():
            if rows:
                connection.execute(statement, (msgspec.json.encode(rows).decode(),))
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def find_operation(connection: sqlite3.Connection, reference: str) -> Operation | None:
    """What was written under this reference."""
    row = connection.execute(f"{_SELECT} WHERE reference = ?", (reference,)).fetchone()
    return None if row is None else _operation(row)


def list_operations_on(
    connection: sqlite3.Connection, authorization_reference: str
) -> list[Operation]:
    """The authorization and all that was done with it."""
    rows = connection.execute(
        f"{_SELECT} WHERE authorization_reference = ?", (authorization_reference,)
    )
    return [_operation(row) for row in rows.fetchall()]


def list_operations(connection: sqlite3.Connection) -> list[Operation]:
    """The whole book, in the order it was written."""
    return [_operation(row) for row in connection.execute(f"{_SELECT} ORDER BY rowid").fetchall()]


def find_payout(connection: sqlite3.Connection, reference: str) -> Payout | None:
    """The payout that was written under this reference."""
    row = connection.execute(f"{_SELECT_PAYOUTS} WHERE reference = ?", (reference,)).fetchone()
    return None if row is None else _payout(row)


def list_payouts(connection: sqlite3.Connection) -> list[Payout]:
    """All payouts, in the order they were written."""
    return [_payout(row) for row in connection.execute(f"{_SELECT_PAYOUTS} ORDER BY rowid")]


def find_challenge(connection: sqlite3.Connection, reference: str) -> Challenge | None:
    """The challenge that was put about this reference."""
    row = connection.execute(f"{_SELECT_CHALLENGES} WHERE reference = ?", (reference,)).fetchone()
    return None if row is None else _challenge(row)


def find_challenge_by_id(connection: sqlite3.Connection, challenge_id: str) -> Challenge | None:
    """The challenge whose URL ends like this."""
    row = connection.execute(f"{_SELECT_CHALLENGES} WHERE id = ?", (challenge_id,)).fetchone()
    return None if row is None else _challenge(row)


def was_attempted(connection: sqlite3.Connection, reference: str) -> bool:
    """Whether a first answer to this reference went wrong on purpose."""
    query = "SELECT 1 FROM attempts WHERE reference = ?"
    return connection.execute(query, (reference,)).fetchone() is not None


def list_settled(
    connection: sqlite3.Connection, day: date, now: datetime, *, after: int, limit: int
) -> list[tuple[int, Operation]]:
    """One page of the captures and refunds of a day (UTC), each with its place in the book."""
    rows = connection.execute(
        f"SELECT rowid, {', '.join(_COLUMNS)} FROM operations WHERE {_SETTLED}"
        " AND substr(decided_at, 1, 10) = ? AND decided_at <= ? AND rowid > ?"
        " ORDER BY rowid LIMIT ?",
        (day.isoformat(), _instant_text(now), after, limit),
    )
    return [(row[0], _operation(row[1:])) for row in rows.fetchall()]


def day_totals(connection: sqlite3.Connection, day: date, now: datetime) -> list[DayTotals]:
    """The sums of a day's captures, refunds and fees, by currency."""
    rows = connection.execute(
        "SELECT currency, sum(iif(kind = 'refund', 0, amount_minor)),"
        f" sum(iif(kind = 'refund', amount_minor, 0)), sum(fee_minor) FROM operations"
        f" WHERE {_SETTLED} AND substr(decided_at, 1, 10) = ? AND decided_at <= ?"
        " GROUP BY currency ORDER BY currency",
        (day.isoformat(), _instant_text(now)),
    )
    return [DayTotals(*row) for row in rows.fetchall()]


_MOVED = (
    "decision = 'paid' AND ((substr(decided_at, 1, 10) = :day AND decided_at <= :now)"
    " OR (substr(returned_at, 1, 10) = :day AND returned_at <= :now))"
)


def list_moved_payouts(
    connection: sqlite3.Connection, day: date, now: datetime, *, after: int, limit: int
) -> list[tuple[int, Payout]]:
    """One page of what was paid out or came back on a day (UTC), each with its place."""
    rows = connection.execute(
        f"SELECT rowid, {', '.join(_PAYOUT_COLUMNS)} FROM payouts WHERE {_MOVED}"
        " AND rowid > :after ORDER BY rowid LIMIT :limit",
        {"day": day.isoformat(), "now": _instant_text(now), "after": after, "limit": limit},
    )
    return [(row[0], _payout(row[1:])) for row in rows.fetchall()]


def payout_totals(connection: sqlite3.Connection, day: date, now: datetime) -> list[PayoutTotals]:
    """The sums of what was paid out and what came back on a day (UTC), by currency."""
    rows = connection.execute(
        "SELECT currency,"
        " sum(iif(substr(decided_at, 1, 10) = :day AND decided_at <= :now, amount_minor, 0)),"
        " sum(iif(substr(returned_at, 1, 10) = :day AND returned_at <= :now, amount_minor, 0))"
        f" FROM payouts WHERE {_MOVED} GROUP BY currency ORDER BY currency",
        {"day": day.isoformat(), "now": _instant_text(now)},
    )
    return [PayoutTotals(*row) for row in rows.fetchall()]


def _payout_row(payout: Payout) -> tuple[object, ...]:
    *told, created_at, decided_at, returned_at = msgspec.structs.astuple(payout)
    returned = None if returned_at is None else _instant_text(returned_at)
    return (*told, _instant_text(created_at), _instant_text(decided_at), returned)


def _challenge_row(challenge: Challenge) -> tuple[object, ...]:
    *told, created_at, expires_at = msgspec.structs.astuple(challenge)
    return (*told, _instant_text(created_at), _instant_text(expires_at))


def _challenge(row: Sequence[object]) -> Challenge:
    return msgspec.convert(dict(zip(_CHALLENGE_COLUMNS, row, strict=True)), Challenge, strict=False)


def _payout(row: Sequence[object]) -> Payout:
    return msgspec.convert(dict(zip(_PAYOUT_COLUMNS, row, strict=True)), Payout, strict=False)


def _row(operation: Operation) -> tuple[object, ...]:
    *told, created_at, decided_at = msgspec.structs.astuple(operation)
    return (*told, _instant_text(created_at), _instant_text(decided_at))


def _instant_text(instant: datetime) -> str:
    # Always the same width, so that texts compare as instants do.
    return instant.astimezone(UTC).isoformat(timespec="microseconds")


def _operation(row: Sequence[object]) -> Operation:
    return msgspec.convert(dict(zip(_COLUMNS, row, strict=True)), Operation, strict=False)
