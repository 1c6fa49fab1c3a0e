"""A listening socket that several processes share, so that each gets its share of connections.

All of them are woken by a connection, and as a rule the same one is the quickest. Connections are
kept for minutes, so it would go on to do most of the work. Here the fuller process waits a little
longer before it accepts, and an emptier one is there first.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Final

from tallystick.platform.telemetry import get_logger

WAIT_S_MAX: Final = 0.008
HALF_WAIT_CONNECTIONS: Final = 64  # so many held make for half of that
ACCEPTED_AT_ONCE: Final = 4
PAUSE_S: Final = 0.5  # where nothing can be accepted, for want of file descriptors for instance

_log = get_logger("tallystick.api")


def patience_s(held: int) -> float:
    """How long a process that holds so many connections waits before it accepts another."""
    return WAIT_S_MAX * held / (held + HALF_WAIT_CONNECTIONS)


class EvenListener:
    """Accepts connections on `listener`, which stays open when this is closed.

    `held` says how many this process holds. The socket is set to non-blocking.
    """

    def __init__(
        self,
        listener: socket.socket,
        make_protocol: Callable[[], asyncio.Protocol],
        held: Callable[[], int],
    ) -> None:
        self._listener = listener
        self._make_protocol = make_protocol
        self._held = held
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._opening: set[asyncio.Task[None]] = set()
        listener.settimeout(0)
        self._watch()

    def close(self) -> None:
        """Accept no more; what is open stays open."""
        self._loop.remove_reader(self._listener)
        if self._timer:
            self._timer.cancel()

    async def wait_closed(self) -> None:
        """Until every accepted connection has become one of the server's."""
        await asyncio.gather(*self._opening, return_exceptions=True)

    def _watch(self) -> None:
        self._loop.add_reader(self._listener, self._hold_back)

    def _hold_back(self) -> None:
        self._loop.remove_reader(self._listener)
        self._timer = self._loop.call_later(patience_s(self._held()), self._accept)

    def _accept(self) -> None:
        try:
            for _ in range(ACCEPTED_AT_ONCE):
                connection, _ = self._listener.accept()
                task = self._loop.create_task(self._open(connection))
                self._opening.add(task)
                task.add_done_callback(self._opening.discard)
        except (BlockingIOError, ConnectionAbortedError, InterruptedError):
            pass  # another process was there first, or the caller has gone
        except OSError as error:
            _log.warning("not_accepted", error=str(error))
            self._timer = self._loop.call_later(PAUSE_S, self._watch)
            return
        self._watch()

    async def _open(self, connection: socket.socket) -> None:
        connection.settimeout(0)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await self._loop.connect_accepted_socket(self._make_protocol, connection)
