"""The connection by which delivery writes what is its own: positions, leases and letters."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tallystick.platform.postgres.pools import Connection, Database


class Notebook:
    """One writing connection, opened when first needed and again when it was lost."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: Connection | None = None
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Connection]:
        """One transaction of our own. Raises the driver's errors and OSError."""
        async with self._turn:
            if self._connection is None or self._connection.is_closed():
                self._connection = await self._database.open_writer("delivery")
            async with self._connection.transaction():
                yield self._connection

    async def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            await self._connection.close()
