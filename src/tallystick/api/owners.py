"""Whose an account is, as callers name it: `platform`, or a merchant's, user's or escrow's id."""

import re
from typing import Annotated, Final
from uuid import UUID

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from tallystick.api.fields import EXAMPLE_SUFFIX
from tallystick.books import PLATFORM
from tallystick.platform.ids import MalformedId, parse_typeid

_PLATFORM: Final = "platform"
_PREFIX: Final = re.compile(r"([a-z]{2,16})_", re.ASCII)


def owner_named(text: str) -> UUID:
    """The owner's id. Raises MalformedId."""
    if text == _PLATFORM:
        return PLATFORM
    found = _PREFIX.match(text)
    return parse_typeid(found[1] if found else "", text)


def _is_owner(text: str) -> str:
    try:
        owner_named(text)
    except MalformedId:
        raise PydanticCustomError(
            "malformed_id", "Expected `platform`, or an id such as mer_... or a UUID"
        ) from None
    return text


OwnerName = Annotated[
    str,
    Field(
        max_length=64,
        description="`platform`, or the owner's id. A merchant's key needs none.",
        examples=[f"mer_{EXAMPLE_SUFFIX}"],
    ),
    AfterValidator(_is_owner),
]
