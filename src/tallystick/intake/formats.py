"""Which reader a file of recorded payments needs, by its suffix."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from tallystick.intake.csv_files import open_csv
from tallystick.intake.files import ImportFile
from tallystick.intake.model import UnreadableFile


@contextmanager
def open_import_file(path: Path) -> Iterator[ImportFile]:
    """The file, by its suffix `.csv` or `.parquet`. Raises UnreadableFile."""
    openers: dict[str, Callable[[Path], AbstractContextManager[ImportFile]]] = {
        ".csv": open_csv,
        ".parquet": _open_parquet,
    }
    opener = openers.get(path.suffix.lower())
    if opener is None:
        raise UnreadableFile(f"{path.name} is neither .csv nor .parquet")
    if not path.is_file() or not os.access(path, os.R_OK):
        raise UnreadableFile(f"{path} is not a file that we may read")
    with opener(path) as file:
        yield file


def _open_parquet(path: Path) -> AbstractContextManager[ImportFile]:
    # DuckDB is 40 MB in memory: only who reads a Parquet pays for it.
    from tallystick.intake.parquet import open_parquet  # noqa: PLC0415

    return open_parquet(path)
