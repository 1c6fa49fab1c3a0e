"""The webhook in numbers, added up from the metrics of all processes of this server."""

from typing import Final

from tallystick.api.intake.recorded_views import DeduplicationView, LayerView, WebhookStats
from tallystick.intake import Source
from tallystick.platform.telemetry import Series, measured

_STATUSES: Final = ("success", "duplicate", "invalid", "unauthenticated", "rate_limited", "error")
_LAYERS: Final = ("memory", "redis", "database")
_SOURCE: Final = ("source", Source.WEBHOOK.value)


def webhook_stats(redis_state: str) -> WebhookStats:
    """Everything since the processes started."""
    reports = measured("payment_processing_total")
    counts = {status: _count(reports, _SOURCE, ("status", status)) for status in _STATUSES}
    durations = measured("payment_processing_duration_seconds_count")
    took_s = _sum_of(measured("payment_processing_duration_seconds_sum"))
    answered = _sum_of(durations)
    return WebhookStats(
        received=sum(counts.values()),
        created=counts["success"],
        duplicates=counts["duplicate"],
        invalid=counts["invalid"],
        unauthenticated=counts["unauthenticated"],
        rate_limited=counts["rate_limited"],
        errors=counts["error"],
        average_processing_time_ms=round(took_s / answered * 1000, 3) if answered else 0.0,
        by_channel={
            channel: int(count)
            for labels, count in durations.items()
            if _SOURCE in labels
            for _, channel in labels - {_SOURCE}
        },
        deduplication=_deduplication(redis_state),
    )


def _deduplication(redis_state: str) -> DeduplicationView:
    lookups = measured("duplicate_detection_lookups_total")
    layers = {layer: _layer(lookups, ("cache_layer", layer)) for layer in _LAYERS}
    return DeduplicationView(redis_state, **layers)


def _layer(lookups: Series, layer: tuple[str, str]) -> LayerView:
    hits = _count(lookups, layer, ("result", "hit"))
    asked = hits + _count(lookups, layer, ("result", "miss"))
    return LayerView(asked, hits, round(hits / asked, 4) if asked else 0.0)


def _count(series: Series, *labels: tuple[str, str]) -> int:
    return int(series.get(frozenset(labels), 0))


def _sum_of(series: Series) -> float:
    return sum(value for labels, value in series.items() if _SOURCE in labels)
