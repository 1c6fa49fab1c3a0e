"""Servers started here and elsewhere, and whether a process lives."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tallystick.platform.postgres.embedded import Cluster
from tallystick.platform.postgres.place import User
from tallystick.platform.postgres.pools import Connection, connect

# Starts a server, writes a row, says its pid and waits to be killed.
_STARTER = """
import asyncio, os, pwd, sys
from pathlib import Path
from tallystick.platform.postgres import postmaster
from tallystick.platform.postgres.embedded import embedded_postgres
from tallystick.platform.postgres.pools import connect

async def main():
    async with embedded_postgres(Path(sys.argv[1])) as cluster:
        connection = await connect(cluster.owner)
        await connection.execute("CREATE TABLE IF NOT EXISTS notes (said text)")
        await connection.execute("INSERT INTO notes VALUES ('before the crash')")
        print(cluster.pid, flush=True)
        await asyncio.sleep(60)

if sys.argv[2:] == ["orphaning"]:
    postmaster._dying_with_us = lambda: None
if sys.argv[2:] == ["as", "games"]:
    import concurrent.futures.thread, encodings.idna, stringprep  # out of his reach afterwards
    user = pwd.getpwnam("games")
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
asyncio.run(main())
"""


@asynccontextmanager
async def connected(cluster: Cluster) -> AsyncIterator[Connection]:
    connection = await connect(cluster.owner)
    try:
        yield connection
    finally:
        await connection.close()


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""
    except OSError:
        return False


def wait_until_gone(pid: int) -> None:
    for _ in range(500):
        if not lives(pid):
            return
        time.sleep(0.02)
    raise AssertionError(f"process {pid} is still there")


@asynccontextmanager
async def started_elsewhere(home: Path, *how: str) -> AsyncIterator[tuple[int, int]]:
    """The pids of another process that started the server, and of the server."""
    starter = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _STARTER, str(home), *how, stdout=subprocess.PIPE
    )
    assert starter.stdout is not None
    server = int(await starter.stdout.readline())
    try:
        yield starter.pid, server
    finally:
        if starter.returncode is None:
            starter.kill()
        await starter.wait()
        if how != ("orphaning",):
            wait_until_gone(server)


def sleeper(user: User) -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sleep", "60"], **user.subprocess_options())


def made(home: Path) -> Path:
    home.mkdir(parents=True)
    return home
