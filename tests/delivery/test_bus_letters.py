"""Poison on Kafka: its partition moves on without it, and when it dies its topic is told."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from tallystick.app import App, open_app
from tallystick.delivery import BusDown, Consumer
from tallystick.delivery.bus_consumption import BusConsumption
from tallystick.delivery.deliveries import Deliveries
from tallystick.delivery.kafka import Bus, Subscription
from tallystick.delivery.messages import Message, named_fact
from tallystick.delivery.model import RETRIES_S
from tallystick.delivery.notebook import Notebook
from tallystick.platform.clock import HandClock
from tallystick.platform.postgres.address import Address
from tallystick.platform.settings import Settings
from tests.delivery.listener import everything_on
from tests.delivery.senders import Senders
from tests.delivery.watchers import Watcher, consumption, drain

pytestmark = pytest.mark.anyio
RECORDED = "payment.events"


@asynccontextmanager
async def member(
    house: App, consumer: Consumer, settings: Settings
) -> AsyncIterator[BusConsumption]:
    """A consumer at work on Kafka, as a process of its own would be."""
    prefix = settings.kafka_topic_prefix or ""
    subscription = Subscription(settings, prefix + consumer.name, [prefix + RECORDED])
    notebook = Notebook(house.database)
    deliveries = Deliveries(consumer, house.journal, house.database, house.clock)
    yield BusConsumption(deliveries, notebook, subscription)
    await subscription.close()
    await notebook.close()


async def test_a_partition_moves_on_without_its_poison(
    bus_settings: Settings, address: Address, owner_address: Address, clock: HandClock, app: App
) -> None:
    watcher = Watcher(frozenset({"payment.recorded"}))
    async with open_app(bus_settings, address=address, clock=clock) as house:
        payments = await Senders(house, owner_address).report(30)  # three partitions, ten each
        ill, *well = [(payment, 1) for payment in payments]
        watcher.poison = {ill}
        relay = house.delivery.relay
        assert relay is not None
        while await relay.run_once():
            pass
        async with member(house, watcher.consumer, bus_settings) as reading:
            for _ in range(100):
                await reading.run_once()
                if len(watcher.seen) == len(well):
                    break
        async with member(house, watcher.consumer, bus_settings) as again:
            rounds = sum([await again.run_once() for _ in range(20)])

        letters = await house.delivery.letters.list_letters("watcher")
    assert sorted(watcher.seen) == sorted(well)
    assert [(letter.aggregate_id, letter.status) for letter in letters] == [(ill[0], "retrying")]
    assert rounds == 0  # all of it is committed, the poison too


async def test_a_dead_letter_is_told_on_its_topic(
    bus_settings: Settings, address: Address, owner_address: Address, clock: HandClock, app: App
) -> None:
    watcher = Watcher(frozenset({"payment.recorded"}))
    async with open_app(bus_settings, address=address, clock=clock) as house:
        (payment,) = await Senders(house, owner_address).report()
        watcher.poison = {(payment, 1)}
        bury = house.delivery.events.bury
        async with consumption(house, watcher.consumer, bury=bury) as reading:
            await drain(reading)
            for pause_s in RETRIES_S:
                assert everything_on(bus_settings, f"{RECORDED}.dead-letter") == []
                clock.advance(timedelta(seconds=pause_s))
                await drain(reading)
        (letter,) = await house.delivery.letters.list_letters("watcher")

    (message,) = everything_on(bus_settings, f"{RECORDED}.dead-letter")
    headers = dict(message.headers() or [])
    assert named_fact(message.headers()) == (payment, 1)
    assert (letter.status, headers["consumer"], headers["reason"], headers["letter"]) == (
        "dead",
        b"watcher",
        b"ValueError",
        str(letter.id).encode(),
    )


async def test_a_bus_that_failed_is_not_waited_for_again_at_once(settings: Settings) -> None:
    nobody = settings.model_copy(
        update={"kafka_enabled": True, "kafka_brokers": "127.0.0.1:9", "kafka_timeout": 300}
    )
    bus = Bus(nobody)
    before = bus.is_failing
    message = Message("nobody", "key", b"{}", [])
    with pytest.raises(BusDown):
        await bus.send([message], _nothing)
    await bus.close()

    assert (before, bus.is_failing) == (False, True)


async def _nothing() -> None:
    """Nobody waits."""
