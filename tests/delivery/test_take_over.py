"""Who reads on when a worker that reads Kafka dies, and how soon."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tallystick.app import App
from tallystick.delivery.kafka import Bus, BusDown, Subscription
from tallystick.delivery.messages import Message
from tallystick.platform.postgres.address import Address
from tallystick.platform.settings import Settings
from tests.delivery.delivery_process import run_worker, write_plan
from tests.delivery.senders import Senders

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
PATIENCE_S = 60.0
READ_S = 0.2
ROUNDS = 5


@pytest.fixture
def named_settings(bus_settings: Settings) -> Settings:
    """A house whose workers are called `worker-1`, and missed after a minute only."""
    return bus_settings.model_copy(
        update={"kafka_instance_id": "worker-1", "kafka_session_timeout_ms": 60_000}
    )


@dataclass(frozen=True)
class Readers:
    """Members of one group, each on a topic of three partitions."""

    bus: Bus
    topic: str
    members: tuple[Subscription, ...]

    async def who_reads(self) -> set[int]:
        """Tell every partition something; which members, by number, read some of it."""
        messages = [Message(self.topic, str(key), b"{}", []) for key in range(30)]
        await self.bus.send(messages, lambda: asyncio.sleep(0))
        found = set()
        for number, member in enumerate(self.members):
            with suppress(BusDown):  # a namesake came: what was read comes again
                if read := await member.read(100, READ_S):
                    await member.commit(read)
                    found.add(number)
        return found


@asynccontextmanager
async def readers(settings: Settings, number: int) -> AsyncIterator[Readers]:
    """So many members of one group."""
    prefix = settings.kafka_topic_prefix or ""
    topic, bus = f"{prefix}payment.events", Bus(settings)
    members = tuple(Subscription(settings, f"{prefix}readers", [topic]) for _ in range(number))
    yield Readers(bus, topic, members)
    for member in members:
        await member.close()
    await bus.close()


async def test_of_two_with_one_name_both_read_on(named_settings: Settings) -> None:
    in_a_row = 0  # they do not take the name from each other again and again
    async with readers(named_settings, 2) as group, asyncio.timeout(PATIENCE_S):
        while in_a_row < ROUNDS:
            in_a_row = in_a_row + 1 if await group.who_reads() == {0, 1} else 0


async def test_a_worker_with_a_name_that_is_killed_reads_on_when_it_is_back(
    named_settings: Settings, address: Address, owner_address: Address, tmp_path: Path, app: App
) -> None:
    senders = Senders(app, owner_address)
    plan = write_plan(tmp_path / "plan.json", named_settings, address)
    payments = await senders.report(20)
    assert await run_worker(plan, what="relay") == 0
    assert await run_worker(plan, "consumer.before_effect:1", what="bus") == -9

    began_s = time.monotonic()
    assert await run_worker(plan, what="bus") == 0

    assert time.monotonic() - began_s < named_settings.kafka_session_timeout_ms / 1_000
    assert await senders.postings() == dict.fromkeys(payments, 1)
