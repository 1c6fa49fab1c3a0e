"""A platform that starts makes Kafka's topics, now or as soon as the brokers let it."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from tallystick.cli.running import topics
from tallystick.cli.running.topics import topics_made
from tallystick.delivery import Topics, ensure_topics
from tallystick.platform.postgres.postmaster import free_port
from tallystick.platform.settings import Settings, load_settings
from tests.cli.terminals import Place, started
from tests.delivery.conftest import broker
from tests.servers.kafka_keeper import Broker

__all__ = ["broker"]  # a fixture
PATIENCE_S = 30.0


def house_on(brokers: str) -> Settings:
    """A house with names of its own there."""
    prefix = f"t{uuid.uuid4().hex[:12]}."
    return load_settings(
        env_file=None, kafka_enabled=True, kafka_brokers=brokers, kafka_topic_prefix=prefix
    )


@asynccontextmanager
async def door_to(broker: Broker, port: int) -> AsyncIterator[None]:
    """Another port of the broker's."""

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while some := await reader.read(65_536):
                writer.write(some)
        writer.close()

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, out = await asyncio.open_connection(*broker.address.split(":"))
        await asyncio.gather(copy(reader, out), copy(there, writer))

    async with await asyncio.start_server(meet, "127.0.0.1", port):
        yield


@pytest.mark.anyio
async def test_the_topics_are_made_once_the_brokers_answer(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topics, "PATIENCE_S", 0.3)
    monkeypatch.setattr(topics, "PAUSES_S", (0.1,))
    port = free_port()
    settings, told = house_on(f"127.0.0.1:{port}"), asyncio.Queue[str]()

    with topics_made(settings, told.put_nowait):
        async with asyncio.timeout(PATIENCE_S):
            trouble = await told.get()
            monkeypatch.setattr(topics, "PATIENCE_S", PATIENCE_S)  # one answer, however late
            async with door_to(broker, port):
                made = await told.get()
                assert await ensure_topics(settings) == []

    assert trouble.startswith("Kafka's topics cannot be made yet, trying on: KafkaError")
    assert made == f"made 8 topics on Kafka: {', '.join(Topics.configured(settings).all)}"


@pytest.mark.anyio
async def test_nothing_is_said_of_topics_that_are_there(broker: Broker) -> None:
    settings, told = house_on(broker.address), list[str]()
    await ensure_topics(settings)

    with topics_made(settings, told.append):
        (making,) = [task for task in asyncio.all_tasks() if task.get_name() == "topics"]
        await asyncio.wait_for(making, PATIENCE_S)

    assert told == []


@pytest.mark.slow
def test_up_makes_them_and_says_so(at: Place, broker: Broker) -> None:
    settings = house_on(broker.address)
    variables = {
        "KAFKA_ENABLED": "true",
        "KAFKA_BROKERS": broker.address,
        "KAFKA_TOPIC_PREFIX": settings.kafka_topic_prefix or "",
    }
    with started(at, "up", "--no-traffic", **variables) as running:
        running.wait_for("made 8 topics on Kafka", "books balance")

    assert asyncio.run(ensure_topics(settings)) == []
