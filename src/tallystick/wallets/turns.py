"""Turns: verbs of one process that move a wallet's version wait for one another.

Between processes the journal's versions decide, and the slower one decides again after a pause of
chance, lest two of them keep step and one always loses. Within one process it is cheaper to wait
than to find out. Nothing depends on it but speed.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID
from weakref import WeakValueDictionary

ROUNDS: Final = 20
"""How often a verb decides before it says Conflict."""
_STEP_S: Final = 0.002


@dataclass(frozen=True, slots=True)
class Turns:
    """A lock a wallet, for as long as somebody holds or wants it."""

    _locks: WeakValueDictionary[UUID, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    @asynccontextmanager
    async def of(self, *wallet_ids: UUID) -> AsyncIterator[None]:
        """Wait for the turn of all these wallets; in the order of ids, so nobody waits in vain."""
        async with AsyncExitStack() as stack:
            for wallet_id in sorted(set(wallet_ids)):
                lock = self._locks.setdefault(wallet_id, asyncio.Lock())
                await stack.enter_async_context(lock)
            yield


async def pause_after(losses: int) -> None:
    """Wait a little after so many conflicts in a row: at most 2 ms more each time."""
    await asyncio.sleep(_STEP_S * losses * random.random())  # noqa: S311 - not a secret
