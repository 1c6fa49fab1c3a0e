"""Kafka is killed while facts go on being recorded, and comes back: none is lost, order is kept."""

import asyncio
from collections import defaultdict
from pathlib import Path
from uuid import UUID

import pytest

from tallystick.app import open_app
from tallystick.delivery import ensure_topics
from tallystick.delivery.kafka import BusDown
from tallystick.delivery.messages import named_fact
from tallystick.platform.clock import HandClock
from tallystick.platform.postgres.address import Address
from tallystick.platform.settings import Settings
from tests.delivery.listener import everything_on
from tests.delivery.senders import Senders
from tests.servers.kafka_keeper import BrokerProcess
from tests.servers.kafka_server import jars

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
KILLS = 3
TOLD = ("payment.events", "payment-events", "ledger.events")


async def test_kafka_is_killed_under_load_and_comes_back(
    settings: Settings, address: Address, owner_address: Address, clock: HandClock, tmp_path: Path
) -> None:
    broker = await asyncio.to_thread(BrokerProcess.prepared, tmp_path / "kafka", jars())
    await asyncio.to_thread(broker.start)
    chosen = settings.model_copy(
        update={"kafka_enabled": True, "kafka_brokers": broker.address, "kafka_timeout": 2_000}
    )
    await ensure_topics(chosen)
    stop = asyncio.Event()
    try:
        async with open_app(chosen, address=address, clock=clock) as house:
            relay = house.delivery.relay
            assert relay is not None
            relay.reader.batch = 50

            async def keep_relaying() -> None:
                more = 1
                while more or not stop.is_set():
                    try:
                        more = await relay.run_once()
                    except BusDown:
                        more = 1
                    await asyncio.sleep(0.02)

            relaying = asyncio.create_task(keep_relaying())
            senders = Senders(house, owner_address)
            for _ in range(KILLS):
                for _ in range(10):
                    await senders.report(30)  # nobody waits for Kafka
                broker.kill()
                await senders.report(100)
                await asyncio.to_thread(broker.start)
            stop.set()
            await relaying
            rows = await house.database.fetch("SELECT aggregate_id, version FROM journal_facts")

        told = [named_fact(message.headers()) for message in everything_on(chosen, *TOLD)]
    finally:
        broker.end()
    assert set(told) == {(row[0], row[1]) for row in rows}
    first_seen: dict[UUID, list[int]] = defaultdict(list)
    for name in told:
        assert name is not None
        if name[1] not in first_seen[name[0]]:
            first_seen[name[0]].append(name[1])
    assert all(versions == sorted(versions) for versions in first_seen.values())
