"""What all monitoring routes share: what a page is, and how a route is told."""

from typing import Any, Final

from msgspec import Struct
from starlette.requests import Request

from tallystick.api.documented import PlainOperation
from tallystick.api.field_errors import FieldError, InvalidFields
from tallystick.api.intake.platform_route import REFUSALS
from tallystick.identity import Permission

BASE: Final = "/api/v1/monitoring"


def whole_number(request: Request, name: str, default: int, allowed: range) -> int:
    """A whole number of the query. Raises InvalidFields."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text) in allowed):
        message = f"a whole number from {allowed.start} to {allowed.stop - 1}"
        raise InvalidFields((FieldError(name, "out_of_range", message),))
    return int(text)


def operation(
    method: str,
    path: str,
    summary: str,
    shape: type[Struct],
    *,
    parameters: tuple[dict[str, Any], ...] = (),
    status: int = 200,
) -> PlainOperation:
    """How a route tells what it takes and answers."""
    return PlainOperation(
        method=method,
        path=path,
        summary=f"{summary}. Operators only.",
        tag="monitoring",
        status=status,
        answer=shape,
        problems=(403, 404, 413, 500, 503, 504),
        other_answers=REFUSALS,
        permission=Permission.READ if method == "GET" else Permission.OPERATE,
        headers=parameters,
    )


def number_parameter(name: str, default: int, allowed: range) -> dict[str, Any]:
    """A whole number of the query, for the OpenAPI document."""
    limits = {"minimum": allowed.start, "maximum": allowed.stop - 1, "default": default}
    return {"name": name, "in": "query", "schema": {"type": "integer", **limits}}


def text_parameter(name: str, place: str, length_max: int) -> dict[str, Any]:
    """A text of the query or of the path, for the OpenAPI document."""
    schema = {"type": "string", "minLength": 1, "maxLength": length_max}
    return {"name": name, "in": place, "required": place == "path", "schema": schema}
