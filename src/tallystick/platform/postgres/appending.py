"""Rows at the end of a table: many by binary COPY, few by one prepared statement.

COPY costs half as much a row. It is also parsed anew each time, sent in three parts and answered
twice, which is most of the cost of a small batch.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tallystick.platform.postgres.pools import Connection

FEW_ROWS: Final = 100


class AppendedTable:
    """A table that rows are appended to; `types` names its columns in the rows' order."""

    def __init__(self, table: str, types: Mapping[str, str]) -> None:
        arrays = ", ".join(f"${n}::{kind}[]" for n, kind in enumerate(types.values(), 1))
        self._table = table
        self._columns = tuple(types)
        self._insert = f"INSERT INTO {table} ({', '.join(types)}) SELECT * FROM unnest({arrays})"

    async def append(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Append the rows in their order. Raises the driver's errors."""
        if len(rows) > FEW_ROWS:
            await connection.copy_records_to_table(self._table, records=rows, columns=self._columns)
        elif rows:
            await connection.execute(self._insert, *map(list, zip(*rows, strict=True)))
