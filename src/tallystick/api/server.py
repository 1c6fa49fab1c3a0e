"""Serving the door with uvicorn, and closing it so that nobody notices.

At the first SIGTERM or SIGINT `/ready` says no, while everything is still served, so that
whoever sends requests here stops; after `drain_seconds` nothing new is accepted, what is inside is
finished (at most 25 s) and the process ends. A second signal ends it at once.
"""

import asyncio
import gc
import socket
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Final, cast

from uvicorn import Config, Server
from uvicorn.server import HANDLED_SIGNALS

from tallystick.api.connection import PatientConnection
from tallystick.api.door import create_api
from tallystick.api.even_listener import EvenListener
from tallystick.api.gate import Gate
from tallystick.api.metrics_listener import metrics_on
from tallystick.app import App
from tallystick.platform.listening import BACKLOG
from tallystick.platform.settings import Settings
from tallystick.platform.telemetry import get_logger

FINISH_S: Final = 25
IDLE_CONNECTION_S: Final = 75
# Python looks for circles after 700 new objects, and a hundred requests in flight hold more.
GARBAGE_OBJECTS: Final = 20_000

_log = get_logger("tallystick.api")


async def serve(
    open_app: Callable[[], AbstractAsyncContextManager[App]],
    settings: Settings,
    sockets: Sequence[socket.socket],
    metrics: socket.socket | None = None,
) -> None:
    """Serve on these sockets until a signal comes and all is finished. The sockets are closed.

    `metrics` is the socket of their own, if they have one.
    """
    with _ended_by_signals() as ended:
        await _serve(open_app, settings, sockets, metrics)
    if ended:
        _log.info("ended_before_serving")


@contextmanager
def _ended_by_signals() -> Generator[list[int], None, None]:
    """Until the server listens to signals itself, the first one ends the block, in good order."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    ended: list[int] = []

    def end(number: int) -> None:
        ended.append(number)
        if task:
            task.cancel()

    for number in HANDLED_SIGNALS:
        loop.add_signal_handler(number, end, number)
    try:
        yield ended
    except asyncio.CancelledError:
        if not ended:
            raise
    finally:
        for number in HANDLED_SIGNALS:
            loop.remove_signal_handler(number)


async def _serve(
    open_app: Callable[[], AbstractAsyncContextManager[App]],
    settings: Settings,
    sockets: Sequence[socket.socket],
    metrics: socket.socket | None,
) -> None:
    async with open_app() as app, metrics_on(metrics, app):
        door = create_api(app)
        await app.recording.references.warm_at_start()
        # What is built now stays for ever: the collector need not walk through it again and again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(GARBAGE_OBJECTS)
        try:
            server = ClosingServer(door, settings.drain_seconds, shares=settings.api_processes > 1)
            await server.serve(list(sockets))
        finally:
            door.access_log.flush()


class ClosingServer(Server):
    """Uvicorn's server with our way of closing, and of sharing a socket with other processes."""

    def __init__(self, door: Gate, drain_s: float, *, shares: bool = False) -> None:
        super().__init__(
            Config(
                door,
                http=PatientConnection,
                loop="none",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=IDLE_CONNECTION_S,
                timeout_graceful_shutdown=FINISH_S,
                backlog=BACKLOG,
            )
        )
        self._door = door
        self._drain_s = drain_s
        self._drain: asyncio.Task[None] | None = None
        self._shares = shares

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen; where the sockets are shared, so that every process gets its part."""
        if not self._shares:
            await super().startup(sockets)
            return
        await super().startup([])
        for listener in sockets or []:
            even = EvenListener(listener, self._new_connection, self._count_connections)
            self.servers.append(cast("asyncio.Server", even))  # it is closed and awaited, no more

    def _new_connection(self) -> asyncio.Protocol:
        return PatientConnection(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )

    def _count_connections(self) -> int:
        return len(self.server_state.connections)

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Ours instead of uvicorn's, which raises the signal again when all is done."""
        loop = asyncio.get_running_loop()
        for number in HANDLED_SIGNALS:
            loop.add_signal_handler(number, self.close)
        try:
            yield
        finally:
            for number in HANDLED_SIGNALS:
                loop.remove_signal_handler(number)

    def close(self) -> None:
        """Begin to close; called again, end at once."""
        if self._drain is None:
            self._door.readiness.draining = True
            _log.info("draining", drain_s=self._drain_s)
            self._drain = asyncio.get_running_loop().create_task(self._close_later())
        else:
            self.should_exit = self.force_exit = True

    async def _close_later(self) -> None:
        await asyncio.sleep(self._drain_s)
        self.should_exit = True
