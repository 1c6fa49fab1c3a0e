"""Reads topics as a stranger would, with nothing but the messages."""

import time
from collections.abc import Sequence

from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition

from tallystick.platform.settings import Settings

_PATIENCE_S = 20.0


def everything_on(settings: Settings, *topics: str) -> list[Message]:
    """All messages that are on these topics now, each partition's in its order."""
    consumer = Consumer(
        {"bootstrap.servers": settings.kafka_brokers or "", "group.id": "nobody", "log_level": 0}
    )
    try:
        parts = _partitions(
            consumer, [(settings.kafka_topic_prefix or "") + topic for topic in topics]
        )
        consumer.assign([TopicPartition(*part, OFFSET_BEGINNING) for part in parts])
        expected = sum(_length(consumer, part) for part in parts)
        found: list[Message] = []
        deadline = time.monotonic() + _PATIENCE_S
        while len(found) < expected and time.monotonic() < deadline:
            found += [m for m in consumer.consume(10_000, 0.1) if m.error() is None]
        return found
    finally:
        consumer.close()


def _partitions(consumer: Consumer, topics: Sequence[str]) -> list[tuple[str, int]]:
    known = consumer.list_topics(timeout=10).topics
    return [(topic, number) for topic in topics for number in known[topic].partitions]


def _length(consumer: Consumer, part: tuple[str, int]) -> int:
    low, high = consumer.get_watermark_offsets(TopicPartition(*part), timeout=10)
    return int(high - low)
