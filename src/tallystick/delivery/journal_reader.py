"""Reads the log in the order it was committed: one position a lane, kept under the reader's name.

Positions are drawn while the lane's row is held, so within a lane they are commit order: whatever
lies at or before the end that the lane's row shows has been committed, and nothing can appear
before it later, however long a transaction took. A new lane appears by itself.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from msgspec import Struct

from tallystick.delivery import store
from tallystick.delivery.lease import Lease
from tallystick.delivery.model import LeaseLost
from tallystick.delivery.notebook import Notebook
from tallystick.journal import Journal, Told
from tallystick.platform.clock import Clock
from tallystick.platform.postgres.pools import Connection, Database

BATCH: Final = 1_000


class Stretch(Struct, frozen=True):
    """Part of a lane: positions behind `after`, up to and with `up_to`."""

    lane: int
    after: int
    up_to: int


@dataclass
class JournalReader:
    """One reader by its name; `min_age` leaves alone what was recorded a moment ago."""

    journal: Journal
    database: Database
    clock: Clock
    notebook: Notebook
    lease: Lease
    min_age: timedelta | None = None
    batch: int = BATCH

    @property
    def name(self) -> str:
        return self.lease.reader

    async def next_stretch(self) -> Stretch | None:
        """The next part that is not done, at most `batch` positions of the lane furthest behind."""
        unread = await store.unread_lanes(self.database, self.name)
        for lane in sorted(unread, key=lambda lane: lane.behind, reverse=True):
            up_to = min(lane.end, lane.done + self.batch)
            if self.min_age is not None:
                before = self.clock.now() - self.min_age
                up_to = await store.end_before(self.database, lane.lane, lane.done, up_to, before)
            if up_to > lane.done:
                return Stretch(lane.lane, lane.done, up_to)
        return None

    async def facts(self, stretch: Stretch, kinds: Collection[str]) -> list[Told]:
        """The facts of these kinds in the stretch, in their order."""
        return await self.journal.facts_between(stretch.lane, stretch.after, stretch.up_to, kinds)

    async def move(self, connection: Connection, stretch: Stretch) -> None:
        """Note in the caller's transaction that the stretch is done. Raises LeaseLost."""
        ends = [(stretch.lane, stretch.up_to)]
        if not await store.move_positions(connection, self.name, ends, self.lease.token):
            self.lease.lose()
            raise LeaseLost(f"{self.name} is read by another process")
