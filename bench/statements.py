"""Where a batch's time goes: every statement of the journal's lane, by the clock on the wall."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any, Final, cast
from unittest.mock import patch

from tallystick.platform.postgres.pools import Connection, Database

_SHORT: Final = re.compile(
    r"^\s*(?:(BEGIN|COMMIT|ROLLBACK|SET)\b"
    r"|(SELECT)\b.*?\bFROM\s+([\w.]+)(.*)"
    r"|(INSERT)\s+INTO\s+([\w.]+)"
    r"|(UPDATE)\s+([\w.]+)"
    r"|(DELETE)\s+FROM\s+([\w.]+))",
    re.DOTALL | re.IGNORECASE,
)


class StatementTimes:
    """Calls and seconds by statement, in the order in which a batch comes to them."""

    def __init__(self) -> None:
        self.calls: dict[str, int] = {}
        self.seconds: dict[str, float] = {}

    def add(self, statement: str, seconds: float) -> None:
        self.calls[statement] = self.calls.get(statement, 0) + 1
        self.seconds[statement] = self.seconds.get(statement, 0.0) + seconds

    def clear(self) -> None:
        self.calls.clear()
        self.seconds.clear()


class _TimedConnection:
    """A connection that notes how long each statement took; all else is the connection's."""

    def __init__(self, connection: Connection, times: StatementTimes) -> None:
        self._connection = connection
        self._times = times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    async def execute(self, query: str, *arguments: Any, **options: Any) -> Any:
        with self._timed(label(query)):
            return await self._connection.execute(query, *arguments, **options)

    async def fetch(self, query: str, *arguments: Any, **options: Any) -> Any:
        with self._timed(label(query)):
            return await self._connection.fetch(query, *arguments, **options)

    async def fetchrow(self, query: str, *arguments: Any, **options: Any) -> Any:
        with self._timed(label(query)):
            return await self._connection.fetchrow(query, *arguments, **options)

    async def fetchval(self, query: str, *arguments: Any, **options: Any) -> Any:
        with self._timed(label(query)):
            return await self._connection.fetchval(query, *arguments, **options)

    async def copy_records_to_table(self, table_name: str, **options: Any) -> Any:
        with self._timed(f"COPY {table_name}"):
            return await self._connection.copy_records_to_table(table_name, **options)

    @contextmanager
    def _timed(self, statement: str) -> Iterator[None]:
        began_s = perf_counter()
        try:
            yield
        finally:
            self._times.add(statement, perf_counter() - began_s)


@contextmanager
def timed_statements() -> Iterator[StatementTimes]:
    """Time the statements of every writer that is opened within the block."""
    times = StatementTimes()
    original = Database.open_writer

    async def open_writer(database: Database, name: str) -> Connection:
        return cast("Connection", _TimedConnection(await original(database, name), times))

    with patch.object(Database, "open_writer", open_writer):
        yield times


def label(query: str) -> str:
    """A statement in a few words: `SELECT journal_lanes (locked)`, `UPDATE ledger_accounts`."""
    match = _SHORT.match(query)
    if match is None:
        return " ".join(query.split())[:40]
    words = [word for word in match.groups() if word]
    if match[2]:
        locked = " (locked)" if " FOR " in " ".join(match[4].split()) else ""
        return f"SELECT {match[3]}{locked}"
    return " ".join([words[0].upper(), *words[1:2]])
