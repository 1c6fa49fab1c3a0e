"""`/api/v1/monitoring/{jobs,partitions,cache,stats}`: what runs by the clock, and a hand on it."""

from dataclasses import dataclass
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tallystick.api.auth import require_platform
from tallystick.api.intake.platform_route import answer, platform_route
from tallystick.api.intake.webhook_stats import webhook_stats
from tallystick.api.monitoring.asking import (
    BASE,
    number_parameter,
    operation,
    text_parameter,
    whole_number,
)
from tallystick.api.monitoring.views import (
    CacheAnswer,
    CacheCleared,
    CacheWarmed,
    JobRequested,
    JobRequestedAnswer,
    JobsAnswer,
    JobView,
    PartitionsAnswer,
    PartitionsView,
    ServiceStats,
    StatsAnswer,
    WarmedAnswer,
)
from tallystick.app import App
from tallystick.identity import Permission
from tallystick.platform.redis_link import RedisAway
from tallystick.platform.scheduled import NoSuchJob

STATUS_PATH: Final = f"{BASE}/jobs/status"
RUN_PATH: Final = f"{BASE}/jobs/{{name}}/run"
PARTITIONS_PATH: Final = f"{BASE}/partitions"
WARM_PATH: Final = f"{BASE}/cache/warm"
CLEAR_PATH: Final = f"{BASE}/cache/clear"
STATS_PATH: Final = f"{BASE}/stats"
WARM_LIMITS: Final = range(1, 1_000_001)


@dataclass(frozen=True, slots=True)
class OperationRoutes:
    """The handlers."""

    app: App

    async def show_jobs(self, request: Request) -> Response:
        """How every job stands, when it is next due, and its last runs."""
        await require_platform(self.app, request)
        return answer([JobView.of(status) for status in await self.app.upkeep.schedule.status()])

    async def run_job(self, request: Request) -> Response:
        """Ask for a run: the next worker that looks, within a second, takes it."""
        await require_platform(self.app, request, Permission.OPERATE)
        name: str = request.path_params["name"]
        try:
            await self.app.upkeep.schedule.request(name)
        except NoSuchJob:
            raise HTTPException(404) from None
        return answer(JobRequested(name, "requested"), 202)

    async def show_partitions(self, request: Request) -> Response:
        """The months that are held, with their sizes."""
        await require_platform(self.app, request)
        maintenance = self.app.upkeep.maintenance
        planned = await maintenance.run(dry_run=True)
        return answer(PartitionsView.of(maintenance.rules, planned))

    async def warm_cache(self, request: Request) -> Response:
        """Remember the newest references, in this process and in Redis."""
        await require_platform(self.app, request, Permission.OPERATE)
        default = self.app.settings.cache_warming_limit
        limit = whole_number(request, "limit", default, WARM_LIMITS)
        return answer(CacheWarmed(await self.app.recording.references.warm(limit)))

    async def clear_cache(self, request: Request) -> Response:
        """Forget all references, in this process and in Redis; the table keeps them."""
        await require_platform(self.app, request, Permission.OPERATE)
        references = self.app.recording.references
        try:
            forgotten, redis = await references.clear(), references.redis_state
        except RedisAway:
            forgotten, redis = 0, "error"
        return answer(CacheCleared(forgotten, redis))

    async def show_stats(self, request: Request) -> Response:
        """The service in numbers."""
        await require_platform(self.app, request)
        upkeep = self.app.upkeep
        stats = ServiceStats(
            webhook=webhook_stats(self.app.recording.references.redis_state),
            staging=await upkeep.ingestion.stats(),
            partitions=len(await upkeep.maintenance.list_partitions()),
        )
        return answer(stats)


def operation_routes(app: App) -> list[Route]:
    """The routes."""
    handlers = OperationRoutes(app)
    return [
        platform_route(STATUS_PATH, handlers.show_jobs, "GET"),
        platform_route(RUN_PATH, handlers.run_job, "POST"),
        platform_route(PARTITIONS_PATH, handlers.show_partitions, "GET"),
        platform_route(WARM_PATH, handlers.warm_cache, "POST"),
        platform_route(CLEAR_PATH, handlers.clear_cache, "POST"),
        platform_route(STATS_PATH, handlers.show_stats, "GET"),
    ]


OPERATIONS: Final = (
    operation("GET", STATUS_PATH, "How the jobs stand", JobsAnswer),
    operation(
        *("POST", RUN_PATH, "Ask for a run of a job", JobRequestedAnswer),
        parameters=(text_parameter("name", "path", 64),),
        status=202,
    ),
    operation("GET", PARTITIONS_PATH, "The months that are held", PartitionsAnswer),
    operation(
        *("POST", WARM_PATH, "Remember the newest references", WarmedAnswer),
        parameters=(number_parameter("limit", 10_000, WARM_LIMITS),),
    ),
    operation("POST", CLEAR_PATH, "Forget the references that are remembered", CacheAnswer),
    operation("GET", STATS_PATH, "The service in numbers", StatsAnswer),
)
