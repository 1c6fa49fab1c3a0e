"""How routes tell what they take and answer, for the OpenAPI document."""

from collections.abc import Iterable
from typing import Annotated, Any, Final

from msgspec import Meta, Struct
from pydantic import BaseModel

from tallystick.api.problem_kinds import KINDS
from tallystick.api.problems import MEDIA_TYPE

PROBLEM_REF: Final = "#/components/schemas/Problem"

_MEANINGS: Final = {
    400: "The request cannot be read: malformed JSON, a missing or malformed key",
    401: "No API key, or not a valid one",
    403: "The API key may not do this",
    404: "No such object, or not the caller's",
    409: "Not now, or no longer: see `code`",
    412: "The object has changed since it was looked at: see `If-Match`",
    413: "The body is too large",
    415: "The body is not plain JSON",
    422: "Understood, and refused: see `code` and `errors`",
    500: "Something went wrong on our side",
    503: "Too much to do; nothing was changed: try again",
    504: "The outcome is not known yet: ask again, with the same Idempotency-Key",
}


class FieldProblem(Struct, frozen=True):
    """One field's fault."""

    field: Annotated[str, Meta(examples=["amount"])]
    code: Annotated[str, Meta(examples=["not_an_integer"])]
    message: str


class Problem(Struct, frozen=True):
    """Every error's shape (RFC 9457). `code` is stable; `title` and `detail` are for people.

    `customer_message` may be shown to a customer as it is.
    """

    type: Annotated[str, Meta(examples=["urn:tallystick:problem:insufficient_funds"])]
    title: str
    status: Annotated[int, Meta(ge=400, le=599)]
    code: Annotated[str, Meta(examples=sorted(KINDS)[:3])]
    detail: str
    customer_message: str
    request_id: str
    errors: list[FieldProblem] = []


class PlainOperation(Struct, frozen=True):
    """What FastAPI does not know: an operation of a plain route.

    `body` and `answer` give the schemas; `permission` None means that no API key is asked for.
    """

    method: str
    path: str
    summary: str
    tag: str
    status: int
    answer: type[Any] | None
    problems: tuple[int, ...] = (500, 503)
    body: type[BaseModel] | None = None
    permission: str | None = None
    moves_money: bool = False
    media_type: str = "application/json"
    other_answers: dict[int, type[Any]] = {}
    headers: tuple[dict[str, Any], ...] = ()


def problem_responses(statuses: Iterable[int]) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may answer these statuses with a problem."""
    return {
        status: {
            "description": _MEANINGS[status],
            "content": {MEDIA_TYPE: {"schema": {"$ref": PROBLEM_REF}}},
        }
        for status in sorted(statuses)
    }
