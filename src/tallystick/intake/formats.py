"""Which reader a file of recorded payments needs, by its suffix."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from tallystick.intake.csv_files import open_csv
from tallystick.intake.files import ImportFile
from tallystick.intake.model import UnreadableFile

Opener = Callable[[Path, Mapping[str, str]], AbstractContextManager[ImportFile]]


@contextmanager
def open_import_file(path: Path, names: Mapping[str, str] | None = None) -> Iterator[ImportFile]:
    """The file, by its suffix `.csv` or `.parquet`; `names` are those of its columns that mean
    fields of ours. Raises UnreadableFile.
    """
    openers: dict[str, Opener] = {
        ".csv": open_csv,
        ".parquet": _open_parquet,
    }
    opener = openers.get(path.suffix.lower())
    if opener is None:
        raise UnreadableFile(f"{path.name} is neither .csv nor .parquet")
    if not path.is_file() or not os.access(path, os.R_OK):
        raise UnreadableFile(f"{path} is not a file that we may read")
    with opener(path, names or {}) as file:
        yield file


def _open_parquet(path: Path, names: Mapping[str, str]) -> AbstractContextManager[ImportFile]:
    # DuckDB is 40 MB in memory: only who reads a Parquet pays for it.
    from tallystick.intake.parquet import open_parquet  # noqa: PLC0415

    return open_parquet(path, names)
