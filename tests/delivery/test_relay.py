"""The relay brings every fact to Kafka, in the order of its aggregate; our consumers read there."""

import asyncio
import json
from collections import defaultdict
from decimal import Decimal
from uuid import UUID

import pytest
from confluent_kafka import Message

from tallystick.app import App, open_app
from tallystick.books import PLATFORM, account_id
from tallystick.delivery.delivery import RELAY_FINISH_S
from tallystick.delivery.kafka import FLUSH_S, BusDown, make_topics
from tallystick.delivery.messages import named_fact
from tallystick.journal import Change
from tallystick.ledger import Freeze
from tallystick.platform.clock import HandClock
from tallystick.platform.ids import new_id
from tallystick.platform.postgres.address import Address
from tallystick.platform.settings import Settings
from tallystick.platform.timetable import keep_timetable
from tests.delivery.listener import everything_on
from tests.delivery.senders import Senders
from tests.servers.served import require_proven

LOST_AFTER_MS = 6_000  # the least a broker allows
pytestmark = pytest.mark.anyio
RECORDED = "payment.events"


async def relay_all(app: App) -> None:
    assert app.delivery.relay is not None
    while await app.delivery.relay.run_once():
        pass


def headers_of(message: Message) -> dict[str, str]:
    told = dict(message.headers() or [])
    return {name: value.decode() for name, value in told.items() if isinstance(value, bytes)}


async def test_a_recorded_payment_is_document_000s_event(
    bus_settings: Settings, address: Address, owner_address: Address, clock: HandClock, app: App
) -> None:
    async with open_app(bus_settings, address=address, clock=clock) as house:
        change = Senders(house, owner_address).change(amount=Decimal("1000.50"))
        await house.journal.record(change)
        await relay_all(house)

    (message,) = everything_on(bus_settings, RECORDED)
    event = json.loads(message.value() or b"", parse_float=Decimal)
    reference = event["payment"]["reference_number"]
    assert (message.key() or b"").decode() == reference
    metadata = event["payment"].pop("metadata")
    assert metadata["transaction_id"] == "TXN-001"
    assert event == {
        "event_id": headers_of(message)["ce_id"],
        "event_type": "payment.recorded",
        "timestamp": "2026-03-02T09:30:00.000Z",
        "payment": {
            "id": str(change.id),
            "reference_number": reference,
            "loan_account_number": "LA123456789",
            "cif": "CIF123456",
            "amount": Decimal("1000.50"),
            "payment_date": "2026-03-01T10:30:00.000Z",
            "payment_channel": "online_banking",
            "source": "webhook",
        },
    }
    assert {
        name: value
        for name, value in headers_of(message).items()
        if name in ("event-type", "source-service", "ce_specversion", "ce_type", "ce_sequence")
    } == {
        "event-type": "payment.recorded",
        "source-service": "payment-service",
        "ce_specversion": "1.0",
        "ce_type": "payment.recorded",
        "ce_sequence": "1",
    }


async def test_every_fact_arrives_and_an_aggregates_in_their_order(
    bus_settings: Settings, address: Address, owner_address: Address, clock: HandClock, app: App
) -> None:
    frozen = [account_id(PLATFORM, f"{code}:USD") for code in ("loans:receivable", "platform:fees")]
    async with open_app(bus_settings, address=address, clock=clock) as house:
        await Senders(house, owner_address).report(300)
        for number in range(20):
            order = Freeze(frozen[number % 2], "outflow" if number % 4 < 2 else "no")
            change = Change(new_id(clock.now(), 0), accounts=(order,))
            await house.journal.record(change)
        await relay_all(house)

    messages = everything_on(bus_settings, RECORDED, "payment-events", "ledger.events")
    told = [name for message in messages if (name := named_fact(message.headers()))]
    logged = await app.database.fetch("SELECT aggregate_id, version FROM journal_facts")
    assert sorted(told) == sorted((row[0], row[1]) for row in logged)
    versions: dict[UUID, list[int]] = defaultdict(list)
    for aggregate_id, version in told:
        versions[aggregate_id].append(version)
    assert all(found == sorted(found) for found in versions.values())


async def test_topics_that_two_make_at_once_are_made_once(bus_settings: Settings) -> None:
    prefix = bus_settings.kafka_topic_prefix
    names = [f"{prefix}made-{number}" for number in range(4)]

    made = await asyncio.gather(*(make_topics(bus_settings, names, 1) for _ in range(3)))

    assert sorted(name for some in made for name in some) == names
    assert await make_topics(bus_settings, names, 1) == []


async def test_a_relay_goes_on_where_the_last_one_stood(
    bus_settings: Settings, address: Address, owner_address: Address, clock: HandClock, app: App
) -> None:
    for _ in range(2):
        async with open_app(bus_settings, address=address, clock=clock) as house:
            await Senders(house, owner_address).report(10)
            await relay_all(house)

    assert len(everything_on(bus_settings, RECORDED)) == 20


