"""Expiry: reservations whose time has run out are recorded as expired, and their money returns."""

import asyncio
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from tallystick.books.model import KINDS, Moved
from tallystick.journal import Change, Fact, Journal, Refused
from tallystick.ledger import Expire, Ledger
from tallystick.platform.clock import Clock
from tallystick.platform.ids import bucket_of, new_id
from tallystick.platform.timetable import Job

# Somebody settled or voided it first, or the expiry of another process is on record already.
EVERY_S: Final = 5.0
ROUND: Final = 500
TOO_LATE = frozenset({"reservation_not_open"})


@dataclass(frozen=True, slots=True)
class Expiry:
    """The job that a timetable calls again and again; several at once do no harm."""

    journal: Journal
    ledger: Ledger
    clock: Clock

    @property
    def jobs(self) -> tuple[Job, ...]:
        """What is done again and again, in one process or in several."""
        return (Job("reservation_expiry", EVERY_S, self.record_due, full=ROUND),)

    async def record_due(self, limit: int = ROUND) -> int:
        """Record the expiry of at most `limit` due reservations; how many were recorded.

        A full `limit` means there may be more.
        """
        due = await self.ledger.due_reservations(self.clock.now(), limit)
        return sum(await asyncio.gather(*map(self._expire, due)))

    async def _expire(self, reservation_id: UUID) -> bool:
        order = Expire(reservation_id)
        change_id = new_id(self.clock.now(), bucket_of(reservation_id))
        told = Fact(change_id, 1, KINDS[Expire], Moved(order.code))
        try:
            await self.journal.record(Change(change_id, (told,), (order,)))
        except Refused as refused:
            if refused.code not in TOO_LATE:
                raise
            return False
        return True
