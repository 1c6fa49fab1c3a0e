"""Cursors: where the next page begins, as text that means nothing to anybody else."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Final, Generic, Protocol, TypeVar
from uuid import UUID

from asyncpg.pgproto.pgproto import UUID as FastUUID
from msgspec import Struct

from tallystick.payments.errors import Invalid

PAGE_MAX: Final = 200
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

RowT = TypeVar("RowT")
DatedT = TypeVar("DatedT", bound="_Dated")


class _Dated(Protocol):
    @property
    def id(self) -> UUID: ...
    @property
    def created_at(self) -> datetime: ...


class Page(Struct, Generic[RowT], frozen=True):
    """Rows, latest first, and the cursor of the next page; None after the last."""

    rows: tuple[RowT, ...]
    next_cursor: str | None


class Place(Struct, frozen=True):
    """The last row of a page: creation time first, the id where times are equal."""

    created_at: datetime
    id: UUID


def write_cursor(place: Place) -> str:
    """The place as text for a URL."""
    microseconds = (place.created_at - _EPOCH) // _MICROSECOND
    packed = microseconds.to_bytes(8) + place.id.bytes
    return base64.urlsafe_b64encode(packed).decode()


def read_cursor(text: str) -> Place:
    """The place behind a cursor of ours. Raises Invalid (invalid_cursor)."""
    try:
        packed = base64.b64decode(text, altchars=b"-_", validate=True)
        created_at = _EPOCH + int.from_bytes(packed[:8]) * _MICROSECOND
    except (ValueError, OverflowError):
        packed, created_at = b"", _EPOCH
    if len(packed) != 24:
        raise Invalid("this cursor is not one of ours", "invalid_cursor")
    return Place(created_at, FastUUID(packed[8:]))


def page_of(rows: tuple[DatedT, ...], limit: int) -> Page[DatedT]:
    """A page of at most `limit` rows out of one row more, which tells whether another follows."""
    kept = rows[:limit]
    more = len(rows) > limit
    return Page(kept, write_cursor(Place(kept[-1].created_at, kept[-1].id)) if more else None)
