"""Pages that go back in time: a place in one is the creation and the id of the last row shown."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar
from uuid import UUID

from tallystick.api.pages import InvalidCursor, read_cursor, write_cursor
from tallystick.platform.ids import MalformedId, parse_typeid, typeid

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
RowT = TypeVar("RowT")


def write_dated_cursor(name: str, created_at: datetime, row_id: UUID) -> str:
    """The cursor of the list `name` that goes on behind this row."""
    return write_cursor(name, f"{(created_at - _EPOCH) // _MICROSECOND}:{typeid('row', row_id)}")


def read_dated_cursor(name: str, cursor: str) -> tuple[datetime, UUID]:
    """The row behind which to go on. Raises InvalidCursor."""
    microseconds, _, row_id = read_cursor(name, cursor).partition(":")
    try:
        return _EPOCH + int(microseconds) * _MICROSECOND, parse_typeid("row", row_id)
    except (ValueError, OverflowError, MalformedId):
        raise InvalidCursor("this is not a cursor") from None


def dated_page(
    name: str, found: Sequence[RowT], limit: int, place: Callable[[RowT], tuple[datetime, UUID]]
) -> tuple[Sequence[RowT], str | None]:
    """The first `limit` of one more than that, and the cursor of what follows, if anything does."""
    page = found[:limit]
    more = len(found) > limit
    return page, write_dated_cursor(name, *place(page[-1])) if more else None
