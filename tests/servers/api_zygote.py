"""Has imported everything already, and forks API processes when told: a start takes a moment.

    python -m tests.servers.api_zygote        (commands on stdin, events on stdout, one JSON a line)

Its first line is the plan. The sockets are inherited and stay open while API processes die and are
born, so whoever connects meanwhile only waits. When stdin ends, all its processes end.
"""

import asyncio
import gc
import os
import selectors
import signal
import socket
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
import uvloop
from msgspec import Struct

from tallystick.api import create_api
from tallystick.api.server import ClosingServer
from tallystick.app import open_app
from tallystick.platform import crash
from tallystick.platform.postgres.address import Address
from tallystick.platform.secrets_file import keep_secrets
from tallystick.platform.settings import Settings, load_settings
from tallystick.platform.telemetry import configure_logging


class Plan(Struct):
    """What all API processes share: settings by field name, the database, the sockets."""

    settings: dict[str, Any]
    address: Address
    sockets: tuple[int, ...]


class Start(Struct, tag="start"):
    """Fork one that serves on the socket of this place; its clock starts at `clock_at`."""

    place: int
    clock_at: datetime | None = None


class Arm(Struct, tag="arm"):
    """Let this process die at `point:n`."""

    pid: int
    spec: str


class Started(Struct, tag="started"):
    """Forked; not ready yet, but what connects will be served."""

    pid: int


class Ready(Struct, tag="ready"):
    """It serves, and closes in order when asked to."""

    pid: int


class Armed(Struct, tag="armed"):
    """It will die at its point."""

    pid: int


class Ended(Struct, tag="ended"):
    """Gone: `code` as `subprocess` tells it, -9 for a SIGKILL."""

    pid: int
    code: int


Command = Start | Arm
Event = Started | Ready | Armed | Ended

_STDIN: Final = 0
_STDOUT: Final = 1
_CHUNK_BYTES: Final = 65_536


def tell(event: Event) -> None:
    """One line, in one piece: several processes write here."""
    os.write(_STDOUT, msgspec.json.encode(event) + b"\n")


class Zygote:
    """The parent of the API processes."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._settings = keep_secrets(load_settings(env_file=None, **plan.settings))
        self._orders: dict[int, int] = {}  # pid -> where its orders are written

    def rehearse(self) -> None:
        """Build everything once, for what the libraries import and prepare only then."""

        async def build() -> None:
            async with open_app(self._settings, address=self._plan.address) as app:
                create_api(app)

        uvloop.run(build())
        gc.collect()
        gc.freeze()  # what exists now is shared by all children for good

    def run(self) -> None:
        """Obey until stdin ends."""
        wakeup, alarm = socket.socketpair()
        alarm.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(alarm.fileno(), warn_on_full_buffer=False)
        selector = selectors.DefaultSelector()
        selector.register(_STDIN, selectors.EVENT_READ)
        selector.register(wakeup, selectors.EVENT_READ)
        unread = b""
        while True:
            ready = {key.fd for key, _ in selector.select()}
            if wakeup.fileno() in ready:
                wakeup.recv(_CHUNK_BYTES)
                self._bury()
            if _STDIN in ready:
                chunk = os.read(_STDIN, _CHUNK_BYTES)
                if not chunk:
                    break
                *lines, unread = (unread + chunk).split(b"\n")
                for line in lines:
                    self._obey(msgspec.json.decode(line, type=Command))
        for pid in self._orders:
            os.kill(pid, signal.SIGKILL)

    def _obey(self, command: Command) -> None:
        if isinstance(command, Start):
            self._fork(command)
        elif command.pid in self._orders:
            os.write(self._orders[command.pid], command.spec.encode())

    def _fork(self, start: Start) -> None:
        heard, said = os.pipe()
        pid = os.fork()
        if pid:
            os.close(heard)
            self._orders[pid] = said
            tell(Started(pid))
            return
        for others in (said, *self._orders.values()):
            os.close(others)
        _live(self._plan, self._settings, start, heard)

    def _bury(self) -> None:
        while self._orders:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            os.close(self._orders.pop(pid))
            tell(Ended(pid, os.waitstatus_to_exitcode(status)))


def _live(plan: Plan, settings: Settings, start: Start, orders: int) -> None:
    """Be an API process, to the end."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        settings = settings.model_copy(update={"test_clock_at": start.clock_at})
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(plan, settings, start.place, orders))
        code = 0
    except BaseException:  # noqa: BLE001 - the parent's stack must not be unwound in the child
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stderr.flush()
        os._exit(code)


async def _serve(plan: Plan, settings: Settings, place: int, orders: int) -> None:
    """As `tallystick.api.serve`, and tells when the first request would be answered."""
    asyncio.get_running_loop().add_reader(orders, _hear, orders)
    listener = socket.socket(fileno=plan.sockets[place])
    async with open_app(settings, address=plan.address) as app:
        await _TellingServer(create_api(app), settings.drain_seconds).serve([listener])


class _TellingServer(ClosingServer):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        tell(Ready(os.getpid()))


def _hear(orders: int) -> None:
    spec = os.read(orders, _CHUNK_BYTES)
    if not spec:  # the zygote is gone, and nobody would end us
        os.kill(os.getpid(), signal.SIGKILL)
    crash.arm(spec.decode())
    tell(Armed(os.getpid()))


def _read_plan() -> Plan:
    line = bytearray()
    while not line.endswith(b"\n"):  # byte by byte: what follows belongs to the loop
        byte = os.read(_STDIN, 1)
        if not byte:
            raise EOFError("no plan on stdin")
        line += byte
    return msgspec.json.decode(line, type=Plan)


def settings_of(settings: Settings, **changes: Any) -> Mapping[str, Any]:
    """The settings of a test as a plan carries them; secrets are read from the home folder."""
    named = settings.model_copy(update=changes).model_fields_set | changes.keys()
    whole = settings.model_copy(update=changes).model_dump(mode="json")
    secrets = {"key_pepper", "master_key", "webhook_auth_secret"}
    return {name: whole[name] for name in named - secrets}


if __name__ == "__main__":
    configure_logging("warning")
    zygote = Zygote(_read_plan())
    zygote.rehearse()
    zygote.run()
    sys.stderr.flush()
    os._exit(0)  # no farewells of the libraries in the log
