"""How far a reader of the journal has come: a fact of its own, told with what the reading did.

The cursor moves in the very change that an effect is recorded by, and its version is numbered: of
two readers at one fact only one can move it, so every fact has its effect exactly once.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct

from tallystick.books import PLATFORM
from tallystick.journal import Fact, Projection, Told
from tallystick.platform.ids import derived_id

MOVED: Final = "reader.moved"


class ReaderMoved(Struct, frozen=True):
    """All facts of the lane up to and with this position are done."""

    reader: str
    lane: int
    position: int


class CursorRow(Struct, frozen=True):
    """One reader on one lane; fields are the columns of `journal_cursors`, in their order."""

    id: UUID
    version: int
    reader: str
    lane: int
    position: int
    moved_at: datetime


KINDS: Final[Mapping[str, type[Struct]]] = {MOVED: ReaderMoved}


def fold_cursor(_row: CursorRow | None, fact: Told) -> CursorRow:
    """The row after `fact`."""
    data: ReaderMoved = fact.data
    return CursorRow(
        id=fact.aggregate_id,
        version=fact.version,
        reader=data.reader,
        lane=data.lane,
        position=data.position,
        moved_at=fact.at,
    )


def cursor_id(reader: str, lane: int) -> UUID:
    """Where this reader's cursor on this lane stands."""
    return derived_id(PLATFORM, f"reader:{reader}:{lane}")


def moved_to(position: int, cursor: CursorRow | None, reader: str, lane: int) -> Fact:
    """The fact that all up to this position is done."""
    version = cursor.version + 1 if cursor else 1
    return Fact(cursor_id(reader, lane), version, MOVED, ReaderMoved(reader, lane, position))


CURSORS: Final = Projection("journal_cursors", CursorRow, KINDS, fold_cursor)
