"""What is wrong with which field, in our own words and codes; all fields of a body at once."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from msgspec import Struct

ERRORS_MAX: Final = 100
_FIELD_LENGTH_MAX: Final = 120
_PLACES: Final = frozenset({"body", "path", "query", "header"})

# From pydantic's error types; whatever is not listed is simply "invalid".
_CODES: Final[Mapping[str, str]] = {
    "missing": "required",
    "extra_forbidden": "unknown_field",
    "int_type": "not_an_integer",
    "string_type": "not_a_text",
    "bool_type": "not_a_boolean",
    "list_type": "not_a_list",
    "dict_type": "not_an_object",
    "model_type": "not_an_object",
    "model_attributes_type": "not_an_object",
    "greater_than_equal": "too_small",
    "less_than_equal": "too_large",
    "string_too_short": "too_short",
    "string_too_long": "too_long",
    "too_short": "too_short",
    "too_long": "too_long",
    "string_pattern_mismatch": "malformed",
    "literal_error": "not_allowed",
    "malformed_id": "malformed_id",
    "unknown_currency": "unknown_currency",
}


class FieldError(Struct, frozen=True):
    """One field's fault. `field` is a dotted path: `transfers.3.amount`."""

    field: str
    code: str
    message: str


class InvalidFields(Exception):
    """The body is JSON, and not what this address takes."""

    code = "invalid_fields"

    def __init__(self, errors: tuple[FieldError, ...]) -> None:
        super().__init__("; ".join(f"{error.field}: {error.message}" for error in errors[:3]))
        self.errors = errors


def field_errors(found: Iterable[Mapping[str, Any]]) -> tuple[FieldError, ...]:
    """Pydantic's findings as ours, at most 100. The values themselves are never repeated."""
    return tuple(_field_error(error) for error, _ in zip(found, range(ERRORS_MAX), strict=False))


def _field_error(error: Mapping[str, Any]) -> FieldError:
    parts = [str(part) for part in error["loc"]]
    if parts and parts[0] in _PLACES:
        parts = parts[1:]
    return FieldError(
        field=".".join(parts)[:_FIELD_LENGTH_MAX] or "body",
        code=_CODES.get(error["type"], "invalid"),
        message=str(error["msg"]).removeprefix("Value error, "),
    )
