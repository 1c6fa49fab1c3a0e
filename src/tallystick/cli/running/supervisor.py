"""The supervisor: PostgreSQL, the sandbox's banks, the API and the worker, as one platform.

It starts them side by side where it can, restarts what dies, and stops all in the order in which
nobody is left waiting: API, worker, banks, database. It imports no server itself.
"""

import asyncio
import os
import shutil
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from tallystick.cli.database import Reached, named_database
from tallystick.cli.here import Running, forget_running, write_running
from tallystick.cli.lifeline import INHERITED
from tallystick.cli.running.children import METRICS_FOLDER, Child, alive_until, stop_all
from tallystick.cli.running.environment import (
    sandbox_environment,
    server_environment,
    worker_environment,
)
from tallystick.cli.running.ports import listen, listen_for_metrics, url_of
from tallystick.cli.running.topics import topics_made
from tallystick.platform.postgres.embedded import embedded_postgres
from tallystick.platform.postgres.migrations import migrate
from tallystick.platform.postgres.place import held
from tallystick.platform.postgres.postmaster import free_port
from tallystick.platform.secrets_file import make_home
from tallystick.platform.settings import Settings

API_STOP_S: Final = 40.0  # it drains, then finishes what is inside
WORKER_STOP_S: Final = 25.0
SANDBOX_STOP_S: Final = 5.0
NOTICES: Final = 50

Tell = Callable[[str], None]


@dataclass
class Crew:
    """The children: who they are, and in which order they leave."""

    home: Path
    tell: Tell
    sandbox: tuple[Child, ...] = ()
    api: tuple[Child, ...] = ()
    worker: tuple[Child, ...] = ()

    def everybody(self) -> tuple[Child, ...]:
        return (*self.api, *self.worker, *self.sandbox)

    def child(
        self,
        name: str,
        *arguments: str,
        environment: dict[str, str],
        descriptors: tuple[int, ...] = (),
    ) -> Child:
        """One of them, not started yet."""
        log = self.home / "logs" / f"{name.replace(' ', '-')}.log"
        return Child(name, arguments, environment, log, self.tell, descriptors)

    async def stop(self) -> None:
        """Let everybody leave in order; does nothing a second time."""
        for children, patience_s in (
            (self.api, API_STOP_S),
            (self.worker, WORKER_STOP_S),
            (self.sandbox, SANDBOX_STOP_S),
        ):
            await stop_all(children, patience_s)
        self.api = self.worker = self.sandbox = ()


@dataclass(frozen=True)
class Platform:
    """A running platform, as its supervisor sees it."""

    settings: Settings
    api_url: str
    sandbox_port: int
    reached: Reached
    crew: Crew
    database_ended: asyncio.Event
    notices: deque[tuple[float, str]] = field(repr=False)  # monotonic seconds, what happened

    async def api_answers(self) -> None:
        """Return when the API says that it is ready. Raises CannotRun when it does not start."""
        from tallystick.cli.api_client import ask_ready

        # The socket listens since before the API began to start: one question is enough.
        await alive_until(self.crew.api[0], asyncio.create_task(ask_ready(self.api_url)))


