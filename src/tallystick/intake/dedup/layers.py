"""What is counted about the layers: how often each was asked for a reference, and knew it."""

from enum import StrEnum
from functools import cache

from msgspec import Struct
from prometheus_client import CollectorRegistry, Counter, Gauge

from tallystick.platform.telemetry import REGISTRY


class Layer(StrEnum):
    """Where a reference may be known, the quickest first."""

    MEMORY = "memory"
    REDIS = "redis"
    DATABASE = "database"


class LayerCount(Struct):
    """What one process asked one layer since it started."""

    lookups: int = 0
    hits: int = 0

    @property
    def hit_rate(self) -> float:
        """From 0 to 1; 0 as long as nothing was asked."""
        return self.hits / self.lookups if self.lookups else 0.0


class LayerMetrics:
    """Document 000's gauge, and counters to take a rate of any period from."""

    def __init__(self, registry: CollectorRegistry) -> None:
        hit_rate = Gauge(
            "duplicate_detection_hit_rate",
            "Cache hit rate for duplicate detection",
            ("cache_layer",),
            registry=registry,
            multiprocess_mode="mostrecent",
        )
        lookups = Counter(
            "duplicate_detection_lookups",
            "References looked for in a layer, by whether it knew them",
            ("cache_layer", "result"),
            registry=registry,
        )
        # Finding a child by its labels costs more than counting.
        self._hit_rates = {layer: hit_rate.labels(layer) for layer in Layer}
        self._hits = {layer: lookups.labels(layer, "hit") for layer in Layer}
        self._misses = {layer: lookups.labels(layer, "miss") for layer in Layer}

    def count(self, layer: Layer, tally: LayerCount, lookups: int, hits: int) -> None:
        """Add to what a layer was asked, and show it."""
        tally.lookups += lookups
        tally.hits += hits
        self._hit_rates[layer].set(tally.hit_rate)
        if hits:
            self._hits[layer].inc(hits)
        if lookups > hits:
            self._misses[layer].inc(lookups - hits)


@cache
def layer_metrics(registry: CollectorRegistry = REGISTRY) -> LayerMetrics:
    """The metrics in this registry, made once: it refuses a name that it knows already."""
    return LayerMetrics(registry)
