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


class RecentKeys:
    """A bounded memory by public id. One load at a time per id; the others wait for it."""

    def __init__(self, timer: Callable[[], float] = monotonic) -> None:
        self._known: TTLCache[str, RecentKey] = TTLCache(REMEMBERED_MAX, KNOWN_FOR_S, timer)
        self._unknown: TTLCache[str, bool] = TTLCache(REMEMBERED_MAX, UNKNOWN_FOR_S, timer)
        self._loads: dict[str, asyncio.Task[ApiKey | None]] = {}

    async def find(self, public_id: str, load: Load) -> RecentKey | None:
        """The key of this id if it exists and is not revoked, loaded when not remembered."""
        known = self._known.get(public_id)
        if known is not None:
            return known
        if public_id in self._unknown:
            return None
        return self._remember(public_id, await self._load_once(public_id, load))

    def forget(self, public_id: str) -> None:
        """Drop what is remembered, at once."""
        self._known.pop(public_id, None)
        self._unknown.pop(public_id, None)

    def _remember(self, public_id: str, row: ApiKey | None) -> RecentKey | None:
        if row is None or row.revoked_at is not None:
            self._unknown[public_id] = True
            return None
        known = self._known[public_id] = RecentKey(row.digest, row.principal)
        return known

    async def _load_once(self, public_id: str, load: Load) -> ApiKey | None:
        task = self._loads.get(public_id)
        if task is None:
            task = self._loads[public_id] = asyncio.ensure_future(_run(load))
            task.add_done_callback(lambda _: self._loads.pop(public_id, None))
        # Shielded: one caller who gives up must not take the row from those who wait with him.
        return await asyncio.shield(task)


async def _run(load: Load) -> ApiKey | None:
    return await load()
