"""Reading a CSV of recorded payments with the standard library.

DuckDB would leave malformed rows out of its numbering, and a rejected row must be found again by
its line.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from tallystick.intake.fields import REQUIRED
from tallystick.intake.files import FileRow, ImportFile, columns_of, renamed
from tallystick.intake.model import UnreadableFile

LINE_CHARACTERS_MAX: Final = 1 << 20
_DELIMITERS: Final = (",", ";", "\t", "|")


@contextmanager
def open_csv(path: Path, names: Mapping[str, str]) -> Iterator[ImportFile]:
    """The file, with the delimiter its header shows, its columns called by `names`.

    Raises UnreadableFile.
    """
    # A byte that is not UTF-8 spoils its own row, not the whole file.
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
        delimiter, header = _header(text.readline(LINE_CHARACTERS_MAX), path, names)
        columns = columns_of(header, path, names)
        # A file without line ends must not be read into memory as one line.
        lines = iter(partial(text.readline, LINE_CHARACTERS_MAX), "")
        rows = _csv_rows(lines, columns, delimiter)
        yield ImportFile(path, columns, rows, source=text)


def _header(line: str, path: Path, names: Mapping[str, str]) -> tuple[str, list[str]]:
    """The delimiter that yields the columns we need, a comma when none does; and the names."""
    try:
        found = {mark: next(csv.reader([line], delimiter=mark)) for mark in _DELIMITERS}
    except csv.Error as error:
        raise UnreadableFile(f"{path.name}: {error}") from error
    for delimiter, header in found.items():
        if set(renamed(header, names)).issuperset(REQUIRED):
            return delimiter, header
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
