"""Routes that FastAPI documents and does not answer.

It tries one pattern after the other, solves a route's dependencies anew for every request, and
validates the answer it is given. A handler that takes ids from its path, a body and its `Call`
needs none of this: who, the body, the handler, the answer. That saves half a request's time.
Handlers with queries stay with FastAPI, and so does whatever no direct route is found for.
"""

import inspect
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, get_type_hints
from urllib.parse import unquote

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from tallystick.api.bodies import read_json
from tallystick.api.calls import Call
from tallystick.api.refused_wishes import answer_error

Endpoint = Callable[..., Coroutine[Any, Any, Any]]
Guard = Callable[[Request], Coroutine[Any, Any, None]]
_ANY: Final = "{}"
_JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class DirectAddress:
    """One handler as an ASGI application: `guard` says who calls, or raises."""

    guard: Guard
    handler: Endpoint
    status: int
    body: TypeAdapter[Any] | None
    body_is_optional: bool
    answer: TypeAdapter[Any]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whose path's ids are in the scope."""
        request = Request(scope, receive)
        try:
            await self.guard(request)
            taken = dict(scope["path_params"])
            if self.body is not None:
                taken["body"] = await self._read_body(request, self.body)
            answer = await self.handler(call=Call(request), **taken)
            content = self.answer.dump_json(answer, by_alias=True)
            response = Response(content, self.status, media_type=_JSON)
        except Exception as error:  # noqa: BLE001 - every error has an answer
            response = await answer_error(error, scope)
        await response(scope, receive, send)

    async def _read_body(self, request: Request, shape: TypeAdapter[Any]) -> Any:
        value = await read_json(request, optional=self.body_is_optional)
        try:
            return shape.validate_python(value)
        except ValidationError as invalid:
            found = invalid.errors(include_url=False, include_context=False, include_input=False)
            errors = [{**error, "loc": ("body", *error["loc"])} for error in found]
            raise RequestValidationError(errors) from None


def direct_address(route: APIRoute, guard: Guard) -> DirectAddress | None:
    """The handler of `route` without FastAPI; None if it takes what only FastAPI can give."""
    takes = get_type_hints(route.endpoint, include_extras=True)
    answers = takes.pop("return")
    takes.pop("call", None)
    body = takes.pop("body", None)
    if takes != dict.fromkeys(route.param_convertors, str):
        return None
    parameter = inspect.signature(route.endpoint).parameters.get("body")
    return DirectAddress(
        guard=guard,
        handler=route.endpoint,
        status=route.status_code or 200,
        body=TypeAdapter(body) if body else None,
        body_is_optional=parameter is not None and parameter.default is not parameter.empty,
        answer=TypeAdapter(answers),
    )


@dataclass(slots=True)
class _Branch:
    """What may come next in a path; `routes` are those that end here, by method."""

    next: dict[str, "_Branch"] = field(default_factory=dict)
    routes: dict[str, tuple[Route, ASGIApp]] = field(default_factory=dict)


class DirectRoutes:
    """Direct routes found by walking their path, a word or an id at a time.

    A route without methods of its own takes them all. Whatever has no route here is asked
    `otherwise`, which also knows what to say of a wrong method.
    """

    def __init__(self, routes: Iterable[tuple[Route, ASGIApp]], *, otherwise: FastAPI) -> None:
        self._root = _Branch()
        self.otherwise = otherwise
        self.addresses = tuple(routes)
        for route, address in self.addresses:
            branch = self._root
            for word in route.path_format.split("/"):
                place = _ANY if word.startswith("{") else word
                branch = branch.next.setdefault(place, _Branch())
            branch.routes |= dict.fromkeys(route.methods or (_ANY,), (route, address))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        found, values = self._find(_words(scope), scope["method"])
        if found is None:
            await self.otherwise(scope, receive, send)
            return
        route, address = found
        named = dict(zip(route.param_convertors, values, strict=True))
        scope.update(app=self.otherwise, route=route, path_params=named)
        await address(scope, receive, send)

    def _find(
        self, words: list[str], method: str
    ) -> tuple[tuple[Route, ASGIApp] | None, list[str]]:
        branch, values = self._root, list[str]()
        for word in words:
            following = branch.next.get(word)
            if following is None:
                following = branch.next.get(_ANY)
                if following is None or not word:
                    return None, values
                values.append(word)
            branch = following
        return branch.routes.get(method) or branch.routes.get(_ANY), values


def _words(scope: Scope) -> list[str]:
    """The path at its slashes; one that is written `%2F` belongs to its word (RFC 3986, 2.2)."""
    raw: bytes = scope.get("raw_path") or b""
    if b"%2f" not in raw.lower():
        path: str = scope["path"]
        return path.split("/")
    return [unquote(word) for word in raw.partition(b"?")[0].decode("ascii").split("/")]
