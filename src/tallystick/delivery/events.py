"""Facts as events, for people and programs that ask: a part of the log, the life of one object,
one event by its id; and parts of the log told again on a topic.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from tallystick.delivery import store
from tallystick.delivery.cloud_event import CloudEvent, cloud_event
from tallystick.delivery.kafka import Bus, BusDown
from tallystick.delivery.messages import Message, message_of
from tallystick.delivery.model import DeadLetter, EventNotFound, LoggedFact, Wanted, fact_id
from tallystick.delivery.topics import DEAD_LETTER, Topics
from tallystick.platform.ids import derived_range
from tallystick.platform.postgres.pools import Database

BATCH: Final = 1_000
EXAMINED_MAX: Final = 5_000
"""Facts that are looked at for one page: it may be short, or empty, while a place goes on."""
VERSION_MAX: Final = 2**31 - 1


class EventPage(Struct, frozen=True):
    """Events in their order; `next_place` is None when these were the last."""

    events: tuple[CloudEvent, ...]
    next_place: int | None


@dataclass(frozen=True)
class Events:
    """Reads the log for others, and tells parts of it again."""

    database: Database
    bus: Bus | None
    topics: Topics

    async def list_lane(
        self, wanted: Wanted, *, lane: int = 0, place: int = 0, limit: int
    ) -> EventPage:
        """What was told on one lane, in the order of commits, behind a place given before."""
        after, end = await self._bounds(wanted, lane)
        after = max(after, place)
        up_to = min(end, after + EXAMINED_MAX)
        found = await store.list_part(self.database, wanted, (lane, after, up_to), limit + 1)
        goes_on_at = up_to if up_to < end else None
        if len(found) > limit:
            goes_on_at = found[limit - 1].position
        return EventPage(tuple(map(self._event, found[:limit])), goes_on_at)

    async def list_life(
        self, subject: UUID, wanted: Wanted, *, place: int = 0, limit: int
    ) -> EventPage:
        """What happened to one object, in order, behind a place given before."""
        part = (subject, place, VERSION_MAX)
        found = await store.list_life(self.database, wanted, part, limit + 1)
        more = len(found) > limit
        return EventPage(
            tuple(map(self._event, found[:limit])), found[limit - 1].version if more else None
        )

    async def get_event(self, event_id: UUID, merchant_id: UUID | None = None) -> CloudEvent:
        """One event; of any merchant unless one is named. Raises EventNotFound.

        Its id is derived from its object's, and shares half of it: only what was made in the same
        millisecond, or belongs to the same owner, is looked through.
        """
        wanted = Wanted(merchant_id=merchant_id)
        kin = await store.list_kin(self.database, wanted, derived_range(event_id))
        name = await asyncio.to_thread(_named, event_id, kin)
        if name is None:
            raise EventNotFound(f"no event is called {event_id}")
        part = (name[0], name[1] - 1, name[1])
        (fact,) = await store.list_life(self.database, wanted, part, 1)
        return self._event(fact)

    async def history(self, aggregate_id: UUID) -> list[LoggedFact]:
        """Everything that happened to one aggregate, in order, told outside or not."""
        return await store.history(self.database, aggregate_id)

    async def facts_behind(self, letter: DeadLetter) -> list[LoggedFact]:
        """The fact that could not be delivered, in a list that is empty once it was sealed away."""
        return await store.logged_facts(
            self.database, letter.lane, letter.position - 1, letter.position
        )

    async def replay(
        self, wanted: Wanted, topic: str | None = None, *, dry_run: bool = False
    ) -> int:
        """Send a part of the log again, to the topics it was sent to or all of it to `topic`; how
        many messages that is.

        Events keep their ids, so consumers that have them drop them. Raises BusDown.
        """
        count = 0
        async for facts in self._batches(wanted):
            told = [m for fact in facts if (m := message_of(fact, self.topics))]
            count += len(told)
            if not dry_run:
                await self._send([replace(m, topic=topic) if topic else m for m in told])
        return count

    async def bury(self, letter: DeadLetter) -> None:
        """Tell of a letter that dies, on the dead-letter topic. Raises BusDown."""
        if self.bus and self.bus.is_failing:
            raise BusDown("Kafka did not take what was sent last")
        facts = await self.facts_behind(letter)
        told = [m for fact in facts if (m := message_of(fact, self.topics))]
        await self._send([_buried(message, letter) for message in told])

    async def _send(self, messages: Sequence[Message]) -> None:
        if self.bus is None:
            raise BusDown("Kafka is off: KAFKA_ENABLED")
        await self.bus.send(messages, _patiently)

    async def _batches(self, wanted: Wanted) -> AsyncIterator[list[LoggedFact]]:
        for lane in await store.all_lanes(self.database):
            after, end = await self._bounds(wanted, lane)
            while facts := await store.list_part(self.database, wanted, (lane, after, end), BATCH):
                yield facts
                after = facts[-1].position

    async def _bounds(self, wanted: Wanted, lane: int) -> tuple[int, int]:
        """Behind which position the wanted time begins on a lane, and at which it ends."""
        since, until = wanted.since, wanted.until
        first = await store.end_at(self.database, lane, since) if since else 0
        if until is None:
            return first, await store.lane_end(self.database, lane)
        return first, await store.end_at(self.database, lane, until)

    def _event(self, fact: LoggedFact) -> CloudEvent:
        message = message_of(fact, self.topics)
        if message is None:
            raise LookupError(f"{fact.kind} is told nowhere")
        return cloud_event(message)


def _named(event_id: UUID, kin: Sequence[tuple[UUID, int]]) -> tuple[UUID, int] | None:
    """Whose fact this is, and which; `kin` are those it can be of, each with its facts' number."""
    for aggregate_id, last in kin:
        for version in range(1, last + 1):
            if fact_id(aggregate_id, version) == event_id:
                return aggregate_id, version
    return None


def _buried(message: Message, letter: DeadLetter) -> Message:
    why = [("consumer", letter.consumer), ("reason", letter.code), ("letter", str(letter.id))]
    return replace(message, topic=message.topic + DEAD_LETTER, headers=[*message.headers, *why])


async def _patiently() -> None:
    """There is nothing to see to while Kafka takes its time."""
