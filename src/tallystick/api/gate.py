"""The outermost layer: what every request meets first and every answer leaves through.

It counts who is inside and turns away whom it cannot serve, names the request, caps its body and
its time, adds the headers every answer carries, and writes the log line and the metrics. It is
plain ASGI, because it stands in the way of the hottest routes too.
"""

from collections.abc import Collection, Mapping
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars

from tallystick.api.access_log import AccessLog
from tallystick.api.body_cap import CappedBody
from tallystick.api.cors import Cors
from tallystick.api.exchange import SCOPE_KEY, Exchange
from tallystick.api.patience import Patience, TimeLimits
from tallystick.api.problems import error_response
from tallystick.api.readiness import Readiness
from tallystick.api.request_metrics import RequestMetrics
from tallystick.api.turnstile import Turnstile

INSIDE_MAX: Final = 2_000
LOGGED_PATH_LENGTH_MAX: Final = 200

_COMMON_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)
_NOTHING_LOADS: Final = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_DOCS_PATH: Final = "/docs"  # the one page that loads scripts; only test mode serves it


class TooManyInside(Exception):
    """This process serves as many requests as it can."""

    code = "overloaded"


class Gate:
    """The door's ASGI application. `inner` has all routes.

    `always_answered` are the paths that are let in however full the house is.
    """

    def __init__(
        self,
        inner: ASGIApp,
        metrics: RequestMetrics,
        readiness: Readiness,
        *,
        body_limit_bytes: int,
        body_limits_by_path: Mapping[str, int],
        always_answered: Collection[str],
        request_timeout_ms: int,
        log_requests: bool,
        access_log: AccessLog | None = None,
        cors: Cors | None = None,
    ) -> None:
        self._inner = inner
        self._metrics = metrics
        self.readiness = readiness
        self._body_limit_bytes = body_limit_bytes
        self._body_limits_by_path = body_limits_by_path
        self._always_answered = frozenset(always_answered)
        self._request_timeout_s = request_timeout_ms / 1000
        self._time_limits = TimeLimits()
        self._inside = 0
        self._logs = log_requests
        self._cors = cors
        self._turnstile = Turnstile()
        self.access_log = access_log or AccessLog()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":  # there are no websockets; a server's lifespan passes
            await self._inner(scope, receive, send)
            return
        exchange = scope[SCOPE_KEY] = Exchange(scope)
        # A request is a task of its own, so what is bound here ends with it.
        bind_contextvars(request_id=exchange.request_id)
        self._inside += 1
        try:
            await self._serve(scope, receive, _Answer(send, scope, exchange))
        finally:
            self._inside -= 1
            self._write_down(scope, exchange)

    async def _serve(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        exchange = answer.exchange
        due_s = exchange.started_at_s + self._request_timeout_s
        patience = exchange.patience = Patience(self._time_limits, due_s)
        try:
            if self._cors and (preflight := self._cors.greet(scope, exchange)):
                await preflight(scope, receive, answer)
                return
            self._require_room(scope)
            body = CappedBody(receive, self._body_limit(scope))
            body.require_announced(exchange.headers.get(b"content-length", b""))
            with patience:
                await self._turnstile.enter()
                await self._inner(scope, body, answer)
        except Exception as error:  # noqa: BLE001 - the last place that can answer
            response = error_response(error, exchange)
            if not exchange.status:
                await response(scope, receive, answer)

    def _require_room(self, scope: Scope) -> None:
        if self._inside > INSIDE_MAX and scope["path"] not in self._always_answered:
            raise TooManyInside("this server is full; ask again in a moment")

    def _body_limit(self, scope: Scope) -> int:
        return self._body_limits_by_path.get(scope["path"], self._body_limit_bytes)

    def _write_down(self, scope: Scope, exchange: Exchange) -> None:
        route = getattr(scope.get("route"), "path", "") or "unmatched"
        duration_s = exchange.duration_s
        self._metrics.observe(scope["method"], route, exchange.status, duration_s)
        if not self._logs:
            return
        self.access_log.write(
            method=scope["method"],
            path=scope["path"][:LOGGED_PATH_LENGTH_MAX],
            status=exchange.status,
            duration_ms=round(duration_s * 1000, 2),
            key_id=exchange.principal and str(exchange.principal.key_id),
            request_id=exchange.request_id,
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
