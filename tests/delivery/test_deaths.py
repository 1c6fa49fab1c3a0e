"""`kill -9` of relay and consumer at every named point: nothing is lost, every effect is once."""

from collections import Counter
from pathlib import Path
from random import Random

import pytest

from tallystick.app import App
from tallystick.delivery.messages import named_fact
from tallystick.platform.postgres.address import Address
from tallystick.platform.settings import Settings
from tests.delivery.delivery_process import run_worker, write_plan
from tests.delivery.listener import everything_on
from tests.delivery.senders import Senders
from tests.servers.served import require_proven

pytestmark = pytest.mark.anyio

CONSUMER_POINTS = (
    *("consumer.before_effect", "consumer.after_effect"),
    *("consumer.before_position", "consumer.after_position"),
    *("journal.after_lock", "journal.before_commit", "journal.after_commit"),
)
RELAY_POINTS = ("relay.before_send", "relay.after_ack", "relay.after_position")
TOLD = ("payment.events", "payment-events", "ledger.events")
SEEDS = 20


@pytest.fixture
def plan(settings: Settings, address: Address, tmp_path: Path, app: App) -> Path:
    """A worker that consumes."""
    del app  # the tables are there
    return write_plan(tmp_path / "plan.json", settings, address)


@pytest.fixture
def relay_plan(bus_settings: Settings, address: Address, tmp_path: Path, app: App) -> Path:
    """A worker that relays."""
    del app
    return write_plan(tmp_path / "relay.json", bus_settings, address)


async def lease_runs_out(senders: Senders) -> None:
    async with senders.as_owner() as owner:
        await owner.execute("UPDATE delivery_leases SET until = 'epoch'")


async def relay_with_deaths(
    senders: Senders, plan: Path, settings: Settings, points: list[str]
) -> None:
    await senders.report(100)
    for point in points:
        assert await run_worker(plan, point, what="relay") == -9, point
        await lease_runs_out(senders)
    assert await run_worker(plan, what="relay") == 0
    told = Counter(named_fact(message.headers()) for message in everything_on(settings, *TOLD))
    rows = await senders.app.database.fetch("SELECT aggregate_id, version FROM journal_facts")
    assert set(told) == {(row[0], row[1]) for row in rows}


async def test_a_consumer_dies_again_and_again(senders: Senders, plan: Path) -> None:
    payments = await senders.report(100)
    for point in ("journal.before_commit:1", "consumer.before_position:1"):
        assert await run_worker(plan, point) == -9, point
        await lease_runs_out(senders)

    await senders.app.delivery.drain("ledger")

    assert await senders.postings() == dict.fromkeys(payments, 1)
    await require_proven(senders.app)


async def test_a_relay_dies_again_and_again(
    senders: Senders, relay_plan: Path, bus_settings: Settings
) -> None:
    points = ["relay.after_ack:2"]
    await relay_with_deaths(senders, relay_plan, bus_settings, points)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(SEEDS))
async def test_a_consumer_dies_at_every_point(senders: Senders, plan: Path, seed: int) -> None:
    points = [f"{point}:1" for point in CONSUMER_POINTS]
    Random(seed).shuffle(points)
    for point in points:
        await senders.report(100)
        assert await run_worker(plan, point, batch=20 + seed) == -9, point
        await lease_runs_out(senders)
    assert await run_worker(plan) == 0
    assert set((await senders.postings()).values()) == {1}
    facts = "SELECT count(*) FROM journal_facts WHERE kind = 'payment.recorded'"
    assert len(await senders.postings()) == await senders.app.database.fetchval(facts)
    await require_proven(senders.app)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(SEEDS))
async def test_a_relay_dies_at_every_point(
    senders: Senders, relay_plan: Path, bus_settings: Settings, seed: int
) -> None:
    points = [f"{point}:1" for point in RELAY_POINTS]
    Random(seed).shuffle(points)
    await relay_with_deaths(senders, relay_plan, bus_settings, points)


@pytest.mark.slow
async def test_a_consumer_on_kafka_dies_at_every_point(
    senders: Senders, relay_plan: Path, bus_settings: Settings
) -> None:
    del bus_settings
    payments = []
    for point in (
        "consumer.before_effect:1",
        "consumer.after_effect:1",
        "consumer.before_commit:1",
    ):
        payments += await senders.report(60)
        assert await run_worker(relay_plan, what="relay") == 0
        assert await run_worker(relay_plan, point, what="bus") == -9, point
        await lease_runs_out(senders)
    payments += await senders.report(1)  # something is left for the last life
    assert await run_worker(relay_plan, what="relay") == 0
    assert await run_worker(relay_plan, what="bus") == 0
    assert await senders.postings() == dict.fromkeys(payments, 1)
    await require_proven(senders.app)
