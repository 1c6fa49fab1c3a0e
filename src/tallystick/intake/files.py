"""Reading files of recorded payments, row by row as text: CSV and Parquet.

Text, because an amount that passed through a float is no longer the amount that was written. CSV
is read by the standard library: DuckDB leaves malformed rows out of its numbering, and a rejected
row must be found again by its line. Parquet is read by DuckDB.
"""

import csv
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final, TextIO
from uuid import UUID

from msgspec import Struct

from tallystick.books import PLATFORM
from tallystick.intake.fields import FIELDS, REQUIRED
from tallystick.intake.model import UnreadableFile
from tallystick.platform.ids import derived_id

ROW_COLUMN: Final = "_row"
REASON_COLUMN: Final = "_reason"
LINE_CHARACTERS_MAX: Final = 1 << 20
_DELIMITERS: Final = (",", ";", "\t", "|")


class FileRow(Struct, frozen=True, gc=False):
    """One row as it stands in the file. `number` is its line in a CSV, its place in a Parquet."""

    number: int
    values: dict[str, str | None]
    fault: str | None = None  # why it could not be read as a row at all


@dataclass(slots=True)
class ImportFile:
    """An open file: its columns, and its rows in their order, read as they are asked for."""

    path: Path
    columns: tuple[str, ...]
    rows: Iterator[FileRow]
    rows_total: int | None = None
    source: TextIO | None = None

    def take(self, count: int) -> list[FileRow]:
        """The next rows, at most `count`; none at the end. Raises UnreadableFile."""
        return list(islice(self.rows, count))

    def share_read(self, rows_read: int) -> float:
        """How much of the file lies behind us, from 0 to 1."""
        if self.source is None:
            return rows_read / (self.rows_total or 1)
        return self.source.buffer.tell() / (self.path.stat().st_size or 1)


@contextmanager
def open_import_file(path: Path) -> Iterator[ImportFile]:
    """The file, by its suffix `.csv` or `.parquet`. Raises UnreadableFile."""
    openers: dict[str, Callable[[Path], AbstractContextManager[ImportFile]]] = {
        ".csv": _open_csv,
        ".parquet": _open_parquet,
    }
    opener = openers.get(path.suffix.lower())
    if opener is None:
        raise UnreadableFile(f"{path.name} is neither .csv nor .parquet")
    if not path.is_file() or not os.access(path, os.R_OK):
        raise UnreadableFile(f"{path} is not a file that we may read")
    with opener(path) as file:
        yield file


def fingerprint(path: Path) -> UUID:
    """An id made of the file's bytes: every run over the same file carries the same one."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return derived_id(PLATFORM, f"import:{digest}")


@contextmanager
def _open_csv(path: Path) -> Iterator[ImportFile]:
    # A byte that is not UTF-8 spoils its own row, not the whole file.
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
        delimiter, header = _header(text.readline(LINE_CHARACTERS_MAX), path)
        columns = columns_of(header, path)
        # A file without line ends must not be read into memory as one line.
        lines = iter(partial(text.readline, LINE_CHARACTERS_MAX), "")
        rows = _csv_rows(lines, columns, delimiter)
        yield ImportFile(path, columns, rows, source=text)


def _header(line: str, path: Path) -> tuple[str, list[str]]:
    """The delimiter that yields the columns we need, a comma when none does; and the names."""
    try:
        found = {mark: next(csv.reader([line], delimiter=mark)) for mark in _DELIMITERS}
    except csv.Error as error:
        raise UnreadableFile(f"{path.name}: {error}") from error
    for delimiter, names in found.items():
        if {name.strip().lower() for name in names}.issuperset(REQUIRED):
            return delimiter, names
    return ",", found[","]


def _csv_rows(lines: Iterable[str], columns: tuple[str, ...], delimiter: str) -> Iterator[FileRow]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        number = reader.line_num + 2  # the header was the first
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            # The reader goes on with the next line, so one bad quote costs what it swallowed.
            yield FileRow(number, {}, f"line {number} to {reader.line_num + 1}: {error}")
            continue
        if cells:
            yield FileRow(number, dict(zip(columns, cells, strict=False)), _width(cells, columns))


def _width(cells: list[str], columns: tuple[str, ...]) -> str | None:
    if len(cells) == len(columns):
        return None
    return f"has {len(cells)} cells, its header {len(columns)}"


def _open_parquet(path: Path) -> AbstractContextManager[ImportFile]:
    # DuckDB is 40 MB in memory: only who reads a Parquet pays for it.
    from tallystick.intake.parquet import open_parquet  # noqa: PLC0415

    return open_parquet(path)


def columns_of(header: list[str], path: Path) -> tuple[str, ...]:
    """The columns' names: ours in lower case, others as they stand. Raises UnreadableFile."""
    stripped = [name.strip() for name in header]
    names = tuple(name.lower() if name.lower() in FIELDS else name for name in stripped)
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise UnreadableFile(f"{path.name} lacks the columns {', '.join(missing)}")
    if "" in names or len(set(names)) < len(names):
        raise UnreadableFile(f"{path.name} has a column without a name, or two of the same name")
    return names
