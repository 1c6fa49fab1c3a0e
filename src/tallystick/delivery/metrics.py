"""What delivery shows: how far readers are behind, what they delivered, what waits for a person."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge

from tallystick.platform.telemetry import REGISTRY

STATUSES: Final = ("retrying", "held", "dead")


class DeliveryMetrics:
    """Gauges any process may show (the latest is believed), and counters of its own."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._lag = Gauge(
            "tallystick_delivery_lag_facts",
            "Facts in the log that a reader has not done",
            ("reader",),
            registry=registry,
            multiprocess_mode="mostrecent",
        )
        self._age = Gauge(
            "tallystick_delivery_lag_seconds",
            "How long the oldest of them has been waiting",
            ("reader",),
            registry=registry,
            multiprocess_mode="mostrecent",
        )
        self._letters = Gauge(
            "tallystick_dead_letters",
            "Facts that a consumer could not deliver, and those held back behind them",
            ("consumer", "status"),
            registry=registry,
            multiprocess_mode="mostrecent",
        )
        self._deliveries = Counter(
            "tallystick_deliveries_total",
            "Facts delivered to consumers, by what became of them",
            ("consumer", "outcome"),
            registry=registry,
        )
        self._relayed = Counter(
            "tallystick_relayed_facts_total",
            "Facts that the bus acknowledged",
            ("topic",),
            registry=registry,
        )

        self._strangers = Counter(
            "tallystick_strange_messages_total",
            "Messages on our topics that name no fact of the log",
            registry=registry,
        )

    def show_lag(self, reader: str, facts: int, age_s: float) -> None:
        """How far a reader is behind."""
        self._lag.labels(reader).set(facts)
        self._age.labels(reader).set(age_s)

    def show_letters(self, consumers: Sequence[str], counts: Mapping[tuple[str, str], int]) -> None:
        """How many letters are open, by consumer and status."""
        for consumer in consumers:
            for status in STATUSES:
                self._letters.labels(consumer, status).set(counts.get((consumer, status), 0))

    def count(self, consumer: str, failures: Sequence[Exception | None]) -> None:
        """Facts that were tried."""
        failed = sum(failure is not None for failure in failures)
        self._deliveries.labels(consumer, "failed").inc(failed)
        self._deliveries.labels(consumer, "delivered").inc(len(failures) - failed)

    def count_strangers(self, number: int) -> None:
        """Messages that were passed over."""
        self._strangers.inc(number)

    def count_relayed(self, by_topic: Mapping[str, int]) -> None:
        """Facts that Kafka has."""
        for topic, count in by_topic.items():
            self._relayed.labels(topic).inc(count)


@cache
def delivery_metrics(registry: CollectorRegistry = REGISTRY) -> DeliveryMetrics:
    """The metrics in this registry, made once: it refuses a name that it knows already."""
    return DeliveryMetrics(registry)
