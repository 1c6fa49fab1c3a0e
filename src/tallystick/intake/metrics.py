"""The metrics of document 000, under its names: recorded payments by source, and what waits."""

from functools import cache
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from tallystick.platform.telemetry import REGISTRY

# Document 000's, and the two that its own service levels are about.
BUCKETS_S: Final = (0.01, 0.05, 0.1, 0.3, 0.5, 0.8, 1.0, 2.0, 5.0, 10.0)


class PaymentMetrics:
    """What is counted of the payments made elsewhere. `payment_metrics` makes one a registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        duration = Histogram(
            "payment_processing_duration_seconds",
            "Payment processing duration",
            ("source", "channel"),
            buckets=BUCKETS_S,
            registry=registry,
        )
        total = Counter(
            "payment_processing_total",
            "Total number of payments processed",
            ("source", "status"),
            registry=registry,
        )
        # Finding a child by its labels costs more than counting.
        self._duration_of = cache(duration.labels)
        self._total_of = cache(total.labels)
        self._backlog = Gauge(
            "staging_backlog_size",
            "Number of unprocessed staging records",
            registry=registry,
            multiprocess_mode="mostrecent",
        )

    def count(self, source: str, status: str, payments: int = 1) -> None:
        """`status` is success, duplicate or error."""
        if payments:
            self._total_of(source, status).inc(payments)

    def observe(self, source: str, channel: str, duration_s: float) -> None:
        """How long one report took, or one batch of the staging table."""
        self._duration_of(source, channel).observe(duration_s)

    def show_backlog(self, rows: int) -> None:
        self._backlog.set(rows)


@cache
def payment_metrics(registry: CollectorRegistry = REGISTRY) -> PaymentMetrics:
    """The metrics in this registry, made once: it refuses a name that it knows already."""
    return PaymentMetrics(registry)
