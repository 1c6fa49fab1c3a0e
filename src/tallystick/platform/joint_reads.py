"""Reading by key: all that wait become one statement, and so take one connection.

A read joins the next statement, never one that is under way, so whoever asks sees everything that
was durable when he asked.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Final, Generic, TypeVar

KeyT = TypeVar("KeyT", bound=Hashable)
ValueT = TypeVar("ValueT")

KEYS_MAX: Final = 1_000


class JointReads(Generic[KeyT, ValueT]):
    """Finds values by their keys; `fetch` brings those of up to `keys_max` that there are."""

    def __init__(
        self,
        fetch: Callable[[Sequence[KeyT]], Awaitable[Mapping[KeyT, ValueT]]],
        *,
        keys_max: int = KEYS_MAX,
    ) -> None:
        self._fetch = fetch
        self._keys_max = keys_max
        self._waiting: dict[KeyT, asyncio.Future[ValueT | None]] = {}
        self._reading: asyncio.Task[None] | None = None

    async def find(self, key: KeyT) -> ValueT | None:
        """The value of this key. Raises what the statement raises."""
        found = self._waiting.get(key)
        if found is None:
            found = self._waiting[key] = asyncio.get_running_loop().create_future()
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())
        # One who gives up must not take the answer from the others.
        return await asyncio.shield(found)

    async def _read(self) -> None:
        while self._waiting:
            keys = list(self._waiting)[: self._keys_max]
            futures = {key: self._waiting.pop(key) for key in keys}
            try:
                values = await self._fetch(keys)
            except Exception as error:  # noqa: BLE001 - it belongs to those who wait
                for future in futures.values():
                    future.set_exception(error)
            else:
                for key, future in futures.items():
                    future.set_result(values.get(key))
