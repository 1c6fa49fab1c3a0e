"""Which pages elsewhere may call from a browser (CORS, as the Fetch standard has it).

Off unless `CORS_ORIGIN` lists origins, and then for what a payer may call with an intent's client
secret alone: an API key has no business in a browser. The secret goes in the `Authorization`
header, so cookies are never allowed. Who is not on the list is answered as before: it is his
browser that keeps the answer from his page.
"""

from collections.abc import Collection, Iterable
from typing import Final

from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Scope

from tallystick.api.exchange import Exchange
from tallystick.api.payers import PAYER

PREFLIGHT_KEPT_S: Final = 600
_TAKEN: Final = "authorization, content-type, idempotency-key, x-request-id"
_TOLD: Final = "Idempotency-Key, Idempotency-Replayed, Retry-After, X-Request-Id"


class Cors:
    """The origins that may, and the routes they may call."""

    def __init__(self, origins: Collection[str], routes: Iterable[BaseRoute]) -> None:
        self._origins = frozenset(origin.encode("ascii") for origin in origins)
        self._routes = [
            route
            for route in routes
            if isinstance(route, Route) and (getattr(route, "openapi_extra", None) or {}).get(PAYER)
        ]

    def greet(self, scope: Scope, exchange: Exchange) -> Response | None:
        """Add what the caller's browser must hear; the whole answer, if it only asks whether."""
        route = self._route_at(scope)
        if route is None:
            return None
        exchange.add_header("Vary", "Origin")
        origin = exchange.headers.get(b"origin", b"")
        if origin not in self._origins:
            return None
        exchange.add_header("Access-Control-Allow-Origin", origin.decode("ascii"))
        if scope["method"] == "OPTIONS" and b"access-control-request-method" in exchange.headers:
            scope["route"] = route  # what the metrics call it
            return _preflight(route)
        exchange.add_header("Access-Control-Expose-Headers", _TOLD)
        return None

    def _route_at(self, scope: Scope) -> Route | None:
        """The payers' route at this address, whatever the method."""
        for route in self._routes:
            if route.matches(scope)[0] is not Match.NONE:
                return route
        return None


def _preflight(route: Route) -> Response:
    return Response(
        status_code=204,
        headers={
            "Access-Control-Allow-Methods": ", ".join(sorted(route.methods or ())),
            "Access-Control-Allow-Headers": _TAKEN,
            "Access-Control-Max-Age": str(PREFLIGHT_KEPT_S),
        },
    )
