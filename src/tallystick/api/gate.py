"""The outermost layer: what every request meets first and every answer leaves through.

It counts who is inside and turns away whom it cannot serve, names the request, caps its body and
its time, adds the headers every answer carries, and writes the log line and the metrics. It is
plain ASGI, because it stands in the way of the hottest routes too.
"""

import asyncio
import os
import re
from collections.abc import Mapping
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tallystick.api.body_cap import CappedBody
from tallystick.api.exchange import SCOPE_KEY, Exchange
from tallystick.api.problems import error_response
from tallystick.api.readiness import Readiness
from tallystick.api.request_metrics import RequestMetrics
from tallystick.platform.telemetry import get_logger, in_request

INSIDE_MAX: Final = 2_000
ALWAYS_ANSWERED: Final = frozenset({"/health", "/ready", "/metrics"})
_SAFE_ID: Final = re.compile(rb"[A-Za-z0-9._:/+=@-]{1,128}")

_COMMON_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)
_NOTHING_LOADS: Final = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_DOCS_PATH: Final = "/docs"  # the one page that loads scripts; only test mode serves it

_log = get_logger("tallystick.api")


class TooManyInside(Exception):
    """This process serves as many requests as it can."""

    code = "overloaded"


class TimedOut(Exception):
    """The request's time is over. What it asked for may still happen: ask with the same key."""

    code = "timed_out"


class Gate:
    """The door's ASGI application. `inner` has all routes."""

    def __init__(
        self,
        inner: ASGIApp,
        metrics: RequestMetrics,
        readiness: Readiness,
        *,
        body_limit_bytes: int,
        body_limits_by_path: Mapping[str, int],
        request_timeout_ms: int,
    ) -> None:
        self._inner = inner
        self._metrics = metrics
        self.readiness = readiness
        self._body_limit_bytes = body_limit_bytes
        self._body_limits_by_path = body_limits_by_path
        self._request_timeout_s = request_timeout_ms / 1000
        self._inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":  # there are no websockets; a server's lifespan passes
            await self._inner(scope, receive, send)
            return
        exchange = scope[SCOPE_KEY] = Exchange(_request_id(scope))
        self._inside += 1
        self._metrics.inside.inc()
        try:
            with in_request(exchange.request_id):
                await self._serve(scope, receive, _Answer(send, scope, exchange))
        finally:
            self._inside -= 1
            self._metrics.inside.dec()
            self._write_down(scope, exchange)

    async def _serve(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        patience = asyncio.timeout(self._request_timeout_s)
        try:
            self._require_room(scope)
            body = CappedBody(receive, self._body_limit(scope))
            body.require_announced(scope)
            async with patience:
                await self._inner(scope, body, answer)
        except Exception as error:  # noqa: BLE001 - the last place that can answer
            if isinstance(error, TimeoutError) and patience.expired():
                error = TimedOut("the time for this request is over; ask again, with the same key")
            response = error_response(error, answer.exchange)
            if not answer.exchange.status:
                await response(scope, receive, answer)

    def _require_room(self, scope: Scope) -> None:
        if self._inside > INSIDE_MAX and scope["path"] not in ALWAYS_ANSWERED:
            raise TooManyInside("this server is full; ask again in a moment")

    def _body_limit(self, scope: Scope) -> int:
        return self._body_limits_by_path.get(scope["path"], self._body_limit_bytes)

    def _write_down(self, scope: Scope, exchange: Exchange) -> None:
        route = getattr(scope.get("route"), "path", "") or "unmatched"
        duration_s = exchange.duration_s
        self._metrics.observe(scope["method"], route, exchange.status, duration_s)
        _log.info(
            "request",
            request_id=exchange.request_id,
            method=scope["method"],
            path=scope["path"],
            status=exchange.status,
            duration_ms=round(duration_s * 1000, 2),
            key_id=exchange.principal and str(exchange.principal.key_id),
        )


class _Answer:
    """A `send` that adds what every answer carries, and notes that it has begun."""

    def __init__(self, send: Send, scope: Scope, exchange: Exchange) -> None:
        self._send = send
        self._scope = scope
        self.exchange = exchange

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.exchange.status = message["status"]
            headers = message["headers"] = list(message.get("headers", ()))
            headers += _COMMON_HEADERS
            if self._scope["path"] != _DOCS_PATH:
                headers.append(_NOTHING_LOADS)
            headers.append((b"x-request-id", self.exchange.request_id.encode()))
            headers += self.exchange.answer_headers
        await self._send(message)


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _SAFE_ID.fullmatch(value):
            return str(value, "ascii")
    return f"req_{os.urandom(12).hex()}"
