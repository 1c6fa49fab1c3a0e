"""The relay: the journal, fact by fact, onto Kafka's topics.

Its position is noted after the brokers have the facts: a death in between sends them again, and
consumers drop them by their id. Nothing waits for Kafka: while it is down the log simply grows
ahead of the relay, which goes on in order when Kafka is back.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

from tallystick.delivery import store
from tallystick.delivery.journal_reader import JournalReader, Stretch
from tallystick.delivery.kafka import Bus
from tallystick.delivery.messages import Message, message_of
from tallystick.delivery.metrics import delivery_metrics
from tallystick.delivery.topics import Topics
from tallystick.platform.crash import crash_point

BATCH: Final = 5_000
STEP: Final = 500
NAME: Final = "relay"


@dataclass(frozen=True)
class Relay:
    """Sends for one house, under its lease."""

    reader: JournalReader
    bus: Bus
    topics: Topics

    async def run_once(self) -> int:
        """One stretch of the log; 1 when there may be more to do at once.

        Raises BusDown, LeaseLost and Overloaded: nothing is lost, the stretch is sent again.
        """
        lease = self.reader.lease
        if not await lease.held():
            return 0
        stretch = await self.reader.next_stretch()
        if stretch is None:
            return 0
        messages = await self._messages(stretch)
        crash_point("relay.before_send")
        relayed = await self.bus.send(messages, lease.held)
        crash_point("relay.after_ack")
        async with self.reader.notebook.writing() as connection:
            await self.reader.move(connection, stretch)
        crash_point("relay.after_position")
        delivery_metrics().count_relayed(relayed)
        return 1

    async def _messages(self, stretch: Stretch) -> list[Message]:
        facts = await store.logged_facts(
            self.reader.database, stretch.lane, stretch.after, stretch.up_to
        )
        messages: list[Message] = []
        for start in range(0, len(facts), STEP):
            told = (message_of(fact, self.topics) for fact in facts[start : start + STEP])
            messages += [message for message in told if message]
            await asyncio.sleep(0)  # whoever shares the loop has a turn
        return messages