async def test_while_kafka_is_down_nothing_is_lost_and_nothing_waits(
    settings: Settings, address: Address, owner_address: Address, clock: HandClock, app: App
) -> None:
    nobody = settings.model_copy(
        update={"kafka_enabled": True, "kafka_brokers": "127.0.0.1:9", "kafka_timeout": 300}
    )
    async with open_app(nobody, address=address, clock=clock) as house:
        senders = Senders(house, owner_address)
        payments = await senders.report(5)
        with pytest.raises(BusDown):
            await relay_all(house)
        await house.delivery.show_lag()

    noted = await app.database.fetch("SELECT 1 FROM delivery_positions WHERE reader = 'relay'")
    assert noted == []
    assert len(payments) == 5


async def test_a_worker_that_ends_waits_for_no_broker_that_is_away(
    settings: Settings, address: Address, owner_address: Address, clock: HandClock, app: App
) -> None:
    nobody = settings.model_copy(
        update={"kafka_enabled": True, "kafka_brokers": "127.0.0.1:9", "kafka_timeout": 60_000}
    )
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    async with open_app(nobody, address=address, clock=clock) as house:
        await Senders(house, owner_address).report(5)
        assert house.delivery.relay is not None
        bus = house.delivery.relay.bus
        working = asyncio.create_task(keep_timetable(house.delivery.jobs, stop))
        for _ in range(1_000):
            if bus._producer is not None:
                break
            await asyncio.sleep(0.01)
        assert bus._producer is not None, "nothing was ever sent"
        stop.set()
        asked_at_s = loop.time()
        await working
    assert loop.time() - asked_at_s < 2 * RELAY_FINISH_S + FLUSH_S


async def test_the_ledger_consumer_reads_kafka_and_posts_each_payment_once(
    bus_settings: Settings, address: Address, owner_address: Address, clock: HandClock, app: App
) -> None:
    async with open_app(bus_settings, address=address, clock=clock) as house:
        senders = Senders(house, owner_address)
        payments = await senders.report(400)
        await relay_all(house)
        async with senders.as_owner() as owner:  # everything is sent twice
            await owner.execute("DELETE FROM delivery_positions")
        await relay_all(house)
        (ledger,) = [
            one
            for one in house.delivery.bus_consumptions
            if one.deliveries.consumer.name == "ledger"
        ]
        for _ in range(100):
            await ledger.run_once()
            if len(await senders.postings()) == len(payments):
                break
        await ledger.run_once()

        assert await senders.postings() == dict.fromkeys(payments, 1)
        assert len(everything_on(bus_settings, RECORDED)) == 800
        await require_proven(house)


@pytest.mark.slow
async def test_a_member_that_lost_its_partitions_meanwhile_joins_again(
    bus_settings: Settings, address: Address, owner_address: Address, clock: HandClock, app: App
) -> None:
    async with open_app(bus_settings, address=address, clock=clock) as house:
        (ledger,) = [
            one
            for one in house.delivery.bus_consumptions
            if one.deliveries.consumer.name == "ledger"
        ]
        # Whoever does not read for so long has left the group, say while the database is away.
        ledger.subscription._terms |= {
            "max.poll.interval.ms": LOST_AFTER_MS,
            "session.timeout.ms": LOST_AFTER_MS,
        }
        senders = Senders(house, owner_address)
        payments = await senders.report(3)
        await relay_all(house)
        held = await ledger.subscription.read(10, 10.0)
        assert held
        ledger._unfinished = held
        await asyncio.sleep(LOST_AFTER_MS / 1_000 + 2)  # the broker's clock, and its next look

        with pytest.raises(BusDown):
            await ledger.run_once()
        payments += await senders.report(3)
        await relay_all(house)
        async with asyncio.timeout(30):
            while len(await senders.postings()) < len(payments):
                await ledger.run_once()

        assert await senders.postings() == dict.fromkeys(payments, 1)


async def test_a_message_that_names_no_fact_moves_nothing(
    bus_settings: Settings, address: Address, clock: HandClock, app: App
) -> None:
    from confluent_kafka import Producer

    forger = Producer({"bootstrap.servers": bus_settings.kafka_brokers or ""})
    forged = json.dumps({"event_type": "payment.recorded", "payment": {"amount": 1_000_000}})
    forger.produce(f"{bus_settings.kafka_topic_prefix}{RECORDED}", value=forged, key="R-0")
    forger.flush(10)
    async with open_app(bus_settings, address=address, clock=clock) as house:
        (ledger,) = [
            one
            for one in house.delivery.bus_consumptions
            if one.deliveries.consumer.name == "ledger"
        ]
        for _ in range(50):
            if await ledger.run_once():
                break
        else:
            pytest.fail("the message did not come")

        moved = await house.database.fetchval("SELECT count(*) FROM ledger_transfers")
    assert moved == 0
