"""The line to the banks: while it is cut, none of them can be reached."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

_CHUNK_BYTES = 65_536


@dataclass
class TelephoneLine:
    """Carries every connection on to the banks, or drops it."""

    banks_port: int
    is_cut: bool = False
    port: int = 0
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    def cut(self) -> None:
        """Whoever is on the line is cut off, and nobody gets through any more."""
        self.is_cut = True
        for writer in self._open:
            writer.transport.abort()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One caller, until he or the bank hangs up."""
        if self.is_cut:
            writer.transport.abort()
            return
        from_bank, to_bank = await asyncio.open_connection("127.0.0.1", self.banks_port)
        ends = {writer, to_bank}
        self._open |= ends
        try:
            await asyncio.gather(_pass_on(reader, to_bank), _pass_on(from_bank, writer))
        finally:
            self._open -= ends


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while said := await reader.read(_CHUNK_BYTES):
            writer.write(said)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def telephone_line(banks_port: int) -> AsyncIterator[TelephoneLine]:
    """A line on a port of its own, until the block is left."""
    line = TelephoneLine(banks_port)
    server = await asyncio.start_server(line.carry, "127.0.0.1", 0)
    line.port = server.sockets[0].getsockname()[1]
    try:
        yield line
    finally:
        server.close()
        line.cut()
