"""Delivery as a whole: its jobs, its letters, and how far everybody has come."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from tallystick.delivery import store
from tallystick.delivery.bus_consumption import BusConsumption
from tallystick.delivery.consumption import Bury, Consumption
from tallystick.delivery.deliveries import Deliveries
from tallystick.delivery.events import Events
from tallystick.delivery.journal_reader import BATCH, JournalReader
from tallystick.delivery.kafka import Bus, Subscription
from tallystick.delivery.lease import Lease
from tallystick.delivery.letters import DeadLetters
from tallystick.delivery.metrics import delivery_metrics
from tallystick.delivery.model import Consumer
from tallystick.delivery.notebook import Notebook
from tallystick.delivery.patience import Patient
from tallystick.delivery.relay import BATCH as RELAY_BATCH
from tallystick.delivery.relay import NAME as RELAY
from tallystick.delivery.relay import Relay
from tallystick.delivery.topics import Topics
from tallystick.journal import Journal
from tallystick.platform.clock import Clock
from tallystick.platform.postgres.pools import Database
from tallystick.platform.settings import Settings
from tallystick.platform.timetable import Job

LOOK_S: Final = 0.2
RELAY_LOOK_S: Final = 0.03
RELAY_FINISH_S: Final = 2.0  # brokers that are away would keep a closing worker for a time-out
LAG_S: Final = 5.0
BUS_HEAD_START: Final = timedelta(seconds=60)
"""Beside Kafka every consumer also follows the log, so long after: what Kafka brought is found
done there, and what it did not bring has its effect all the same."""


@dataclass(frozen=True)
class Delivery:
    """The log goes out. `Delivery.open` makes one."""

    database: Database
    clock: Clock
    consumptions: tuple[Consumption, ...]
    bus_consumptions: tuple[BusConsumption, ...]
    relay: Relay | None
    letters: DeadLetters
    events: Events

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        journal: Journal,
        database: Database,
        clock: Clock,
        settings: Settings,
        consumers: Sequence[Consumer],
    ) -> AsyncIterator["Delivery"]:
        """Everything that reads the log; leases are given back at the end.

        Nothing is connected to before it is used. Raises NoBrokers.
        """
        notebook = Notebook(database)
        bus = Bus(settings) if settings.kafka_enabled else None
        topics = Topics.configured(settings)
        events = Events(database.lookups, bus, topics)

        def reader(
            name: str, *, min_age: timedelta | None = None, batch: int = BATCH
        ) -> JournalReader:
            lease = Lease(notebook, name)
            return JournalReader(
                journal, database, clock, notebook, lease, min_age=min_age, batch=batch
            )

        head_start = BUS_HEAD_START if bus else None
        bury: Bury | None = events.bury if bus else None
        each = [Deliveries(consumer, journal, database, clock) for consumer in consumers]
        delivery = cls(
            database,
            clock,
            tuple(
                Consumption(one, reader(one.consumer.name, min_age=head_start), bury)
                for one in each
            ),
            tuple(
                BusConsumption(one, notebook, _subscription(settings, topics, one.consumer))
                for one in each
                if bus
            ),
            Relay(reader(RELAY, batch=RELAY_BATCH), bus, topics) if bus else None,
            DeadLetters(database, notebook, clock),
            events,
        )
        try:
            yield delivery
        finally:
            await delivery._close(notebook, bus)

    @property
    def jobs(self) -> tuple[Job, ...]:
        """What is done again and again, in one process or in several."""
        consumers = [
            Job(f"consumer_{c.deliveries.consumer.name}", LOOK_S, Patient(c.run_once), full=1)
            for c in self.consumptions
        ]
        bus = [
            Job(f"bus_{c.deliveries.consumer.name}", RELAY_LOOK_S, Patient(c.run_once), full=1)
            for c in self.bus_consumptions
        ]
        relay = []
        if self.relay:
            run = Patient(self.relay.run_once)
            relay = [Job(RELAY, RELAY_LOOK_S, run, full=1, finish_s=RELAY_FINISH_S)]
        return (*consumers, *bus, *relay, Job("delivery_lag", LAG_S, self.show_lag))

    def consumption(self, name: str) -> Consumption:
        """A consumer at work on the journal, by its name. Raises LookupError."""
        for consumption in self.consumptions:
            if consumption.deliveries.consumer.name == name:
                return consumption
        raise LookupError(f"no consumer is called {name}")

    async def drain(self, name: str) -> int:
        """Let one consumer come to the end of the log; in how many rounds."""
        rounds = 0
        while await self.consumption(name).run_once():
            rounds += 1
        return rounds

    async def show_lag(self) -> None:
        """Set the gauges."""
        names = [c.deliveries.consumer.name for c in self.consumptions]
        for name in (*names, *([RELAY] if self.relay else [])):
            unread = await store.unread_lanes(self.database, name)
            oldest = await store.oldest_unread_at(self.database, unread) if unread else None
            age = self.clock.now() - oldest if oldest else timedelta()
            behind = sum(lane.behind for lane in unread)
            delivery_metrics().show_lag(name, behind, max(0.0, age.total_seconds()))
        delivery_metrics().show_letters(names, await store.open_counts(self.database))

    async def _close(self, notebook: Notebook, bus: Bus | None) -> None:
        # A database or a broker that is away takes nothing back: leases run out by themselves.
        readers = [consumption.reader for consumption in self.consumptions]
        readers += [self.relay.reader] if self.relay else []
        for one in readers:
            with suppress(Exception):
                await one.lease.give_back()
        for subscription in self.bus_consumptions:
            with suppress(Exception):
                await subscription.subscription.close()
        with suppress(Exception):
            await notebook.close()
        if bus:
            await bus.close()


def _subscription(settings: Settings, topics: Topics, consumer: Consumer) -> Subscription:
    told = {topics.of(kind) for kind in consumer.kinds}
    group = f"{topics.prefix}{settings.kafka_client_id}.{consumer.name}"
    return Subscription(settings, group, sorted(topic for topic in told if topic))
