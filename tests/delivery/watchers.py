"""Consumers of the tests' own: they note what they are given, and fail where they are told to."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

from tallystick.app import App
from tallystick.delivery import Consumer
from tallystick.delivery.consumption import Bury, Consumption
from tallystick.delivery.deliveries import Deliveries
from tallystick.delivery.journal_reader import JournalReader
from tallystick.delivery.lease import Lease
from tallystick.delivery.notebook import Notebook
from tallystick.journal import Change, Told
from tallystick.platform.postgres.pools import Database

Name = tuple[UUID, int]


@dataclass
class Watcher:
    """Notes every fact it is given; no effect follows. What is in `poison` makes it fail."""

    kinds: frozenset[str]
    name: str = "watcher"
    seen: list[Name] = field(default_factory=list)
    poison: set[Name] = field(default_factory=set)

    @property
    def consumer(self) -> Consumer:
        return Consumer(self.name, self.kinds, self.decide)

    async def decide(self, facts: Sequence[Told], _database: Database) -> list[Change | None]:
        names = [(fact.aggregate_id, fact.version) for fact in facts]
        if self.poison & set(names):
            raise ValueError("poison")
        self.seen += names
        return [None] * len(facts)


@asynccontextmanager
async def consumption(
    app: App, consumer: Consumer, *, batch: int = 1_000, bury: Bury | None = None
) -> AsyncIterator[Consumption]:
    """A consumer at work in `app`'s house, as a process of its own would be."""
    notebook = Notebook(app.database)
    lease = Lease(notebook, consumer.name)
    reader = JournalReader(app.journal, app.database, app.clock, notebook, lease, batch=batch)
    yield Consumption(Deliveries(consumer, app.journal, app.database, app.clock), reader, bury)
    await lease.give_back()
    await notebook.close()


async def drain(consumption: Consumption) -> None:
    """Read to the end."""
    while await consumption.run_once():
        pass
