"""Instants as callers write them: RFC 3339 with a zone, `2026-03-02T09:30:00Z`."""

import re
from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

_RFC_3339: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}:\d{2})", re.ASCII
)
# Inside these every instant can be stored, and shifted by any zone.
_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(9999, 12, 30, tzinfo=UTC)


class MalformedInstant(ValueError):
    """The text is no RFC 3339 instant with a zone, or lies outside 1970 to 9999."""


def parse_instant(text: str) -> datetime:
    """The instant in UTC. Raises MalformedInstant."""
    if _RFC_3339.fullmatch(text) is None:
        raise MalformedInstant("expected an instant such as 2026-03-02T09:30:00Z")
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise MalformedInstant("there is no such day or hour") from None
    if not _FIRST <= at <= _LAST:
        raise MalformedInstant("an instant lies between 1970 and 9999")
    return at.astimezone(UTC)


def _is_instant(text: str) -> str:
    try:
        parse_instant(text)
    except MalformedInstant as error:
        # Pydantic's own name for it, so that it is told like every other malformed text.
        raise PydanticCustomError("string_pattern_mismatch", "{why}", {"why": str(error)}) from None
    return text


Instant = Annotated[
    str,
    Field(
        max_length=40,
        json_schema_extra={"format": "date-time"},
        description="RFC 3339 with a zone.",
        examples=["2026-03-02T09:30:00Z"],
    ),
    AfterValidator(_is_instant),
]
"""An instant in a body. It stays text there: a verb takes `parse_instant` of it."""
