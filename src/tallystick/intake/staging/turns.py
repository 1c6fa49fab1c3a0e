"""Batches recorded side by side claim rows and take their references one after the other.

Two that did so at once would take every other row each, and then wait for each other's references
to be committed; and of two rows with one reference the later one might win.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

LetGo = Callable[[], None]


@asynccontextmanager
async def in_turn(turn: asyncio.Lock) -> AsyncIterator[LetGo]:
    """Hold `turn` until the function that this yields is called, or until the block ends."""
    await turn.acquire()
    held = [turn]

    def let_go() -> None:
        if held:
            held.pop().release()

    try:
        yield let_go
    finally:
        let_go()
