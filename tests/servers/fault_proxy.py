"""A TCP proxy before PostgreSQL that loses the request or the reply of a COMMIT on demand.

`fate` is asked at every COMMIT that passes by; both sides see the connection reset.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Literal

from tallystick.platform.postgres.address import Address

Fate = Literal["pass", "lose_request", "lose_reply"]
_COMMIT = b"COMMIT\x00"  # the end of a simple query: COMMIT alone, or a script that ends with it
_CHUNK_BYTES = 65_536


class FaultProxy:
    """Forwards bytes both ways until fate decides otherwise."""

    def __init__(self, server: Address, fate: Callable[[], Fate]) -> None:
        self._server = server
        self._fate = fate
        self.cuts = {"lose_request": 0, "lose_reply": 0}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream_reader, upstream_writer = await self._connect()
        line = _Line(self, reader, writer, upstream_reader, upstream_writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await asyncio.wait(
                [asyncio.create_task(line.requests()), asyncio.create_task(line.replies())],
                return_when=asyncio.FIRST_COMPLETED,
            )
        line.abort()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._server.host.startswith("/"):
            socket_path = f"{self._server.host}/.s.PGSQL.{self._server.port}"
            return await asyncio.open_unix_connection(socket_path)
        return await asyncio.open_connection(self._server.host, self._server.port)

    def next_fate(self) -> Fate:
        fate = self._fate()
        if fate != "pass":
            self.cuts[fate] += 1
        return fate


class _Line:
    """One client's connection and its twin to the server."""

    def __init__(
        self,
        proxy: FaultProxy,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        upstream_reader: asyncio.StreamReader,
        upstream_writer: asyncio.StreamWriter,
    ) -> None:
        self._proxy = proxy
        self._reader, self._writer = reader, writer
        self._upstream_reader, self._upstream_writer = upstream_reader, upstream_writer
        self._losing_reply = False

    async def requests(self) -> None:
        while chunk := await self._reader.read(_CHUNK_BYTES):
            if chunk.endswith(_COMMIT):
                fate = self._proxy.next_fate()
                if fate == "lose_request":
                    return
                self._losing_reply = fate == "lose_reply"
            self._upstream_writer.write(chunk)
            await self._upstream_writer.drain()

    async def replies(self) -> None:
        while chunk := await self._upstream_reader.read(_CHUNK_BYTES):
            if self._losing_reply:
                return
            self._writer.write(chunk)
            await self._writer.drain()

    def abort(self) -> None:
        self._writer.transport.abort()
        self._upstream_writer.transport.abort()


@contextlib.asynccontextmanager
async def fault_proxy(
    server: Address, fate: Callable[[], Fate]
) -> AsyncIterator[tuple[FaultProxy, int]]:
    """The proxy and the port it listens on."""
    proxy = FaultProxy(server, fate)
    listener = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    try:
        yield proxy, listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
