"""How a FastAPI route becomes one of ours: first who, then the body, then FastAPI.

FastAPI by itself parses the body with the lenient standard reader, and before it asks who is
calling. Here the caller is known first, and FastAPI receives a request whose JSON is read already.
"""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from tallystick.api.auth import authenticate
from tallystick.api.bodies import read_json
from tallystick.api.documented import problem_responses
from tallystick.api.exchange import exchange_of
from tallystick.api.payers import PAYER, authenticate_payer_or_key
from tallystick.api.refused_wishes import answer_error

PERMISSION: Final = "x-permission"
"""The key of a route's `openapi_extra` for its permission: told and enforced from one place."""
ALWAYS: Final = (401, 403, 413, 500, 503, 504)
"""What every address with an API key may answer."""
BODY: Final = (400, 404, 409, 415, 422)
"""What a POST may answer besides: it has a body, names an object, and changes something."""

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
Endpoint = Callable[..., Coroutine[Any, Any, Any]]


class StrictRoute(APIRoute):
    """A route that asks for an API key and reads its body strictly."""

    async def let_in(self, request: Request) -> None:
        """Who calls, if he may. Raises as `authenticate` and `authenticate_payer_or_key`."""
        extra = self.openapi_extra or {}
        permission = str(extra[PERMISSION])
        if extra.get(PAYER):
            await authenticate_payer_or_key(request, permission)
        else:
            await authenticate(exchange_of(request), request.app.state.keys, permission)

    def get_route_handler(self) -> Handler:
        """FastAPI's handler behind ours."""
        answer = super().get_route_handler()
        body_field = self.body_field

        async def guarded(request: Request) -> Response:
            try:
                await self.let_in(request)
                if body_field is None:
                    return await answer(request)
                optional = not body_field.field_info.is_required()
                return await answer(await _read_request(request, optional=optional))
            except Exception as error:  # noqa: BLE001 - every error has an answer
                return await answer_error(error, request.scope)

        return guarded


class _ReadRequest(Request):
    """A request whose body is read already: FastAPI gets the strict reading's value."""

    async def body(self) -> bytes:
        return b"read already"  # FastAPI only looks whether there is one

    async def json(self) -> Any:
        return exchange_of(self).body


async def _read_request(request: Request, *, optional: bool) -> Request:
    await read_json(request, optional=optional)
    # Where a body may be left out, so may its type, and FastAPI would look for it.
    kept = [header for header in request.scope["headers"] if header[0] != b"content-type"]
    scope = {**request.scope, "headers": [*kept, (b"content-type", b"application/json")]}
    return _ReadRequest(scope, request.receive)


@dataclass(frozen=True, slots=True)
class StrictRoutes:
    """Where the nouns add their routes."""

    web: FastAPI

    def get(self, path: str, handler: Endpoint, permission: str, *, payers: bool = False) -> None:
        """A route that looks. Its path names an object, which may not be there.

        `payers`: the payer of the intent it names may come in, with its client secret.
        """
        self._add("GET", path, handler, permission, status=200, problems=(404, 422), payers=payers)

    def post(
        self,
        path: str,
        handler: Endpoint,
        permission: str,
        *,
        status: int = 201,
        also: Sequence[int] = (),
        payers: bool = False,
    ) -> None:
        """A route that does something. `also`: what it answers beside the usual problems."""
        problems = (*BODY, *also)
        self._add(
            "POST", path, handler, permission, status=status, problems=problems, payers=payers
        )

    def _add(
        self,
        method: str,
        path: str,
        handler: Endpoint,
        permission: str,
        *,
        status: int,
        problems: Sequence[int],
        payers: bool = False,
    ) -> None:
        self.web.router.add_api_route(
            path,
            handler,
            methods=[method],
            status_code=status,
            tags=[path.split("/")[3]],
            responses=problem_responses({*ALWAYS, *problems}),
            openapi_extra={PERMISSION: str(permission)} | ({PAYER: True} if payers else {}),
            route_class_override=StrictRoute,
        )
