"""Whether this process lives, whether it may be sent requests, and its metrics. No key asked.

`/health` is 200 while the process lives and tells what it sees; `/ready` is 503 without the
database, or when this process is about to close.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tallystick.api.documented import PlainOperation
from tallystick.api.plain_route import plain_route
from tallystick.api.readiness import Readiness
from tallystick.app import App
from tallystick.platform.postgres.pools import Overloaded
from tallystick.platform.telemetry import exposition

HEALTH_PATHS: Final = ("/health", "/api/v1/monitoring/health")
READY_PATHS: Final = ("/ready", "/api/v1/monitoring/ready")
METRICS_PATHS: Final = ("/metrics", "/api/v1/monitoring/metrics")
PROVED_WITHIN_S: Final = 60.0
_NOBODYS_CLAIM: Final = UUID(int=0)


class Checks(Struct):
    """What this process sees of its needs: ok, error or disabled; the backlog is a count.

    The books are `ok` while every change is proven within a minute, `behind` when it takes longer,
    and `error` when they do not prove, which does not make this process unfit.
    """

    database: str
    redis: str
    kafka: str
    staging_backlog: int
    last_staging_run: str | None
    books: str
    books_proved_age_seconds: float | None


class HealthReport(Struct):
    """`healthy`, `draining` or `unhealthy`, and why."""

    status: str
    checks: Checks
    timestamp: datetime


class HealthAnswer(Struct):
    """Document 000's health answer."""

    success: bool
    data: HealthReport


@dataclass(frozen=True, slots=True)
class HealthRoutes:
    """The three handlers."""

    app: App
    readiness: Readiness

    async def health(self, _request: Request) -> Response:
        """Alive, and what it sees."""
        return _json(HealthAnswer(success=True, data=await self._report()), 200)

    async def ready(self, _request: Request) -> Response:
        """Whether to send requests here."""
        report = await self._report()
        fit = report.status == "healthy"
        return _json(HealthAnswer(success=fit, data=report), 200 if fit else 503)

    async def metrics(self, _request: Request) -> Response:
        """For Prometheus."""
        await self._books()  # the proof's age grows by itself, whether a worker lives or not
        content, content_type = exposition()
        return Response(content, media_type=content_type)

    async def _report(self) -> HealthReport:
        database = await self._database()
        books, age_s = await self._books() if database == "ok" else ("error", None)
        status = "draining" if self.readiness.draining else "healthy"
        checks = Checks(
            database,
            "disabled",
            "disabled",
            staging_backlog=0,
            last_staging_run=None,
            books=books,
            books_proved_age_seconds=age_s,
        )
        now = self.app.clock.now()
        return HealthReport(status if database == "ok" else "unhealthy", checks, now)

    async def _books(self) -> tuple[str, float | None]:
        try:
            standing = await self.app.proofs.incremental.show_standing()
        except Overloaded:
            return "error", None
        if standing.differences:
            return "error", standing.age_s
        return "behind" if standing.age_s > PROVED_WITHIN_S else "ok", standing.age_s

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
    return [plain_route(path, handler, "GET") for paths, handler in table for path in paths]


def _json(content: HealthAnswer, status: int) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")


def _operations() -> Iterator[PlainOperation]:
    for path in HEALTH_PATHS:
        yield PlainOperation("GET", path, "Alive, and what it sees", "health", 200, HealthAnswer)
    for path in READY_PATHS:
        yield PlainOperation(
            *("GET", path, "Whether to send requests here", "health", 200, HealthAnswer),
            other_answers={503: HealthAnswer},
        )
    for path in METRICS_PATHS:
        yield PlainOperation(
            *("GET", path, "For Prometheus", "health", 200, None), media_type="text/plain"
        )


OPERATIONS: Final = tuple(_operations())
