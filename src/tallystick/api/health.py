"""Whether this process lives, whether it may be sent requests, and its metrics. No key asked.

`/health` is 200 while the process lives and tells what it sees; `/ready` is 503 without the
database, or when this process is about to close.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tallystick.api.documented import PlainOperation
from tallystick.api.monitoring.kafka_line import kafka_state
from tallystick.api.plain_route import plain_route
from tallystick.api.readiness import Readiness
from tallystick.app import App
from tallystick.intake import payment_metrics
from tallystick.platform.postgres.pools import Overloaded
from tallystick.platform.telemetry import exposition

HEALTH_PATHS: Final = ("/health", "/api/v1/monitoring/health")
READY_PATHS: Final = ("/ready", "/api/v1/monitoring/ready")
METRICS_PATHS: Final = ("/metrics", "/api/v1/monitoring/metrics")
PROVED_WITHIN_S: Final = 60.0
_NOBODYS_CLAIM: Final = UUID(int=0)


class Checks(Struct):
    """What this process sees of its needs: ok, error or disabled. The backlog is counted up to
    100,000, so that whoever asks often asks little.

    The books are `ok` while every change is proven within a minute, `behind` when it takes longer,
    and `error` when they do not prove, which does not make this process unfit.
    """

    database: str
    redis: str
    kafka: str
    staging_backlog: int
    last_staging_run: datetime | None
    books: str
    books_proved_age_seconds: float | None


class HealthReport(Struct):
    """`healthy`, `degraded` (without Redis or Kafka), `draining` or `unhealthy`, and why."""

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
        fit = report.status in ("healthy", "degraded")  # all is done without Redis and Kafka, too
        return _json(HealthAnswer(success=fit, data=report), 200 if fit else 503)

    async def metrics(self, _request: Request) -> Response:
        """For Prometheus; nothing is there with ENABLE_METRICS off."""
        if not self.app.settings.enable_metrics:
            raise HTTPException(404)
        await self._books()  # the proof's age grows by itself, whether a worker lives or not
        await self._staging()
        # Every process has files to be read, and requests must not wait for that.
        content, content_type = await asyncio.to_thread(exposition)
        return Response(content, media_type=content_type)

    async def _report(self) -> HealthReport:
        database = await self._database()
        books, age_s = await self._books() if database == "ok" else ("error", None)
        status = "draining" if self.readiness.draining else "healthy"
        backlog, last_run_at = await self._staging() if database == "ok" else (0, None)
        checks = Checks(
            database,
            self.app.recording.references.redis_state,
            await kafka_state(self.app.settings),
            staging_backlog=backlog,
            last_staging_run=last_run_at,
            books=books,
            books_proved_age_seconds=age_s,
        )
        if database != "ok":
            status = "unhealthy"
        elif status == "healthy" and "error" in (checks.redis, checks.kafka):
            status = "degraded"
        return HealthReport(status, checks, self.app.clock.now())

    async def _staging(self) -> tuple[int, datetime | None]:
        ingestion = self.app.upkeep.ingestion
        try:
            backlog = await ingestion.count_backlog()
            payment_metrics().show_backlog(backlog)
            return backlog, await ingestion.last_run_at()
        except Overloaded:
            return 0, None

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
