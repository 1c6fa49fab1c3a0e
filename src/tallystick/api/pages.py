"""Pages by cursor: `{"data": [...], "next_cursor": ...}`.

A cursor is opaque to callers: it names the list it belongs to and the place to go on from, with a
check, so that an invented or misplaced one is told apart from an old one.
"""

import base64
import binascii
import zlib
from typing import Annotated, Final

from fastapi import Query
from msgspec import Struct

PAGE_DEFAULT: Final = 50
PAGE_MAX: Final = 200
CURSOR_LENGTH_MAX: Final = 200

Limit = Annotated[int, Query(ge=1, le=PAGE_MAX)]
"""How many a list's page has; PAGE_DEFAULT where it is not said."""
Cursor = Annotated[str | None, Query(max_length=CURSOR_LENGTH_MAX)]
"""Where a list's page begins."""


class InvalidCursor(Exception):
    """The text is not a cursor that this list gave out."""

    code = "invalid_cursor"


def write_cursor(name: str, place: str) -> str:
    """The cursor of the list `name` that goes on behind `place`."""
    clear = f"{name}\n{place}".encode()
    return base64.urlsafe_b64encode(zlib.crc32(clear).to_bytes(4) + clear).decode().rstrip("=")


def read_cursor(name: str, cursor: str) -> str:
    """The place behind which to go on. Raises InvalidCursor."""
    if len(cursor) > CURSOR_LENGTH_MAX:
        raise InvalidCursor("this cursor is too long to be one of ours")
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        found, separator, place = raw[4:].decode("ascii").partition("\n")
    except (binascii.Error, ValueError):
        raise InvalidCursor("this is not a cursor") from None
    if raw[:4] != zlib.crc32(raw[4:]).to_bytes(4) or found != name or not separator:
        raise InvalidCursor("this cursor belongs to another list, or was changed")
    return place


class Cursors(Struct, frozen=True):
    """The cursors of one list: a room's place in it, as callers see it."""

    name: str

    def place(self, cursor: str | None) -> str | None:
        """Raises InvalidCursor."""
        return read_cursor(self.name, cursor) if cursor else None

    def next(self, place: str | None) -> str | None:
        return write_cursor(self.name, place) if place else None
