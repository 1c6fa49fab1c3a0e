"""One consumer at work on the journal: what failed and is due first, then what is new."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from msgspec import structs

from tallystick.delivery import store
from tallystick.delivery.deliveries import Deliveries
from tallystick.delivery.journal_reader import JournalReader
from tallystick.delivery.kafka import BusDown
from tallystick.delivery.model import DeadLetter, Retried, postponed, retried
from tallystick.platform.crash import crash_point

RETRIES_A_ROUND: Final = 100

Bury = Callable[[DeadLetter], Awaitable[None]]
"""Tells others of a letter that dies. Raises BusDown."""


@dataclass(frozen=True)
class Consumption:
    """Reads for one consumer, under its lease."""

    deliveries: Deliveries
    reader: JournalReader
    bury: Bury | None = None

    async def run_once(self) -> int:
        """One round; 1 when there may be more to do at once.

        Raises LeaseLost, Overloaded, and what the journal says when it cannot record now.
        """
        if not await self.reader.lease.held():
            return 0
        await self._retry_due()
        stretch = await self.reader.next_stretch()
        if stretch is None:
            return 0
        kinds = self.deliveries.consumer.kinds
        letters = await self.deliveries.deliver(await self.reader.facts(stretch, kinds))
        crash_point("consumer.before_position")
        async with self.reader.notebook.writing() as connection:
            if letters:
                await store.write_letters(connection, letters)
            await self.reader.move(connection, stretch)
        crash_point("consumer.after_position")
        return 1

    async def _retry_due(self) -> None:
        name, now = self.deliveries.consumer.name, self.deliveries.clock.now()
        database = self.deliveries.database
        for letter in await store.due_letters(database, name, now, RETRIES_A_ROUND):
            if (await self._retry(letter)).status == "delivered":
                await self._retry_behind(letter)

    async def _retry_behind(self, letter: DeadLetter) -> None:
        """Deliver what was held back, in its order, until one fails or waits for its own time."""
        for behind in await store.letters_behind(self.deliveries.database, letter):
            if behind.status != "held" or (await self._retry(behind)).status != "delivered":
                return

    async def _retry(self, letter: DeadLetter) -> Retried:
        facts = await self.deliveries.journal.facts_named([(letter.aggregate_id, letter.version)])
        failures = await self.deliveries.attempt(facts)
        now = self.deliveries.clock.now()
        change = retried(letter, failures[letter.aggregate_id], now)
        if change.status == "dead" and not await self._buried(letter, change.code):
            change = postponed(letter, change, now)
        async with self.reader.notebook.writing() as connection:
            await store.change_letter(connection, change)
        return change

    async def _buried(self, letter: DeadLetter, code: str | None) -> bool:
        """Whether all who are to hear of it have: before it is dead, so that none is missed."""
        if self.bury is None:
            return True
        try:
            await self.bury(structs.replace(letter, code=code))
        except BusDown:
            return False
        return True
