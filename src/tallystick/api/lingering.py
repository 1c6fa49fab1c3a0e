"""Closing on somebody who is still sending, so that he gets to read why.

A connection that is closed with bytes in it that nobody has read is reset, and the reset destroys
the answer on its way. So the answer is sent, our half is closed, and what still comes is thrown
away for a while (RFC 9112, 9.6).
"""

import asyncio
from collections.abc import Callable
from typing import Final

from tallystick.api.joined_writes import JoinedWrites

LINGER_S: Final = 10.0
LINGER_BYTES: Final = 64 * 1024 * 1024


class LingeringTransport(JoinedWrites):
    """A transport that `is_fed` is asked, when it is to be closed, whether more is coming."""

    def __init__(
        self,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
        is_fed: Callable[[], bool],
    ) -> None:
        super().__init__(transport, loop)
        self._is_fed = is_fed
        self._end: asyncio.TimerHandle | None = None
        self._thrown_away_bytes = 0

    @property
    def is_leaving(self) -> bool:
        """Whether what comes now is thrown away."""
        return self._end is not None

    def close(self) -> None:
        """Send what has been gathered, then close: at once, or as soon as nothing more comes."""
        if self._is_fed() and not self.is_closing():
            self.leave()
        else:
            super().close()

    def leave(self) -> None:
        """Close after the other end, or after a while."""
        self.flush()
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._transport.resume_reading()
        self._end = self._loop.call_later(LINGER_S, self._transport.close)
        self.is_closing = lambda: True

    def throw_away(self, data: bytes) -> None:
        """Nobody reads this; too much of it ends the connection."""
        self._thrown_away_bytes += len(data)
        if self._thrown_away_bytes > LINGER_BYTES:
            self._transport.close()

    def has_closed(self) -> None:
        """The connection is lost: nothing is waited for."""
        if self._end is not None:
            self._end.cancel()
