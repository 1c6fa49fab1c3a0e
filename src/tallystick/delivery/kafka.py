"""Kafka itself: a producer that keeps order and doubles nothing, a consumer, and the topics.

librdkafka works in threads of its own; whatever waits for it waits in one of ours, never in the
event loop.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from typing import Any, Final

from confluent_kafka import Consumer as KafkaConsumer
from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka import Message as KafkaMessage
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tallystick.delivery.messages import Message
from tallystick.delivery.model import DeliveryError
from tallystick.delivery.topics import PARTITIONS, Topics
from tallystick.platform.settings import Settings
from tallystick.platform.telemetry import get_logger

FLUSH_S: Final = 1.0
FAILING_S: Final = 60.0
LINGER_MS: Final = 5
MESSAGES_A_BATCH: Final = 10_000
ADMIN_S: Final = 30.0
_NAME: Final = "group.instance.id"
_FENCED: Final = {KafkaError.FENCED_INSTANCE_ID, KafkaError._FATAL}  # noqa: SLF001 - its own name
_log = get_logger("tallystick.kafka")


class BusDown(DeliveryError):
    """Kafka did not take all of it, or does not answer: the same is to be sent again."""

    code = "bus_down"


class NoBrokers(DeliveryError):
    """KAFKA_ENABLED is on, but KAFKA_BROKERS names nobody."""

    code = "no_brokers"


class Bus:
    """The producer, made anew after every failure so that nothing overtakes what failed."""

    def __init__(self, settings: Settings) -> None:
        self._terms = _producing(settings)
        self._producer: Producer | None = None
        self._failed_at_s: float | None = None

    @property
    def is_failing(self) -> bool:
        """Whether a send failed within the last minute and none has succeeded since: whoever is
        not the relay need not wait for the next one to fail.
        """
        failed_at_s = self._failed_at_s
        return failed_at_s is not None and time.monotonic() - failed_at_s < FAILING_S

    async def send(
        self, messages: Sequence[Message], meanwhile: Callable[[], Awaitable[object]]
    ) -> Counter[str]:
        """Send in order and wait until all brokers have all; how many on each topic.

        `meanwhile` is called every second of waiting. Raises BusDown.
        """
        producer = self._producer = self._producer or Producer(self._terms)
        outcome = _Outcome(len(messages))
        try:
            for message in messages:
                producer.produce(
                    message.topic,
                    value=message.value,
                    key=message.key,
                    headers=message.headers,
                    on_delivery=outcome.note,
                )
            while await asyncio.to_thread(producer.flush, FLUSH_S):
                outcome.require_none_failed()
                await meanwhile()
            outcome.require_all()
        except (BufferError, KafkaException, BusDown) as error:
            self._failed_at_s = time.monotonic()
            await self._drop(producer)
            raise BusDown(str(error)) from error
        self._failed_at_s = None
        return Counter(message.topic for message in messages)

    async def _drop(self, producer: Producer) -> None:
        self._producer = None
        producer.purge()
        await asyncio.to_thread(producer.flush, FLUSH_S)

    async def close(self) -> None:
        """Nothing is under way any more."""
        if self._producer is not None:
            await self._drop(self._producer)


class _Outcome:
    """What the broker said of a send; called from librdkafka's callbacks."""

    def __init__(self, expected: int) -> None:
        self._expected = expected
        self._delivered = 0
        self._failed: KafkaError | None = None

    def note(self, error: KafkaError | None, _message: KafkaMessage) -> None:
        if error is None:
            self._delivered += 1
        elif self._failed is None:
            self._failed = error

    def require_none_failed(self) -> None:
        """Raises BusDown."""
        if self._failed is not None:
            raise BusDown(str(self._failed))

    def require_all(self) -> None:
        """Raises BusDown."""
        self.require_none_failed()
        if self._delivered != self._expected:
            raise BusDown(f"{self._expected - self._delivered} messages without an answer")


