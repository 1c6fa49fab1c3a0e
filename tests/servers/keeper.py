"""Keeps one PostgreSQL server for a test run, and ends it when the run's owner ends.

    python -m tests.servers.keeper <owner's pid> <run folder>

A process of its own, so that nothing is left behind however pytest ends.
"""

import asyncio
import os
import shutil
import sys
from pathlib import Path

import msgspec
from msgspec.structs import replace

from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.embedded import embedded_postgres
from tallystick.platform.postgres.migrations import migrate
from tallystick.platform.postgres.pools import connect

TEMPLATE = "tallystick_template"
ADDRESS_FILE = "postgres.json"


class Server(msgspec.Struct, frozen=True):
    """The run's server: a login for each role; `database` is a place to stand, not to test in."""

    owner: Address
    login: Address


async def keep(owner_pid: int, run: Path) -> None:
    async with embedded_postgres(run / "home", durable=False) as cluster:
        await _make_template(cluster.owner)
        server = msgspec.json.encode(Server(owner=cluster.owner, login=cluster.login))
        draft = run / "address.new"
        draft.touch(mode=0o600)
        draft.write_bytes(server)
        draft.rename(run / ADDRESS_FILE)
        await _ended(owner_pid)


async def _make_template(owner: Address) -> None:
    connection = await connect(owner)
    try:
        await connection.execute(f"CREATE DATABASE {TEMPLATE}")
        await migrate(replace(owner, database=TEMPLATE))
        # A visitor, autovacuum too, would make every CREATE DATABASE from it wait.
        await connection.execute(f"ALTER DATABASE {TEMPLATE} ALLOW_CONNECTIONS false")
    finally:
        await connection.close()


async def _ended(pid: int) -> None:
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    gone = asyncio.Event()
    asyncio.get_running_loop().add_reader(descriptor, gone.set)
    await gone.wait()
    asyncio.get_running_loop().remove_reader(descriptor)
    os.close(descriptor)


if __name__ == "__main__":
    folder = Path(sys.argv[2])
    try:
        asyncio.run(keep(int(sys.argv[1]), folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