@asynccontextmanager
async def running_platform(
    settings: Settings, tell: Tell, *, port: int | None = None
) -> AsyncIterator[Platform]:
    """Everything, started; the API may still need a moment (`Platform.api_answers`).

    `tell` hears that it begins; `port` overrides the settings'. Raises AlreadyRunning, PortTaken,
    EmbeddedPostgresFailed, MigrationError.
    """
    home = settings.tallystick_home.resolve()
    make_home(home)
    with held(home, home):
        pass  # a clear word before anything is started; the real hold follows
    notices: deque[tuple[float, str]] = deque(maxlen=NOTICES)
    crew = Crew(home, lambda text: notices.append((time.monotonic(), text)))
    sandbox_port = _sandbox_port(settings)
    is_embedded = named_database(settings) is None
    with (
        listen(settings.host, settings.port if port is None else port) as listener,
        listen_for_metrics(settings) or nullcontext() as metrics,
    ):
        tell(f"starting {'PostgreSQL, ' if is_embedded else ''}banks, API and worker in {home} ...")
        try:
            _start_sandbox(crew, sandbox_port)
            async with _database(settings, home) as (reached, pid):
                await migrate(reached.owner, login=reached.login.user)
                _start_servers(
                    crew,
                    settings,
                    reached,
                    sandbox_port,
                    listener=listener.fileno(),
                    metrics=metrics and metrics.fileno(),
                )
                platform = Platform(
                    settings=settings,
                    api_url=url_of(listener, settings.host),
                    sandbox_port=sandbox_port,
                    reached=reached,
                    crew=crew,
                    database_ended=asyncio.Event(),
                    notices=notices,
                )
                with (
                    _announced(platform, home),
                    _watched(pid, platform.database_ended),
                    topics_made(settings, crew.tell),
                ):
                    try:
                        yield platform
                    finally:
                        listener.close()  # so that nobody queues up for an API that is leaving
                        await crew.stop()
        finally:
            await crew.stop()


@asynccontextmanager
async def _database(settings: Settings, home: Path) -> AsyncIterator[tuple[Reached, int | None]]:
    """The database and, if it is the embedded one, its pid. The home folder is ours meanwhile."""
    if named := named_database(settings):
        with held(home, home):
            yield named, None
        return
    async with embedded_postgres(
        home, schema=settings.db_schema, shared_buffers_mb=settings.db_shared_buffers_mb
    ) as cluster:
        yield Reached(cluster.login, cluster.owner), cluster.pid


def _sandbox_port(settings: Settings) -> int:
    """0 when no route leads to the sandbox."""
    if all(route.base_url for route in settings.payment_routes):
        return 0
    return settings.sandbox_port or free_port()


def _start_sandbox(crew: Crew, port: int) -> None:
    if port:
        environment = sandbox_environment(crew.home, port)
        crew.sandbox = (crew.child("sandbox", "sandbox", environment=environment),)
        crew.sandbox[0].start()


def _start_servers(
    crew: Crew,
    settings: Settings,
    reached: Reached,
    sandbox_port: int,
    *,
    listener: int,
    metrics: int | None,
) -> None:
    embedded = named_database(settings) is None
    login, owner = (reached.login, reached.owner) if embedded else (None, None)
    environment = server_environment(settings, crew.home, sandbox_port, login)
    environment[METRICS_FOLDER] = str(_empty_folder(crew.home / "metrics"))
    crew.api = tuple(
        crew.child(
            f"api {number}",
            *("serve", INHERITED, str(listener)),
            environment=environment,
            descriptors=(listener,),
        )
        for number in range(1, settings.api_processes + 1)
    )
    environment = worker_environment(settings, environment, owner)
    shown = () if metrics is None else (INHERITED, str(metrics))
    crew.worker = (
        crew.child(
            "worker",
            *("work", *shown),
            environment=environment,
            descriptors=() if metrics is None else (metrics,),
        ),
    )
    for child in (*crew.api, *crew.worker):
        child.start()


@contextmanager
def _announced(platform: Platform, home: Path) -> Iterator[None]:
    """Say in the home folder where we are, for the other commands."""
    addresses = {}
    if named_database(platform.settings) is None:
        reached = platform.reached
        addresses = {
            "login": msgspec.to_builtins(reached.login),
            "owner": msgspec.to_builtins(reached.owner),
        }
    write_running(home, Running(os.getpid(), platform.api_url, platform.sandbox_port, **addresses))
    try:
        yield
    finally:
        forget_running(home)


@contextmanager
def _watched(pid: int | None, ended: asyncio.Event) -> Iterator[None]:
    """Set `ended` when the process does."""
    if pid is None or not hasattr(os, "pidfd_open"):
        yield
        return
    descriptor = os.pidfd_open(pid)
    loop = asyncio.get_running_loop()

    def tell() -> None:
        loop.remove_reader(descriptor)
        ended.set()

    loop.add_reader(descriptor, tell)
    try:
        yield
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def _empty_folder(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
