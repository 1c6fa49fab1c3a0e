"""Routes without FastAPI: for the hottest addresses, and for those without an API key."""

from collections.abc import Awaitable, Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from tallystick.api.refused_wishes import answer_error

Handler = Callable[[Request], Awaitable[Response]]


class PlainAddress:
    """One address with one method. Its errors become problems, the wrong method's too."""

    def __init__(self, handler: Handler, method: str) -> None:
        self.methods = frozenset({"GET", "HEAD"} if method == "GET" else {method})
        self._answer = handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            self._require_method(scope)
            response = await self._answer(Request(scope, receive))
        except Exception as error:  # noqa: BLE001 - every error has an answer
            response = await answer_error(error, scope)
        await response(scope, receive, send)

    def _require_method(self, scope: Scope) -> None:
        if scope["method"] not in self.methods:
            raise HTTPException(405, headers={"Allow": ", ".join(sorted(self.methods))})


def plain_route(path: str, handler: Handler, method: str) -> Route:
    """A route to `handler`."""
    return Route(path, PlainAddress(handler, method))
