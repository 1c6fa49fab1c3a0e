"""Keys seen a moment ago, so that the hot path asks no database.

An entry lives less than five seconds: that is how long a revocation made by another process may
stay unnoticed here. Ids that are nobody's are remembered too, for a shorter time, so that a
wrong key costs one query a second and not one a request. Both memories are bounded.
"""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Final

from cachetools import TTLCache
from msgspec import Struct

from tallystick.identity.model import ApiKey, Principal

KNOWN_FOR_S: Final = 3.0
UNKNOWN_FOR_S: Final = 1.0
REMEMBERED_MAX: Final = 10_000

Load = Callable[[], Awaitable[ApiKey | None]]


class RecentKey(Struct, frozen=True):
    """What recognising a key needs: whom it stands for, and the hash to compare with."""

    digest: bytes
    principal: Principal
    until_s: float  # of the timer


class RecentKeys:
    """A bounded memory by public id. One load at a time per id; the others wait for it."""

    def __init__(self, timer: Callable[[], float] = monotonic) -> None:
        self._timer = timer
        # Asked in every request: a plain dict costs a tenth of a TTLCache.
        self._known: dict[str, RecentKey] = {}
        self._unknown: TTLCache[str, bool] = TTLCache(REMEMBERED_MAX, UNKNOWN_FOR_S, timer)
        self._loads: dict[str, asyncio.Task[RecentKey | None]] = {}

    async def find(self, public_id: str, load: Load) -> RecentKey | None:
        """The key of this id if it exists and is not revoked, loaded when not remembered."""
        known = self._known.get(public_id)
        if known is not None and self._timer() < known.until_s:
            return known
        if public_id in self._unknown:
            return None
        task = self._loads.get(public_id)
        if task is None:
            task = asyncio.ensure_future(self._load(public_id, load))
            self._loads[public_id] = task
        # Shielded: one caller who gives up must not take the key from those who wait with him.
        return await asyncio.shield(task)

    def forget(self, public_id: str) -> None:
        """Drop what is remembered, at once, and what is being loaded too."""
        self._known.pop(public_id, None)
        self._unknown.pop(public_id, None)
        self._loads.pop(public_id, None)

    async def _load(self, public_id: str, load: Load) -> RecentKey | None:
        try:
            row = await load()
        finally:
            wanted = self._loads.get(public_id) is asyncio.current_task()
            if wanted:
                del self._loads[public_id]
        found = self._recent(row)
        if wanted:
            self._remember(public_id, found)
        return found

    def _recent(self, row: ApiKey | None) -> RecentKey | None:
        if row is None or row.revoked_at is not None:
            return None
        return RecentKey(row.digest, row.principal, self._timer() + KNOWN_FOR_S)

    def _remember(self, public_id: str, found: RecentKey | None) -> None:
        if found is None:
            self._unknown[public_id] = True
            return
        self._known.pop(public_id, None)
        if len(self._known) >= REMEMBERED_MAX:
            del self._known[next(iter(self._known))]  # the one loaded longest ago
        self._known[public_id] = found
