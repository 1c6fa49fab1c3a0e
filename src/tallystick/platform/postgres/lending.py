"""Lending the connections of a pool: the open ones first, and new ones opened one at a time.

To open a connection, and to plan its first statements, costs as much as a hundred look-ups. A crowd
for which each opened one of its own would keep the server from all of them; and the short patience
of whoever waits would cut most of that off just before it was of use. So nobody who waits opens
anything: he gets the first connection that is free, be it given back or new.
"""

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

import asyncpg
from asyncpg import Record

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[Record]
    Pool: TypeAlias = asyncpg.Pool[Record]
else:
    Connection = asyncpg.Connection

_COUNT_EVERY_S: Final = 1.0  # what stays idle is closed behind our back


class Lending:
    """A pool's connections, lent in the order of asking. `open_s` is the time to open one in."""

    def __init__(self, pool: "Pool", *, open_s: float) -> None:
        self._pool = pool
        self._open_s = open_s
        self._lent = 0
        self._open = 0
        self._counted_at_s = 0.0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._opening: asyncio.Task[None] | None = None

    async def borrow(self) -> Connection:
        """A connection, to be given back. Raises the driver's errors, and OSError."""
        if self._waiting or self._lent >= self._count_open():
            await self._wait()
        else:
            self._lent += 1
        try:
            return cast("Connection", await self._pool.acquire())
        except BaseException:
            self._lent -= 1
            self._lend_on()
            raise

    async def give_back(self, connection: Connection, *, timeout_s: float) -> None:
        """It is free for the next. Raises the driver's errors."""
        try:
            await self._pool.release(cast("Any", connection), timeout=timeout_s)
        finally:
            self._lent -= 1
            self._lend_on()

    async def close(self) -> None:
        """Open nothing any more."""
        if self._opening:
            self._opening.cancel()
            await asyncio.wait([self._opening])

    async def _wait(self) -> None:
        """Until one is lent to us."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        self._open_another()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and not turn.exception():
                self._lent -= 1  # it was lent to one who had just gone
                self._lend_on()
            raise

    def _lend_on(self) -> None:
        """Let those who wait have what is free."""
        while self._waiting and self._lent < self._count_open():
            turn = self._waiting.popleft()
            if not turn.done():
                self._lent += 1
                turn.set_result(None)
        if self._waiting:
            self._open_another()

    def _open_another(self) -> None:
        if self._opening is None and self._open < self._pool.get_max_size():
            self._opening = asyncio.create_task(self._open_one())

    async def _open_one(self) -> None:
        try:
            connection = await self._pool.acquire(timeout=self._open_s)  # the others are all lent
            await self._pool.release(connection)
        except Exception as error:  # noqa: BLE001 - it is told to those who wait for it
            self._tell(error)
        else:
            self._counted_at_s = 0.0
            asyncio.get_running_loop().call_soon(self._lend_on)
        finally:
            self._opening = None

    def _tell(self, error: Exception) -> None:
        """Nobody waits for what cannot be opened, unless another may be given back."""
        while self._waiting and not self._lent:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_exception(error)

    def _count_open(self) -> int:
        now_s = asyncio.get_running_loop().time()
        if now_s >= self._counted_at_s + _COUNT_EVERY_S:
            self._open, self._counted_at_s = self._pool.get_size(), now_s
        return self._open
