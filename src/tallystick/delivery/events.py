"""The history of facts as events: one aggregate's, a window of the log, told again on a topic."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from tallystick.delivery import store
from tallystick.delivery.kafka import Bus, BusDown
from tallystick.delivery.messages import Message, message_of
from tallystick.delivery.model import DeadLetter, LoggedFact
from tallystick.delivery.topics import DEAD_LETTER, Topics
from tallystick.platform.postgres.pools import Database

BATCH: Final = 1_000


class Window(Struct, frozen=True):
    """Part of the log: recorded from `since` on and before `until`, of these kinds or of all."""

    since: datetime
    until: datetime
    kinds: tuple[str, ...] = ()


class Replayed(Struct, frozen=True):
    """What a replay told again, or would."""

    facts: int
    messages: int


@dataclass(frozen=True)
class Events:
    """Reads the log for people, and tells parts of it again."""

    database: Database
    bus: Bus | None
    topics: Topics

    async def history(self, aggregate_id: UUID) -> list[LoggedFact]:
        """Everything that happened to one aggregate, in order."""
        return await store.history(self.database, aggregate_id)

    async def replay(
        self, window: Window, topic: str | None = None, *, dry_run: bool = False
    ) -> Replayed:
        """Send a window again, to the topics it was sent to or all of it to `topic`.

        Events keep their ids, so consumers that have them drop them. Raises BusDown.
        """
        facts = messages = 0
        async for batch in self._batches(window):
            told = [m for fact in batch if (m := message_of(fact, self.topics))]
            facts, messages = facts + len(batch), messages + len(told)
            if not dry_run:
                await self._send([replace(m, topic=topic) if topic else m for m in told])
        return Replayed(facts, messages)

    async def bury(self, letters: Sequence[DeadLetter]) -> None:
        """Tell of letters that are dead, on the dead-letter topics. Raises BusDown."""
        messages = []
        for letter in letters:
            facts = await store.logged_facts(
                self.database, letter.lane, letter.position - 1, letter.position
            )
            told = [m for fact in facts if (m := message_of(fact, self.topics))]
            messages += [_buried(message, letter) for message in told]
        await self._send(messages)

    async def _send(self, messages: Sequence[Message]) -> None:
        if self.bus is None:
            raise BusDown("Kafka is off: KAFKA_ENABLED")
        await self.bus.send(messages, _patiently)

    async def _batches(self, window: Window) -> AsyncIterator[list[LoggedFact]]:
        for lane in await store.all_lanes(self.database):
            after = 0
            while batch := await store.window(
                self.database, window.since, window.until, window.kinds, (lane, after, BATCH)
            ):
                yield batch
                after = batch[-1].position


def _buried(message: Message, letter: DeadLetter) -> Message:
    why = [("consumer", letter.consumer), ("reason", letter.code), ("letter", str(letter.id))]
    return replace(message, topic=message.topic + DEAD_LETTER, headers=[*message.headers, *why])


async def _patiently() -> None:
    """There is nothing to see to while Kafka takes its time."""
