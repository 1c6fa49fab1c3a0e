"""Reserves whose days are over go to their merchants.

Any number of processes may do this at once: whoever is second conflicts with the first.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from tallystick.journal import Conflict, Journal, Refused
from tallystick.payments.fees import store as fee_store
from tallystick.payments.fees.reserves import ReserveRow, postpone_change, release_change
from tallystick.platform.clock import Clock
from tallystick.platform.ids import bucket_of, new_id
from tallystick.platform.postgres.pools import Database

_AT_ONCE: Final = 64  # the journal records them together


@dataclass(frozen=True)
class Releases:
    """The job of reserves."""

    journal: Journal
    database: Database
    clock: Clock

    async def release_due(self, limit: int) -> int:
        """Release those that have waited longest, at most `limit`; how many were looked at."""
        rows = await fee_store.list_due_reserves(self.database, self.clock.now(), limit)
        turn = asyncio.Semaphore(_AT_ONCE)
        await asyncio.gather(*(self._release(turn, row) for row in rows))
        return len(rows)

    async def _release(self, turn: asyncio.Semaphore, row: ReserveRow) -> None:
        async with turn:
            with suppress(Conflict):  # somebody else has released it
                change_id = new_id(self.clock.now(), bucket_of(row.id))
                try:
                    await self.journal.record(release_change(row, change_id))
                except Refused as refused:
                    again_id = new_id(self.clock.now(), bucket_of(row.id))
                    await self.journal.record(postpone_change(row, refused.code, again_id))
