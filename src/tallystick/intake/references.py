"""Who has a reference: the question that makes a report a new payment or a duplicate.

Layers, the quickest first: this process's memory, then `payment_references`, then the payments
themselves, because references are cleaned after 90 days and payments are kept for a year. A layer
above only saves a question to the one below; what decides is the unique key that the journal
checks while it records.
"""

import asyncio
from collections.abc import Collection, Mapping
from typing import Final
from uuid import UUID

from cachetools import TTLCache

from tallystick.intake import store
from tallystick.platform.postgres.pools import Database

REMEMBERED_MAX: Final = 10_000
REMEMBERED_S: Final = 3_600


class References:
    """Finds the payment of a reference. Remembers only hits: a miss may be recorded any moment."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._memory: TTLCache[str, UUID] = TTLCache(REMEMBERED_MAX, REMEMBERED_S)
        self._gathering: set[str] = set()
        self._query: asyncio.Task[dict[str, UUID]] | None = None

    async def find(self, reference: str) -> UUID | None:
        """The payment that has `reference`. Whoever asks while a query runs joins the next one.

        Raises Overloaded.
        """
        known = self._memory.get(reference)
        if known is not None:
            return known
        if self._query is None or not self._gathering:
            self._query = asyncio.create_task(self._ask(self._query))
        self._gathering.add(reference)
        # Shielded: a caller who gives up must not take the answer from the others.
        return (await asyncio.shield(self._query)).get(reference)

    async def find_many(self, references: Collection[str]) -> dict[str, UUID]:
        """The payments of those among `references` that are taken. Raises Overloaded."""
        found = {r: known for r in references if (known := self._memory.get(r)) is not None}
        for layer in (store.find_references, store.find_retained):
            unknown = [reference for reference in references if reference not in found]
            if unknown:
                found |= await layer(self._database, unknown)
        self.remember(found)
        return found

    def remember(self, payments: Mapping[str, UUID]) -> None:
        """Keep what surely stands in the database."""
        self._memory.update(payments)

    async def _ask(self, before: asyncio.Task[dict[str, UUID]] | None) -> dict[str, UUID]:
        if before is not None and not before.done():
            await asyncio.wait([before])
        references, self._gathering = self._gathering, set()
        return await self.find_many(references)
