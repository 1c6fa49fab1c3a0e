"""Cleaning: old references, old logs, a few thousand rows a transaction; then caches are warmed."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from tallystick.intake.dedup import References
from tallystick.intake.retention import store
from tallystick.intake.retention.facts import (
    REFERENCES,
    REFERENCES_CLEANED,
    ReferencesCleaned,
    retention_id,
)
from tallystick.journal import Change, Fact, Journal
from tallystick.platform.clock import Clock
from tallystick.platform.ids import new_id, random_bucket
from tallystick.platform.postgres.job_rows import forget_runs
from tallystick.platform.postgres.pools import Connection, Database

BATCH_ROWS: Final = 5_000

Fence = Callable[[Connection], Awaitable[None]]
Forget = Callable[[Connection, datetime, int], Awaitable[int]]


class CleanupRules(Struct, frozen=True):
    """For how many days; `warm_limit` 0 warms nothing."""

    reference_days: int = 90
    log_days: int = 30
    warm_limit: int = 10_000


class CleanupReport(Struct, frozen=True):
    """What was let go, and how many references are remembered anew."""

    references: int
    log_rows: int
    job_runs: int
    warmed: int


@dataclass(frozen=True, slots=True)
class Cleanup:
    """Lets go of what is old."""

    journal: Journal
    database: Database
    clock: Clock
    references: References
    rules: CleanupRules

    async def run(self, fence: Fence | None = None) -> CleanupReport:
        """Everything that is due. Raises Overloaded and the driver's errors."""
        now = self.clock.now()
        references_before = now - timedelta(days=self.rules.reference_days)
        log_before = now - timedelta(days=self.rules.log_days)
        await self._tell(references_before)
        cleaned = await self._forget(store.clean_references, references_before, fence)
        logs = await self._forget(store.forget_log, log_before, fence)
        runs = await self._forget(forget_runs, log_before, fence)
        limit = self.rules.warm_limit
        warmed = await self.references.warm(limit) if limit else 0
        return CleanupReport(cleaned, logs, runs, warmed)

    async def _tell(self, before: datetime) -> None:
        """First the fact, then the deed: what is cut short in between is simply done again."""
        count = await store.count_old_references(self.database, before)
        if not count:
            return
        aggregate_id = retention_id(REFERENCES)
        version = await store.find_version(self.database, aggregate_id)
        cleaned = ReferencesCleaned(before, count)
        fact = Fact(aggregate_id, version + 1, REFERENCES_CLEANED, cleaned)
        change_id = new_id(self.clock.now(), random_bucket())
        await self.journal.record(Change(change_id, facts=(fact,)))

    async def _forget(self, forget: Forget, before: datetime, fence: Fence | None) -> int:
        """Batch after batch, each a transaction of its own."""
        total, count = 0, BATCH_ROWS
        async with self._writing() as connection:
            while count == BATCH_ROWS:
                async with connection.transaction():
                    count = await forget(connection, before, BATCH_ROWS)
                    if fence:
                        await fence(connection)
                total += count
        return total

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[Connection]:
        connection = await self.database.open_writer("cleanup")
        try:
            yield connection
        finally:
            connection.terminate()
