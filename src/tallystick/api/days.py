"""Where a period begins and ends: a day, which is its midnight in UTC, or an instant."""

import re
from datetime import datetime
from typing import Annotated, Final

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from tallystick.api.instants import MalformedInstant, parse_instant

_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def parse_day(text: str) -> datetime:
    """The instant in UTC. Raises MalformedInstant."""
    return parse_instant(f"{text}T00:00:00Z" if _DAY.fullmatch(text) else text)


def _is_day(text: str) -> str:
    try:
        parse_day(text)
    except MalformedInstant:
        raise PydanticCustomError(
            "string_pattern_mismatch", "Expected a day such as 2026-03-02, or an instant"
        ) from None
    return text


Day = Annotated[str, Field(max_length=40, examples=["2026-03-02"]), AfterValidator(_is_day)]
"""A day or an instant in a query. It stays text there: a handler takes `parse_day` of it."""
