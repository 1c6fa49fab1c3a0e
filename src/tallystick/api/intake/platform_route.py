"""Addresses of document 000 for the platform's own people: how they are answered.

What is wrong with a question, or with whoever asks it, is told in document 000's words, as by its
webhook; whatever else goes wrong is a problem like everybody's.
"""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tallystick.api.intake.webhook_answers import WebhookRefusal, refusal
from tallystick.api.plain_route import plain_route
from tallystick.api.problems import problem_of

REFUSALS: Final[dict[int, type[Any]]] = {400: WebhookRefusal, 401: WebhookRefusal}
_JSON: Final = msgspec.json.Encoder(decimal_format="number")


def answer(data: Any, status: int = 200, **beside: object) -> Response:
    """Document 000's frame around `data`."""
    content = {"success": True, "data": data, **beside}
    return Response(_JSON.encode(content), status, media_type="application/json")


def platform_route(
    path: str, handler: Callable[[Request], Awaitable[Response]], method: str
) -> Route:
    """A route to `handler`, its refusals in document 000's words."""

    async def answered(request: Request) -> Response:
        try:
            return await handler(request)
        except Exception as error:
            refused = _refused(request, error)
            if refused is None:
                raise
            return refused

    return plain_route(path, answered, method)


def _refused(request: Request, error: Exception) -> Response | None:
    found = problem_of(error)
    match found.status:
        case HTTPStatus.UNAUTHORIZED:
            response = refusal(request, 401, "Authentication failed")
            response.headers["WWW-Authenticate"] = 'Bearer realm="tallystick"'
            return response
        case HTTPStatus.UNPROCESSABLE_ENTITY:
            faults = [{"field": one.field, "message": one.message} for one in found.errors]
            return refusal(request, 400, "Validation failed", faults or [{"message": found.detail}])
        case _:
            return None
