"""All SQL of a bank's disputes: two tables in the file of its book.

There are few of them, so each is written at once, by a connection of its own.
"""

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from tallystick.sandbox.dispute_model import Case, Dispute, DisputeReply

_BUSY_S = 5.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS disputes (
    place INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
    authorization_reference TEXT NOT NULL, amount_minor INTEGER NOT NULL, currency TEXT NOT NULL,
    reason TEXT NOT NULL, verdict TEXT NOT NULL, review_ms INTEGER NOT NULL,
    opened_at TEXT NOT NULL, evidence_due_by TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS disputes_by_authorization ON disputes (authorization_reference);
CREATE TABLE IF NOT EXISTS dispute_replies (
    dispute_id TEXT PRIMARY KEY, kind TEXT NOT NULL, digest TEXT NOT NULL, decision TEXT NOT NULL,
    replied_at TEXT NOT NULL, decided_at TEXT NOT NULL
);
"""
_DISPUTE = Dispute.__struct_fields__
_REPLY = DisputeReply.__struct_fields__
_CASES = (
    f"SELECT d.place, {', '.join(f'd.{name}' for name in _DISPUTE)},"
    f" {', '.join(f'r.{name}' for name in _REPLY)}"
    " FROM disputes d LEFT JOIN dispute_replies r ON r.dispute_id = d.id"
)


def open_disputes(path: Path, *, durable: bool) -> sqlite3.Connection:
    """A connection to a bank's disputes, in its book's file."""
    connection = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
    connection.executescript(_SCHEMA)
    return connection


def add_dispute(connection: sqlite3.Connection, dispute: Dispute) -> None:
    """Open one; one that is there already stays as it is."""
    _insert(connection, "disputes", _DISPUTE, msgspec.structs.astuple(dispute))


def add_reply(connection: sqlite3.Connection, reply: DisputeReply) -> None:
    """Write down the answer; the first one stays."""
    _insert(connection, "dispute_replies", _REPLY, msgspec.structs.astuple(reply))


def find_case(connection: sqlite3.Connection, dispute_id: str) -> Case | None:
    """The dispute with this id."""
    row = connection.execute(f"{_CASES} WHERE d.id = ?", (dispute_id,)).fetchone()
    return None if row is None else _case(row)


def list_cases_on(connection: sqlite3.Connection, authorization_reference: str) -> list[Case]:
    """All disputes about one authorization."""
    sql = f"{_CASES} WHERE d.authorization_reference = ? ORDER BY d.place"
    return [_case(row) for row in connection.execute(sql, (authorization_reference,)).fetchall()]


def list_cases(connection: sqlite3.Connection, after: int, limit: int) -> list[Case]:
    """Disputes in the order of their opening, from behind a place."""
    sql = f"{_CASES} WHERE d.place > ? ORDER BY d.place LIMIT ?"
    return [_case(row) for row in connection.execute(sql, (after, limit)).fetchall()]


def _insert(
    connection: sqlite3.Connection, table: str, names: Sequence[str], values: Sequence[object]
) -> None:
    marks = ", ".join("?" for _ in names)
    connection.execute(
        f"INSERT OR IGNORE INTO {table} ({', '.join(names)}) VALUES ({marks})",
        [_plain(value) for value in values],
    )


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return value


def _case(row: Sequence[object]) -> Case:
    place, rest = row[0], row[1:]
    told, replied = rest[: len(_DISPUTE)], rest[len(_DISPUTE) :]
    dispute = msgspec.convert(dict(zip(_DISPUTE, told, strict=True)), Dispute, strict=False)
    reply = None
    if replied[0] is not None:
        values = dict(zip(_REPLY, replied, strict=True))
        reply = msgspec.convert(values, DisputeReply, strict=False)
    return Case(msgspec.convert(place, int), dispute, reply)
