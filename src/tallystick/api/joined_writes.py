"""What is written to a connection within one turn of the event loop leaves in one piece.

Uvicorn writes an answer's head and its body apart, and uvloop sends each of them at once: two
system calls here and two packets for the caller, for every answer.
"""

import asyncio
from collections.abc import Iterable
from typing import Any


class JoinedWrites:
    """A transport that gathers what is written; in everything else it is `transport` itself."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._gathered: list[bytes] = []
        self.is_closing = transport.is_closing  # asked for every request

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send at the end of this turn."""
        if not self._gathered:
            self._loop.call_soon(self.flush)
        self._gathered.append(data)

    def writelines(self, pieces: Iterable[bytes]) -> None:
        """Send at the end of this turn."""
        self.write(b"".join(pieces))

    def flush(self) -> None:
        """Send what has been gathered, if the caller is still there."""
        gathered, self._gathered = self._gathered, []
        if gathered and not self.is_closing():
            self._transport.write(b"".join(gathered))

    def close(self) -> None:
        """Send what has been gathered, then close."""
        self.flush()
        self._transport.close()
