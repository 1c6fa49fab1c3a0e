"""What all monitoring routes share: who may ask, what a page is, how an answer looks."""

from typing import Any, Final

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from tallystick.api.auth import PermissionDenied, authenticate
from tallystick.api.documented import PlainOperation
from tallystick.api.exchange import exchange_of
from tallystick.api.field_errors import FieldError, InvalidFields
from tallystick.app import App
from tallystick.identity import Permission

BASE: Final = "/api/v1/monitoring"
_JSON: Final = msgspec.json.Encoder(decimal_format="number")


async def require_platform(app: App, request: Request, permission: str = Permission.READ) -> None:
    """What is watched here is the platform's. Raises as `authenticate`, and PermissionDenied."""
    principal = await authenticate(exchange_of(request), app.keys, permission)
    if not principal.is_operator:
        raise PermissionDenied("payments made elsewhere are the platform's, not a merchant's")


def whole_number(request: Request, name: str, default: int, allowed: range) -> int:
    """A whole number of the query. Raises InvalidFields."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text) in allowed):
        message = f"a whole number from {allowed.start} to {allowed.stop - 1}"
        raise InvalidFields((FieldError(name, "out_of_range", message),))
    return int(text)


def answer(data: Any, status: int = 200, **beside: object) -> Response:
    """Document 000's frame around `data`."""
    content = {"success": True, "data": data, **beside}
    return Response(_JSON.encode(content), status, media_type="application/json")


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
        problems=(401, 403, 404, 413, 422, 500, 503, 504),
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
