"""Starlette routes without FastAPI: for the hottest addresses, and for those without an API key."""

from collections.abc import Awaitable, Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from tallystick.api.exchange import exchange_in, exchange_of
from tallystick.api.problems import error_response

Handler = Callable[[Request], Awaitable[Response]]


class PlainRoute(Route):
    """A route whose errors become problems, the wrong method's too."""

    def __init__(self, path: str, handler: Handler, method: str) -> None:
        super().__init__(path, _answering(handler), methods=[method])

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Starlette answers a wrong method in plain text."""
        if self.methods and scope["method"] not in self.methods:
            refused = HTTPException(405, headers={"Allow": ", ".join(sorted(self.methods))})
            await error_response(refused, exchange_in(scope))(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def _answering(handler: Handler) -> Handler:
    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except Exception as error:  # noqa: BLE001 - every error has an answer
            return error_response(error, exchange_of(request))

    return answer
