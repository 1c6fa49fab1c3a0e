"""Reading a Parquet of recorded payments with DuckDB, every column as text."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import duckdb
from duckdb import ColumnExpression, Expression, FunctionExpression
from duckdb.sqltypes import DuckDBPyType

from tallystick.intake.files import FileRow, ImportFile, columns_of
from tallystick.intake.model import UnreadableFile

_NESTED: Final = {"struct", "map", "union", "list", "array"}
_OFFLINE: Final[dict[str, str | bool | int | float | list[str]]] = {
    "threads": 1,
    "autoinstall_known_extensions": False,
}


@contextmanager
def open_parquet(path: Path, names: Mapping[str, str]) -> Iterator[ImportFile]:
    """The file, its columns read as text and called by `names`. Raises UnreadableFile."""
    with duckdb.connect(config=_OFFLINE) as connection:
        try:
            stored = connection.read_parquet(_literal(path), binary_as_string=True)
            columns = columns_of(stored.columns, path, names)
            texts = [_as_text(*column) for column in zip(stored.columns, stored.types, strict=True)]
            rows_total = len(stored)
            connection.execute("SET TimeZone = 'UTC'")
            # Executed by its text, because a relation's own fetch would read the whole file.
            cursor = connection.execute(stored.select(*texts).sql_query())
        except duckdb.Error as error:
            raise UnreadableFile(f"{path.name}: {error}") from error
        yield ImportFile(path, columns, _rows(cursor, columns, path), rows_total)


def _rows(
    cursor: duckdb.DuckDBPyConnection, columns: tuple[str, ...], path: Path
) -> Iterator[FileRow]:
    number = 0
    try:
        while cells := cursor.fetchone():
            number += 1
            yield FileRow(number, dict(zip(columns, cells, strict=True)))
    except duckdb.Error as error:
        raise UnreadableFile(f"{path.name}: {error}") from error


def _as_text(column: str, kind: DuckDBPyType) -> Expression:
    stored: Expression = ColumnExpression(column)
    if kind.id in _NESTED:
        stored = FunctionExpression("to_json", stored)
    return stored.cast("VARCHAR")


def _literal(path: Path) -> str:
    """The path with its wildcards quoted: a browser calls a second download `paid[1].parquet`."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in str(path))
