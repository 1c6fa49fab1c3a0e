"""Starlette routes without FastAPI: for the hottest addresses, and for those without an API key."""

from collections.abc import Awaitable, Callable, Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tallystick.api.exchange import exchange_of
from tallystick.api.problems import error_response

Handler = Callable[[Request], Awaitable[Response]]


def plain_route(path: str, handler: Handler, methods: Sequence[str]) -> Route:
    """A route whose errors become problems."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except Exception as error:  # noqa: BLE001 - every error has an answer
            return error_response(error, exchange_of(request))

    return Route(path, answer, methods=list(methods))
