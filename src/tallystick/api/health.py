"""Whether this process lives, whether it may be sent requests, and its metrics. No key asked.

`/health` is 200 while the process lives and tells what it sees; `/ready` is 503 without the
database, or when this process is about to close.
"""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tallystick.api.plain_route import plain_route
from tallystick.app import App
from tallystick.platform.postgres.pools import Overloaded
from tallystick.platform.telemetry import exposition

HEALTH_PATHS: Final = ("/health", "/api/v1/monitoring/health")
READY_PATHS: Final = ("/ready", "/api/v1/monitoring/ready")
METRICS_PATHS: Final = ("/metrics", "/api/v1/monitoring/metrics")
_NOBODYS_CLAIM: Final = UUID(int=0)


class Readiness:
    """Whether this process may be sent requests; the server turns it off before it closes."""

    def __init__(self) -> None:
        self.draining = False


@dataclass(frozen=True, slots=True)
class HealthRoutes:
    """The three handlers."""

    app: App
    readiness: Readiness

    async def health(self, _request: Request) -> Response:
        """Alive, and what it sees."""
        report = await self._report()
        return _json({"success": True, "data": report}, 200)

    async def ready(self, _request: Request) -> Response:
        """Whether to send requests here."""
        report = await self._report()
        fit = report["checks"]["database"] == "ok" and not self.readiness.draining
        return _json({"success": fit, "data": report}, 200 if fit else 503)

    async def metrics(self, _request: Request) -> Response:
        """For Prometheus."""
        content, content_type = exposition()
        return Response(content, media_type=content_type)

    async def _report(self) -> dict[str, Any]:
        database = await self._database()
        status = "draining" if self.readiness.draining else "healthy"
        return {
            "status": status if database == "ok" else "unhealthy",
            "checks": {
                "database": database,
                "redis": "disabled",
                "kafka": "disabled",
                "staging_backlog": 0,
                "last_staging_run": None,
            },
            "timestamp": self.app.clock.now(),
        }

    async def _database(self) -> str:
        # A look for what is not there still proves connection, role and schema.
        try:
            await self.app.journal.find_claim(_NOBODYS_CLAIM)
        except Overloaded:
            return "error"
        return "ok"


def health_routes(app: App, readiness: Readiness) -> list[Route]:
    """The routes, under the house's names and under those of document 000."""
    handlers = HealthRoutes(app, readiness)
    table = (
        (HEALTH_PATHS, handlers.health),
        (READY_PATHS, handlers.ready),
        (METRICS_PATHS, handlers.metrics),
    )
    return [plain_route(path, handler, ["GET"]) for paths, handler in table for path in paths]


def _json(content: dict[str, Any], status: int) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")
