"""The file of rejected rows: their place, the reason, and their cells as they were."""

import csv
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from msgspec import Struct

from tallystick.intake.files import REASON_COLUMN, ROW_COLUMN, FileRow


class Reject(Struct, frozen=True, gc=False):
    """A row that is not recorded, and why."""

    row: FileRow
    reason: str


class RejectsFile:
    """A CSV that is made with its first row. Mended, it can be imported itself."""

    def __init__(self, path: Path, columns: tuple[str, ...]) -> None:
        self.path = path
        self._columns = tuple(c for c in columns if c not in (ROW_COLUMN, REASON_COLUMN))
        self._file: TextIO | None = None

    @property
    def written(self) -> bool:
        return self._file is not None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file:
            self._file.close()

    def write(self, rejects: Iterable[Reject]) -> None:
        """Append the rejects and bring them to disk: an import may be cut short."""
        rows = [self._cells(reject) for reject in rejects]
        if not rows:
            return
        if self._file is None:
            # Bytes that were not UTF-8 come out as they went in.
            self._file = self.path.open("w", encoding="utf-8", errors="surrogateescape", newline="")
            csv.writer(self._file).writerow((ROW_COLUMN, REASON_COLUMN, *self._columns))
        csv.writer(self._file).writerows(rows)
        self._file.flush()

    def _cells(self, reject: Reject) -> list[Any]:
        values = reject.row.values
        cells = [values.get(column) for column in self._columns]
        return [reject.row.number, reject.reason, *cells]