class Subscription:
    """A member of a consumer group, from its first read on. What was read is committed by hand,
    after its effects.

    A member with a name is given its partitions back at once when it dies and comes again. One
    that a namesake takes them from goes on without a name.
    """

    def __init__(self, settings: Settings, group: str, topics: Sequence[str]) -> None:
        self._terms, self._topics = _consuming(settings, group), list(topics)
        self._consumer: KafkaConsumer | None = None

    async def read(self, limit: int, wait_s: float) -> list[KafkaMessage]:
        """The next messages, at most `limit`, after at most `wait_s`. Raises BusDown."""
        try:
            consumer = self._joined()
            messages = await asyncio.to_thread(consumer.consume, limit, wait_s)
        except KafkaException as error:
            raise BusDown(str(error)) from error
        if any(_is_fenced(message.error()) for message in messages):
            await self._go_on_unnamed()
            return []
        return [message for message in messages if _is_good(message)]

    async def commit(self, messages: Sequence[KafkaMessage]) -> None:
        """Note that these are done. Raises BusDown: then they come again."""
        last = {(m.topic(), m.partition()): m for m in messages}
        try:
            for message in last.values():
                await asyncio.to_thread(self._joined().commit, message=message, asynchronous=False)
        except KafkaException as error:
            if _is_fenced(error.args[0]):
                await self._go_on_unnamed()
            raise BusDown(str(error)) from error

    async def close(self) -> None:
        """Leave the group; with a name the partitions are kept for it until the time-out."""
        if self._consumer is not None:
            await asyncio.to_thread(self._consumer.close)

    async def _go_on_unnamed(self) -> None:
        """Rather than take the place back, and have it taken again."""
        _log.warning("instance_id_taken", instance_id=self._terms.pop(_NAME, None))
        await self.close()
        self._consumer = None

    def _joined(self) -> KafkaConsumer:
        if self._consumer is None:
            self._consumer = KafkaConsumer(self._terms)
            self._consumer.subscribe(self._topics)
        return self._consumer


def _is_fenced(error: KafkaError | None) -> bool:
    return error is not None and error.code() in _FENCED


def _is_good(message: KafkaMessage) -> bool:
    error = message.error()
    if error is not None:
        _log.warning("message_with_error", reason=str(error))
    return error is None


async def ensure_topics(settings: Settings, *, patience_s: float = ADMIN_S) -> list[str]:
    """Make the house's topics, if they are not there; which were not. Raises as `make_topics`."""
    topics = Topics.configured(settings)
    return await make_topics(settings, topics.all, PARTITIONS, patience_s=patience_s)


async def make_topics(
    settings: Settings, names: Sequence[str], partitions: int, *, patience_s: float = ADMIN_S
) -> list[str]:
    """Make the topics that are not there; which those were. Raises BusDown, NoBrokers.

    The brokers are given `patience_s` for each of two answers; cancelling waits for them too.
    """
    wanted = [NewTopic(name, partitions, -1) for name in names]
    return await asyncio.to_thread(_make_topics, _reaching(settings), wanted, patience_s)


def _make_topics(terms: dict[str, Any], wanted: list[NewTopic], patience_s: float) -> list[str]:
    # Kept until its futures are done: they die with it.
    admin = AdminClient(terms)
    try:
        there = admin.list_topics(timeout=patience_s).topics
        missing = [topic for topic in wanted if topic.topic not in there]
        made = admin.create_topics(missing, request_timeout=patience_s) if missing else {}
        return [name for name, future in made.items() if _is_made(future)]
    except KafkaException as error:
        raise BusDown(str(error)) from error


def _is_made(topic: Future[None]) -> bool:
    """False when somebody else was faster. Raises KafkaException."""
    try:
        topic.result()
    except KafkaException as error:
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise
        return False
    return True


def _reaching(settings: Settings) -> dict[str, Any]:
    if not settings.kafka_brokers:
        raise NoBrokers("KAFKA_ENABLED is on: set KAFKA_BROKERS")
    return {
        "bootstrap.servers": settings.kafka_brokers,
        "client.id": settings.kafka_client_id,
        "log_level": 2,  # what matters comes as errors of calls
        "reconnect.backoff.max.ms": 1_000,
    }


def _producing(settings: Settings) -> dict[str, Any]:
    whole = settings.kafka_acks == -1
    return _reaching(settings) | {
        "acks": settings.kafka_acks,
        # Idempotence keeps a retry from doubling; without a gap a later message never overtakes
        # one that failed.
        "enable.idempotence": whole,
        "enable.gapless.guarantee": whole,
        "compression.type": settings.kafka_compression,
        "message.send.max.retries": settings.kafka_retries,
        "message.timeout.ms": settings.kafka_timeout,
        "batch.num.messages": max(settings.kafka_batch_size, MESSAGES_A_BATCH),
        "linger.ms": LINGER_MS,
        "partitioner": "murmur2_random",  # as Java's clients place a key
    }


def _consuming(settings: Settings, group: str) -> dict[str, Any]:
    named = {_NAME: settings.kafka_instance_id} if settings.kafka_instance_id else {}
    return (
        _reaching(settings)
        | named
        | {
            "group.id": group,
            "session.timeout.ms": settings.kafka_session_timeout_ms,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
        }
    )
