"""P10: the relay to a real Kafka broker on this machine: how many facts a second, and how long
after its commit a fact is in a consumer's hands at 2,000 a second.
"""

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from statistics import quantiles
from typing import Final
from uuid import UUID

from confluent_kafka import Consumer
from msgspec import Raw, Struct

from bench.plan import Length
from bench.results import Result, unpaired
from bench.stage import House, Stage, opened_house
from tallystick.delivery import Topics, ensure_topics
from tallystick.delivery.messages import named_fact
from tallystick.intake.model import PAYMENT_RECORDED, PaymentRecorded
from tallystick.journal import Change, Fact
from tallystick.platform.ids import new_id
from tests.servers.kafka_keeper import BrokerProcess
from tests.servers.kafka_server import jars

LEAVE_S: Final = 20.0
TICK_S: Final = 0.01
_METADATA: Final = Raw(b'{"transaction_id":"TXN-001","bank_code":"VCB","branch":"central"}')


class Size(Struct, frozen=True):
    """How many facts are relayed at once, and how long how many a second are followed."""

    accounts: int
    facts: int
    rate: int
    seconds: float


SIZES: Final[dict[Length, Size]] = {
    "full": Size(200, facts=300_000, rate=2_000, seconds=20),
    "quick": Size(200, facts=60_000, rate=2_000, seconds=5),
    "tiny": Size(200, facts=300, rate=50, seconds=0.5),
}


async def measure(stage: Stage) -> list[Result]:
    """Relay what has piled up, then follow what comes."""
    size = SIZES[stage.plan.length]
    async with (
        _broker(stage.folder) as address,
        opened_house(
            stage, "P10", accounts=size.accounts, kafka_enabled=True, kafka_brokers=address
        ) as house,
    ):
        await ensure_topics(house.app.settings)
        # Whatever opened the accounts goes first and is not measured.
        await _relay_all(house)
        await _record(house, size.facts)
        began_s = time.perf_counter()
        await _relay_all(house)
        rate = size.facts / (time.perf_counter() - began_s)
        lags_ms = await _follow(house, size)
        audit = await house.audit()
    lost = int(size.rate * size.seconds) - len(lags_ms)
    ranks = quantiles(lags_ms, n=100) if len(lags_ms) > 1 else [0.0] * 99
    return [
        unpaired(
            "P10",
            audit.also([f"{lost} facts did not come"] if lost else []),
            figures={"rate": rate, "p50_ms": ranks[49], "p99_ms": ranks[98]},
            note=f"{size.facts} facts with a broker on the same cores, then {size.rate}/s "
            "from commit to a consumer",
            details={"facts": size.facts, "followed": len(lags_ms)},
        )
    ]


async def _relay_all(house: House) -> None:
    relay = house.app.delivery.relay
    assert relay is not None
    while await relay.run_once():
        pass


async def _record(house: House, number: int) -> None:
    for start in range(0, number, 2_000):
        changes = [_change(house, start + index) for index in range(min(2_000, number - start))]
        await asyncio.gather(*map(house.app.journal.record, changes))


def _change(house: House, number: int) -> Change:
    now = house.app.clock.now()
    payment_id = new_id(now, number % 4_096)
    fact = PaymentRecorded(
        reference_number=f"BENCH-{payment_id}",
        loan_account_number=f"LA{number % 1_000_000:08}",
        cif=f"CIF{number % 500_000:07}",
        amount_minor=100_000 + number,
        currency="USD",
        payment_date=now - timedelta(minutes=5),
        payment_channel="online_banking",
        source="webhook",
        metadata=_METADATA,
    )
    return Change(payment_id, (Fact(payment_id, 1, PAYMENT_RECORDED, fact),))


async def _follow(house: House, size: Size) -> list[float]:
    """Milliseconds from a fact's commit to its message, at so many a second."""
    committed: dict[UUID, float] = {}
    settings = house.app.settings
    topic = Topics.configured(settings).of(PAYMENT_RECORDED)
    listener = _Listener(settings.kafka_brokers or "", topic or "")
    stop = asyncio.Event()
    relaying = asyncio.create_task(_keep_relaying(house, stop))

    async def record(number: int) -> None:
        change = _change(house, number)
        await house.app.journal.record(change)
        committed[change.id] = time.perf_counter()

    total, began_s = int(size.rate * size.seconds), time.perf_counter()
    waiting: list[asyncio.Task[None]] = []
    while len(waiting) < total:
        due = min(total, int((time.perf_counter() - began_s) * size.rate))
        waiting += [asyncio.create_task(record(number)) for number in range(len(waiting), due)]
        await asyncio.sleep(TICK_S)
    await asyncio.gather(*waiting)
    deadline_s = time.perf_counter() + LEAVE_S
    while time.perf_counter() < deadline_s:
        await asyncio.sleep(TICK_S)
        if len(listener.seen) >= total:
            break
    stop.set()
    await relaying
    await asyncio.to_thread(listener.close)
    came = ((name, at_s) for name, at_s in listener.seen.items() if name in committed)
    return [max(0.0, at_s - committed[name]) * 1_000 for name, at_s in came]


async def _keep_relaying(house: House, stop: asyncio.Event) -> None:
    """As the worker's timetable does."""
    relay = house.app.delivery.relay
    (pause_s,) = [job.every_s for job in house.app.delivery.jobs if job.name == "relay"]
    assert relay is not None
    while not stop.is_set():
        if not await relay.run_once():
            await asyncio.sleep(pause_s)


class _Listener:
    """Reads a topic's new messages in a thread, and notes when each came."""

    def __init__(self, brokers: str, topic: str) -> None:
        terms = {"bootstrap.servers": brokers, "group.id": "bench", "auto.offset.reset": "latest"}
        self.seen: dict[UUID, float] = {}
        self._consumer = Consumer(terms)
        self._stop = threading.Event()
        ready = threading.Event()
        self._consumer.subscribe([topic], on_assign=lambda *_: ready.set())
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()
        if not ready.wait(LEAVE_S):
            raise RuntimeError("the group did not come together")
        time.sleep(0.5)  # it asks where each partition ends

    def _listen(self) -> None:
        while not self._stop.is_set():
            for message in self._consumer.consume(500, 0.05):
                if name := named_fact(message.headers()):
                    self.seen[name[0]] = time.perf_counter()

    def close(self) -> None:
        """Leave."""
        self._stop.set()
        self._thread.join()
        self._consumer.close()


@asynccontextmanager
async def _broker(folder: Path) -> AsyncIterator[str]:
    broker = await asyncio.to_thread(BrokerProcess.prepared, folder / "kafka", jars())
    try:
        await asyncio.to_thread(broker.start)
        yield broker.address
    finally:
        broker.end()
