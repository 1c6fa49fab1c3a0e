"""How a route tells its statuses: the problems it can answer, for the OpenAPI document."""

from collections.abc import Iterable
from typing import Any, Final

from tallystick.api.problems import MEDIA_TYPE

PROBLEM_REF: Final = "#/components/schemas/Problem"

_MEANINGS: Final = {
    400: "The request cannot be read: malformed JSON, a missing or malformed key",
    401: "No API key, or not a valid one",
    403: "The API key may not do this",
    404: "No such object, or not the caller's",
    409: "Not now, or no longer: see `code`",
    413: "The body is too large",
    415: "The body is not plain JSON",
    422: "Understood, and refused: see `code` and `errors`",
    500: "Something went wrong on our side",
    503: "Too much to do; nothing was changed: try again",
    504: "The outcome is not known yet: ask again, with the same Idempotency-Key",
}


def problem_responses(statuses: Iterable[int]) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may answer these statuses with a problem."""
    return {
        status: {
            "description": _MEANINGS[status],
            "content": {MEDIA_TYPE: {"schema": {"$ref": PROBLEM_REF}}},
        }
        for status in sorted(statuses)
    }
