"""API processes of a test: real ones, forked in a moment, killed at will."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import msgspec

from tallystick.platform.listening import listening_socket
from tallystick.platform.postgres.address import Address
from tallystick.platform.settings import Settings
from tests.servers.api_zygote import (
    Arm,
    Armed,
    Command,
    Ended,
    Event,
    Plan,
    Ready,
    Start,
    Started,
    settings_of,
)

_REPOSITORY = Path(__file__).parents[2]
_START_S = 30.0


class ApiProcess:
    """One of them."""

    def __init__(self, pid: int, orders: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        self.pid = pid
        self.ready: asyncio.Future[None] = loop.create_future()
        self.ended: asyncio.Future[int] = loop.create_future()
        self._orders = orders
        self._armed: asyncio.Future[None] = loop.create_future()

    async def arm(self, spec: str) -> None:
        """It dies at `point:n` from now on."""
        await self.ready
        write(self._orders, Arm(self.pid, spec))
        await self._armed

    async def kill(self) -> None:
        """As by `kill -9`; returns when it is gone."""
        os.kill(self.pid, signal.SIGKILL)
        await self.ended

    def terminate(self) -> None:
        """Ask it to close, as a supervisor does."""
        os.kill(self.pid, signal.SIGTERM)

    def learn(self, event: Event) -> None:
        """What the zygote heard of it."""
        match event:
            case Ready():
                self.ready.set_result(None)
            case Armed():
                self._armed.set_result(None)
            case Ended():
                self.ended.set_result(event.code)


class ApiProcesses:
    """All of them, and the sockets they serve on. Made by `api_processes`."""

    def __init__(
        self, zygote: asyncio.subprocess.Process, sockets: Sequence[socket.socket], log: Path
    ) -> None:
        self.ports = [listener.getsockname()[1] for listener in sockets]
        self.log = log
        self._zygote = zygote
        self._processes: dict[int, ApiProcess] = {}
        self._starting: asyncio.Queue[ApiProcess] = asyncio.Queue()

    async def start(self, place: int = 0, *, clock_at: datetime | None = None) -> ApiProcess:
        """One more, on the socket of this place; it may not be ready yet, its socket is."""
        write(self._orders, Start(place, clock_at))
        async with asyncio.timeout(_START_S):
            return await self._starting.get()

    async def listen(self) -> None:
        """Hear what the zygote tells, until it ends."""
        assert self._zygote.stdout is not None
        while line := await self._zygote.stdout.readline():
            event: Event = msgspec.json.decode(line, type=Event)
            if isinstance(event, Started):
                process = self._processes[event.pid] = ApiProcess(event.pid, self._orders)
                self._starting.put_nowait(process)
            else:
                self._processes[event.pid].learn(event)

    @property
    def _orders(self) -> asyncio.StreamWriter:
        assert self._zygote.stdin is not None
        return self._zygote.stdin


@asynccontextmanager
async def api_processes(
    settings: Settings, address: Address, folder: Path, *, places: int = 1
) -> AsyncIterator[ApiProcesses]:
    """A zygote ready to fork API processes over this database, with `places` sockets to serve on.

    Their log is `folder/api.log`.
    """
    sockets = [listening_socket("127.0.0.1", 0) for _ in range(places)]
    numbers = tuple(listener.fileno() for listener in sockets)
    log = folder / "api.log"
    with log.open("wb") as told:
        zygote = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.servers.api_zygote"),
            cwd=_REPOSITORY,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=told,
            pass_fds=numbers,
        )
    processes = ApiProcesses(zygote, sockets, log)
    listening = asyncio.create_task(processes.listen())
    assert zygote.stdin is not None
    try:
        write(zygote.stdin, Plan(dict(settings_of(settings)), address, numbers))
        yield processes
    finally:
        zygote.stdin.close()
        await zygote.wait()
        await listening
        for listener in sockets:
            listener.close()


def write(orders: asyncio.StreamWriter, said: Plan | Command) -> None:
    """One line to the zygote."""
    orders.write(msgspec.json.encode(said) + b"\n")
