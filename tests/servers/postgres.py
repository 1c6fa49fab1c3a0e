"""One embedded PostgreSQL for a whole test run, whatever number of workers shares it.

The first that asks starts a keeper (`keeper.py`), the others read the address it left.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.pools import Connection, connect
from tests.servers.keeper import ADDRESS_FILE, TEMPLATE, Server

_START_S = 120.0
_POLL_S = 0.05
_MEMORY = Path("/dev/shm")
_ROOM_BYTES = 2 << 30  # some 300 MB are used; a container's usual 64 MB are not enough
_REPOSITORY = Path(__file__).parents[2]
_keepers: list[subprocess.Popen[bytes]] = []  # outlive us on purpose: Python would warn of one


def find_server(run_id: str) -> Server:
    """The run's server, started if nobody did yet. `run_id` is the same for all its workers."""
    run = _run_folder(run_id)
    run.mkdir(exist_ok=True)
    run.chmod(0o711)  # root's server runs as nobody, who must pass
    with (run / "starting.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        address = run / ADDRESS_FILE
        if not address.exists():
            _start_keeper(run)
        return msgspec.json.decode(address.read_bytes(), type=Server)


@asynccontextmanager
async def cloned_database(server: Server) -> AsyncIterator[str]:
    """The name of a fresh, migrated database, which is gone afterwards."""
    name = f"test_{uuid.uuid4().hex[:16]}"
    async with _administering(server.owner) as connection:
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY file_copy")
        try:
            yield name
        finally:
            await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@asynccontextmanager
async def _administering(owner: Address) -> AsyncIterator[Connection]:
    connection = await connect(owner)
    try:
        yield connection
    finally:
        await connection.close()


def _run_folder(run_id: str) -> Path:
    """In memory where there is room: on a disk a database takes ten times as long to make."""
    name = f"tallystick-tests-{os.getuid()}-{run_id}"
    if (_MEMORY / name).exists() or _has_room(_MEMORY):
        return _MEMORY / name
    return Path(tempfile.gettempdir(), name)


def _has_room(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free >= _ROOM_BYTES and os.access(folder, os.W_OK)
    except OSError:
        return False


def _start_keeper(run: Path) -> None:
    owner = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
    with (run / "keeper.log").open("a+b") as log:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "tests.servers.keeper", str(owner), str(run)],
            cwd=_REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        _keepers.append(keeper)
        deadline = time.monotonic() + _START_S
        while not (run / ADDRESS_FILE).exists():
            if keeper.poll() is not None or time.monotonic() > deadline:
                log.seek(0)
                raise RuntimeError(f"no PostgreSQL for the tests: {log.read().decode()}")
            time.sleep(_POLL_S)
