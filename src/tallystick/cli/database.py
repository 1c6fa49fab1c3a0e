"""The database a command works on: the named one, that of a running platform, or the embedded
one, started for as long as the command takes.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tallystick.cli.here import SOON_S, find_running, settings_here
from tallystick.platform.postgres.address import Address, outside_login, outside_owner
from tallystick.platform.postgres.embedded import embedded_postgres
from tallystick.platform.postgres.migrations import migrate
from tallystick.platform.postgres.pools import connect
from tallystick.platform.settings import Settings

if TYPE_CHECKING:
    from tallystick.app import App

CONNECT_S: Final = 3.0
ACQUIRE_MS: Final = 5_000
LONG_STATEMENT_MS: Final = 900_000
# Where nobody listens: a command that talks to no bank needs no sandbox, but its routes must lead
# somewhere.
_NOWHERE: Final = 9


class Reached(Struct, frozen=True):
    """A database that answers: the servers' login there, and its owner's."""

    login: Address
    owner: Address


@asynccontextmanager
async def reached_database(settings: Settings, *, migrated: bool = True) -> AsyncIterator[Reached]:
    """The database of these settings; the embedded one is brought up to date if it is started.

    Raises EmbeddedPostgresFailed, AlreadyRunning, MigrationError.
    """
    if found := named_database(settings) or await _running_database(settings):
        yield found
        return
    async with embedded_postgres(
        settings.tallystick_home,
        schema=settings.db_schema,
        shared_buffers_mb=settings.db_shared_buffers_mb,
    ) as cluster:
        if migrated:
            await migrate(cluster.owner)
        yield Reached(cluster.login, cluster.owner)


@asynccontextmanager
async def opened_app() -> "AsyncIterator[tuple[App, Reached]]":
    """The whole house for one command, with this machine's settings.

    Beside a running platform its banks are asked, whose port it may have chosen itself, and what
    is left open is looked for as soon as it does.
    """
    settings = settings_here()
    running = find_running(settings.tallystick_home)
    if running and settings.mode == "test":
        settings = _looking_soon(settings)
    async with (
        reached_database(settings) as reached,
        app_over(settings, reached, sandbox_port=running.sandbox_port if running else 0) as app,
    ):
        yield app, reached


@asynccontextmanager
async def app_over(
    settings: Settings, reached: Reached, *, sandbox_port: int = 0
) -> "AsyncIterator[App]":
    """The house over a database, with small pools and statements that may take their time."""
    from tallystick.app import open_app
    from tallystick.platform.telemetry import configure_logging

    configure_logging("error")
    tuned = settings.model_copy(
        update={
            "db_pool_min": 0,
            "db_acquire_timeout": ACQUIRE_MS,
            "db_request_acquire_timeout": ACQUIRE_MS,
            "db_statement_timeout": LONG_STATEMENT_MS,
            "sandbox_port": sandbox_port or settings.sandbox_port or _NOWHERE,
        }
    )
    async with open_app(tuned, address=reached.login) as app:
        yield app


def _looking_soon(settings: Settings) -> Settings:
    """As the servers of a platform in test mode do, unless somebody chose otherwise."""
    if "recovery_schedule_s" in settings.model_fields_set:
        return settings
    return settings.model_copy(update={"recovery_schedule_s": SOON_S})


async def bring_up_to_date(reached: Reached) -> tuple[str, ...]:
    """Migrate, admit the servers' login, make the coming months; the names of what was new."""
    from tallystick.intake import ensure_partitions

    applied = await migrate(reached.owner, login=reached.login.user)
    await ensure_partitions(reached.owner, datetime.now(UTC))
    return applied


def named_database(settings: Settings) -> Reached | None:
    """The database that the settings name."""
    login, owner = outside_login(settings), outside_owner(settings)
    return Reached(login, owner) if login and owner else None


async def _running_database(settings: Settings) -> Reached | None:
    """The embedded database of a platform that runs on this home, if it really answers."""
    running = find_running(settings.tallystick_home)
    addresses = running.database() if running else None
    if addresses is None:
        return None
    try:
        connection = await connect(addresses[0], timeout=CONNECT_S)
    except OSError:
        return None
    await connection.close()
    return Reached(*addresses)
