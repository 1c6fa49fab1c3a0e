"""Requests come in one a turn of the event loop, however many have arrived together.

The journal's lane runs on the same loop and is awaited by the whole cell while it holds its lock:
what PostgreSQL answers it must not stand behind sixty requests that were read at the same time.
"""

import asyncio
from collections import deque


class Turnstile:
    """Lets one in at once, and those behind him in the order in which they came."""

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._turning = False
        self._loop: asyncio.AbstractEventLoop | None = None

    async def enter(self) -> None:
        """Wait for one's turn."""
        # The running loop is asked for once: each time costs a system call.
        loop = self._loop = self._loop or asyncio.get_running_loop()
        if not self._turning:
            self._turning = True
            loop.call_soon(self._turn, loop)
            return
        admitted = loop.create_future()
        self._waiting.append(admitted)
        await admitted

    def _turn(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._waiting:
            admitted = self._waiting.popleft()
            if not admitted.done():  # else he has gone away
                admitted.set_result(None)
                loop.call_soon(self._turn, loop)
                return
        self._turning = False
