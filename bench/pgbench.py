"""pgbench's TPC-B on our server: the measure of every rate here."""

import asyncio
import os
import re
from pathlib import Path
from typing import Final

from msgspec import Struct

from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.embedded import Cluster
from tallystick.platform.postgres.pools import connect

DATABASE: Final = "bench_pgbench"
SCALE: Final = 20
CLIENTS: Final = 8
THREADS: Final = 2
_TPS: Final = re.compile(r"^tps = ([\d.]+)", re.MULTILINE)


class PgbenchFailed(Exception):
    """pgbench did not end well; the message is what it said."""


class Pgbench(Struct, frozen=True):
    """pgbench with its tables made."""

    program: Path
    address: Address

    async def tps(self, seconds: int) -> float:
        """Transactions a second. Raises PgbenchFailed."""
        said = await self._run(
            "--protocol=prepared",
            f"--client={CLIENTS}",
            f"--jobs={THREADS}",
            f"--time={seconds}",
        )
        found = _TPS.search(said)
        if found is None:
            raise PgbenchFailed(said)
        return float(found[1])

    async def fill(self, scale: int) -> None:
        """Make its tables. Raises PgbenchFailed."""
        await self._run("--initialize", "--quiet", f"--scale={scale}")

    async def _run(self, *arguments: str) -> str:
        address = self.address
        process = await asyncio.create_subprocess_exec(
            self.program,
            f"--host={address.host}",
            f"--port={address.port}",
            f"--username={address.user}",
            *arguments,
            address.database,
            env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", "PGPASSWORD": address.password},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            said, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
        if process.returncode:
            raise PgbenchFailed(said.decode(errors="replace"))
        return said.decode()


async def prepare_pgbench(cluster: Cluster, scale: int) -> Pgbench:
    """A database beside ours on the same server, and its tables."""
    connection = await connect(cluster.owner)
    try:
        await connection.execute(f"CREATE DATABASE {DATABASE}")
    finally:
        await connection.close()
    pgbench = Pgbench(cluster.programs / "pgbench", cluster.owner.in_database(DATABASE))
    await pgbench.fill(scale)
    return pgbench
