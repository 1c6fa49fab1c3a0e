"""A real PostgreSQL server that comes with the package and lives as long as we do.

    async with embedded_postgres(home) as cluster:
        await migrate(cluster.owner)

It survives our `kill -9` and a reboot: the next start stops what is left over and lets
PostgreSQL recover. One home folder serves one process at a time.
"""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import asyncpg
from msgspec import Struct
from msgspec.structs import replace

from tallystick.platform.postgres import postmaster
from tallystick.platform.postgres.address import DEFAULT_SCHEMA, Address
from tallystick.platform.postgres.place import (
    AlreadyRunning,
    EmbeddedPostgresFailed,
    Place,
    find_place,
    held,
)
from tallystick.platform.postgres.pools import Connection, connect
from tallystick.platform.postgres.programs import find_programs
from tallystick.platform.secrets_file import kept_secrets, make_home, random_secret, usable

__all__ = ["AlreadyRunning", "Cluster", "EmbeddedPostgresFailed", "embedded_postgres"]

DATABASE = "tallystick"
_OWNER_PASSWORD = "embedded_postgres_owner_password"  # noqa: S105 - its name in the secrets file
_LOGIN_PASSWORD = "embedded_postgres_login_password"  # noqa: S105
# The processes of a killed server may need a moment to let go of its shared memory.
_START_PAUSES_S = (0.0, 0.5, 2.0)
_READY_S = 120.0
_POLL_S = 0.02
_NOT_READY = (OSError, asyncpg.CannotConnectNowError, asyncpg.PostgresConnectionError)


class Cluster(Struct, frozen=True):
    """A running server: the login that owns the tables, the servers' own, and where it is.

    Both addresses go over the Unix socket; `over_tcp` gives the same on 127.0.0.1.
    """

    owner: Address
    login: Address
    pid: int
    programs: Path  # the folder of psql, pgbench, pg_dump
    log: Path

    def over_tcp(self) -> "Cluster":
        """The same server by 127.0.0.1, for programs that want a port."""
        return replace(
            self,
            owner=replace(self.owner, host="127.0.0.1"),
            login=replace(self.login, host="127.0.0.1"),
        )


@asynccontextmanager
async def embedded_postgres(
    home: Path,
    *,
    durable: bool = True,
    schema: str = DEFAULT_SCHEMA,
    shared_buffers_mb: int | None = None,
) -> AsyncIterator[Cluster]:
    """The server of this home folder, made on first use and stopped at the end.

    With `durable=False` it does not wait for the disk: for tests only. Without `shared_buffers_mb`
    it takes a share of the machine's memory. Raises AlreadyRunning, EmbeddedPostgresFailed.
    """
    home = home.resolve()  # noqa: ASYNC240 - once, at the start
    make_home(home)
    with usable(home):
        (home / "lock").touch()
    with held(home, home):
        place = find_place(home)
        # Two copies of one home folder would share a place that lies outside of it.
        with held(place.folder, home):
            passwords = kept_secrets(
                home, {_OWNER_PASSWORD: random_secret, _LOGIN_PASSWORD: random_secret}
            )
            programs = await _prepared(place, passwords, durable=durable)
            starting = partial(
                postmaster.start,
                programs,
                place,
                durable=durable,
                shared_buffers_mb=shared_buffers_mb,
            )
            async with _running(place, starting, passwords) as (process, root):
                await _furnish(root, passwords[_LOGIN_PASSWORD])
                owner = replace(root, database=DATABASE, schema=schema)
                yield Cluster(
                    owner=owner,
                    login=replace(owner, user="tallystick", password=passwords[_LOGIN_PASSWORD]),
                    pid=process.pid,
                    programs=programs,
                    log=place.log,
                )


async def _prepared(place: Place, passwords: Mapping[str, str], *, durable: bool) -> Path:
    """The programs, with the data folder made and nobody else on it."""
    programs = await asyncio.to_thread(find_programs, place)
    if not place.data.exists():
        await asyncio.to_thread(
            postmaster.make_cluster, programs, place, passwords[_OWNER_PASSWORD], durable=durable
        )
    await postmaster.clear_the_way(place)
    return programs


@asynccontextmanager
async def _running(
    place: Place,
    starting: Callable[[int], subprocess.Popen[bytes]],
    passwords: Mapping[str, str],
) -> AsyncIterator[tuple[subprocess.Popen[bytes], Address]]:
    """The server answering; started again when it ends at once (its port was just taken, say)."""
    for pause_s in _START_PAUSES_S:
        await asyncio.sleep(pause_s)
        port = postmaster.free_port()
        owner = Address(
            host=str(place.sockets),
            port=port,
            database="postgres",
            user="owner",
            password=passwords[_OWNER_PASSWORD],
        )
        # Not in a thread: the server would die when that thread ends.
        process = starting(port)
        try:
            if await _ready(process, owner, place):
                yield process, owner
                return
        finally:
            await postmaster.stop(process)
    raise EmbeddedPostgresFailed(
        f"PostgreSQL does not start; the end of {place.log}:\n{postmaster.log_tail(place)}"
    )


async def _ready(process: subprocess.Popen[bytes], owner: Address, place: Place) -> bool:
    """Wait for a real connection; False when the server ended instead."""
    for _ in range(int(_READY_S / _POLL_S)):
        if process.poll() is not None:
            return False
        try:
            connection = await connect(owner)
        except asyncpg.InvalidPasswordError:
            raise EmbeddedPostgresFailed(
                f"the passwords in secrets.json do not open the database in {place.data}: "
                "restore that file, or remove that folder to begin anew (its data is lost)"
            ) from None
        except _NOT_READY:
            await asyncio.sleep(_POLL_S)
        else:
            await connection.close()
            return True
    raise EmbeddedPostgresFailed(
        f"PostgreSQL did not answer for {_READY_S:.0f} s; the end of {place.log}:\n"
        f"{postmaster.log_tail(place)}"
    )


async def _furnish(owner: Address, login_password: str) -> None:
    """Make the roles, the servers' login and the database, unless they are there."""
    connection = await connect(owner)
    try:
        for role in ("tallystick_owner", "tallystick_writer", "tallystick_reader"):
            await _make_role(connection, role, "NOLOGIN")
        await _make_role(connection, "tallystick", "LOGIN")
        quoted = await connection.fetchval("SELECT quote_literal($1::text)", login_password)
        await connection.execute(f"ALTER ROLE tallystick PASSWORD {quoted}")
        await connection.execute("GRANT tallystick_writer, tallystick_reader TO tallystick")
        if not await connection.fetchval(
            "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", DATABASE
        ):
            await connection.execute(f"CREATE DATABASE {DATABASE}")
    finally:
        with suppress(OSError):
            await connection.close()


async def _make_role(connection: Connection, name: str, kind: str) -> None:
    if not await connection.fetchval(
        "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", name
    ):
        await connection.execute(f"CREATE ROLE {name} {kind}")
