"""What is counted about requests: rate, errors and duration, by method, route and status."""

from functools import cache, lru_cache
from typing import Final

from prometheus_client import CollectorRegistry, Histogram

from tallystick.platform.telemetry import REGISTRY

_BUCKETS_S: Final = (
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    0.8,
    1,
    2.5,
    5,
    10,
    30,
)
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class RequestMetrics:
    """Duration by method, route and status. Routes are the paths as written, never as asked."""

    def __init__(self, registry: CollectorRegistry) -> None:
        durations = Histogram(
            "http_request_duration_seconds",
            "Time from a request's first byte to its answer's last",
            ("method", "route", "status"),
            buckets=_BUCKETS_S,
            registry=registry,
        )
        # Finding a child by its labels costs more than the observation itself.
        self._child = lru_cache(4096)(durations.labels)

    def observe(self, method: str, route: str, status: int, duration_s: float) -> None:
        """Count one request that has ended."""
        known = method if method in _METHODS else "OTHER"
        self._child(known, route, str(status)).observe(duration_s)


@cache
def request_metrics(registry: CollectorRegistry = REGISTRY) -> RequestMetrics:
    """The metrics in this registry, made once: it refuses a name that it knows already."""
    return RequestMetrics(registry)
