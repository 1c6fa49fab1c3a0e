"""One load at a time for a key, and whoever comes meanwhile shares what it brings.

For what is remembered for seconds: when a memory runs out, a hundred requests miss it at once, and
a hundred connections to the database would be asked for the same row.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

KeyT = TypeVar("KeyT", bound=Hashable)
ValueT = TypeVar("ValueT")


class SharedLoads(Generic[KeyT, ValueT]):
    """The loads that are under way, by key."""

    def __init__(self) -> None:
        self._loads: dict[KeyT, asyncio.Future[ValueT]] = {}

    async def get(self, key: KeyT, load: Callable[[], Awaitable[ValueT]]) -> ValueT:
        """What `load`, or one under way for this key, brings. Raises what it raises."""
        under_way = self._loads.get(key)
        if under_way is None:
            under_way = self._loads[key] = asyncio.ensure_future(load())
            under_way.add_done_callback(lambda load: self._end(key, load))
        # One who gives up must not take it from those who wait with him.
        return await asyncio.shield(under_way)

    def forget(self) -> None:
        """Let whoever comes from now on load anew: what is under way may be out of date."""
        self._loads.clear()

    def _end(self, key: KeyT, load: asyncio.Future[ValueT]) -> None:
        if self._loads.get(key) is load:
            del self._loads[key]
