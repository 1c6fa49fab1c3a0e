"""Document 000's monitoring: jobs, partitions, caches, statistics, and payments looked up."""

from typing import Final

from starlette.routing import Route

from tallystick.api.monitoring import lookups, operations
from tallystick.app import App

OPERATIONS: Final = (*lookups.OPERATIONS, *operations.OPERATIONS)


def monitoring_routes(app: App) -> list[Route]:
    """All of them, but for health, readiness and metrics, which need no key."""
    return [*lookups.lookup_routes(app), *operations.operation_routes(app)]
