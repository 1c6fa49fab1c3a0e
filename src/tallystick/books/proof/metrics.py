"""The gauges of the proofs: how far, how old, and how many differences."""

from collections.abc import Mapping
from functools import cache

from prometheus_client import CollectorRegistry, Gauge

from tallystick.platform.telemetry import REGISTRY


class ProofMetrics:
    """What an alarm looks at. Any process may show it; the latest to do so is believed."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._position = Gauge(
            "tallystick_books_proved_position",
            "Position of the last fact up to which a lane is proven without a break",
            ("lane",),
            registry=registry,
            multiprocess_mode="mostrecent",
        )
        self._age = Gauge(
            "tallystick_books_proved_age_seconds",
            "How long the oldest change that is not proven yet has been waiting",
            registry=registry,
            multiprocess_mode="mostrecent",
        )
        self._differences = Gauge(
            "tallystick_books_differences",
            "Broken promises that the latest proof of this kind found; anything but 0 is an alarm",
            ("proof",),
            registry=registry,
            multiprocess_mode="mostrecent",
        )

    def show(
        self, positions: Mapping[int, int], age_s: float, differences: Mapping[str, int]
    ) -> None:
        """Set all gauges: the positions by lane, the differences by kind of proof."""
        for lane, position in positions.items():
            self._position.labels(str(lane)).set(position)
        self._age.set(age_s)
        for proof, count in differences.items():
            self._differences.labels(proof).set(count)


@cache
def proof_metrics(registry: CollectorRegistry = REGISTRY) -> ProofMetrics:
    """The gauges in this registry, made once: it refuses a name that it knows already."""
    return ProofMetrics(registry)
