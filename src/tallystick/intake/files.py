"""A file of recorded payments, row by row as text, whatever its format.

Text, because an amount that passed through a float is no longer the amount that was written.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
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


def fingerprint(path: Path) -> UUID:
    """An id made of the file's bytes: every run over the same file carries the same one."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return derived_id(PLATFORM, f"import:{digest}")


def renamed(header: list[str], names: Mapping[str, str]) -> tuple[str, ...]:
    """The columns' names: by `names`, else ours in lower case, others as they stand."""
    stripped = [name.strip() for name in header]
    called = [names.get(name, name) for name in stripped]
    return tuple(name.lower() if name.lower() in FIELDS else name for name in called)


def columns_of(header: list[str], path: Path, own: Mapping[str, str]) -> tuple[str, ...]:
    """The same, checked: `own` are the file's own names for fields of ours.

    Raises UnreadableFile.
    """
    if unknown := own.keys() - {name.strip() for name in header}:
        raise UnreadableFile(f"{path.name} has no column {', '.join(sorted(unknown))}")
    names = renamed(header, own)
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise UnreadableFile(f"{path.name} lacks the columns {', '.join(missing)}")
    if "" in names or len(set(names)) < len(names):
        raise UnreadableFile(f"{path.name} has a column without a name, or two of the same name")
    return names
