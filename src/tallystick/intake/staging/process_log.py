"""The log of document 000: a batch says `processing` while a worker is at it, then how it ended.

The first word is committed by itself, on a connection of its own, so that others see it; the last
one is part of the batch, so that it says `completed` if and only if the batch is recorded.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from tallystick.intake.staging import log_store as store
from tallystick.intake.staging.model import BatchOutcome
from tallystick.journal import UNAVAILABLE
from tallystick.platform.clock import Clock
from tallystick.platform.postgres.pools import Connection, Database

# A batch is given up after its time-out; only then is its row surely nobody's.
GRACE: Final = timedelta(seconds=30)
_DIED: Final = "its process ended without a word; its rows were left as they were"


class ProcessLog:
    """One worker's. Made by `opened_log`; connects with the first word it has to say."""

    def __init__(self, database: Database, clock: Clock, name: str) -> None:
        self._database = database
        self._clock = clock
        self._name = name
        self._connection: Connection | None = None
        self._under_way: UUID | None = None

    async def begin(self, batch: Connection, started_at: datetime) -> None:
        """Tell of the batch whose rows stand in the workspace. Raises the driver's errors."""
        claimed = await store.claimed_rows(batch)
        self._under_way = await store.log_begun(await self._connected(), claimed, started_at)

    async def complete(self, batch: Connection, outcome: BatchOutcome, at: datetime) -> None:
        """Settle its row, within the batch's own transaction."""
        if self._under_way:
            await store.log_completed(batch, self._under_way, outcome, at)

    async def fail(self, reason: str) -> None:
        """It came to nothing: say so, as far as the database lets us."""
        under_way, self._under_way = self._under_way, None
        with suppress(*UNAVAILABLE):
            connection = await self._connected()
            await store.log_failed(connection, under_way, self._clock.now(), reason)

    async def bury(self, timeout: timedelta) -> None:
        """Call those failed whose process must have died. Raises the driver's errors."""
        now = self._clock.now()
        before = now - timeout - GRACE
        if await store.has_dead(self._database, before):
            await store.log_died(await self._connected(), before, now, _DIED)

    async def close(self) -> None:
        """Let go of the connection."""
        if self._connection:
            self._connection.terminate()

    async def _connected(self) -> Connection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._database.open_writer(self._name)
        return self._connection


@asynccontextmanager
async def opened_log(database: Database, clock: Clock, name: str) -> AsyncIterator[ProcessLog]:
    """A log for as long as the block lasts."""
    log = ProcessLog(database, clock, name)
    try:
        yield log
    finally:
        await log.close()
