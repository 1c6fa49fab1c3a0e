"""P14: from `tallystick up` on an empty folder to the first captured payment, and memory at rest.

Memory is that of the whole set of processes, PostgreSQL among them, each shared page counted once.
"""

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Final

import asyncpg
from msgspec import Struct

from bench.machine import family, memory_mb
from bench.plan import Length
from bench.results import Result
from bench.stage import Stage
from tallystick.cli.here import find_running
from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.pools import connect

_LOG: Final = "up.log"
_LOOK_EVERY_S: Final = 0.05
_START_S: Final = 120.0
_END_S: Final = 60.0
_FIRST_PAYMENT: Final = 'SELECT EXISTS (SELECT FROM "{schema}".payments WHERE captured_minor > 0)'
_NOT_YET: Final = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)


class ColdStartFailed(Exception):
    """`tallystick up` ended, or took no payment in time; the message is the end of its output."""


class Size(Struct, frozen=True):
    """How much of it."""

    starts: int
    rest_s: float


SIZES: Final[dict[Length, Size]] = {
    "full": Size(starts=3, rest_s=10),
    "quick": Size(starts=1, rest_s=5),
    "tiny": Size(starts=1, rest_s=0.5),
}


class Start(Struct, frozen=True):
    """One cold start."""

    first_payment_s: float
    memory_mb: float
    processes: int


async def measure(stage: Stage) -> list[Result]:
    """One result: the median of some starts, each in a folder of its own."""
    if find_spec("tallystick.cli.up") is None:
        return [Result("P14", {}, "there is no `tallystick up` yet", "void")]
    size = SIZES[stage.plan.length]
    starts = [await _start(stage.folder / f"cold-{n}", size) for n in range(size.starts)]
    return [
        Result(
            name="P14",
            figures={
                "first_payment_s": median(one.first_payment_s for one in starts),
                "memory_mb": median(one.memory_mb for one in starts),
            },
            note=f"median of {size.starts}; {starts[-1].processes} processes",
            details={"starts": starts},
        )
    ]


async def _start(home: Path, size: Size) -> Start:
    """Start with customers until the first has paid; then anew without any, and let it rest."""
    home.mkdir(mode=0o711)
    try:
        began_s = perf_counter()
        async with _up(home) as process:
            await _until_paid(process, home)
            first_payment_s = perf_counter() - began_s
        async with _up(home, "--no-traffic") as process:
            await _until_paid(process, home)  # it is the one that is there already
            await asyncio.sleep(size.rest_s)
            everybody = family(process.pid)
            return Start(first_payment_s, memory_mb(everybody), len(everybody))
    finally:
        shutil.rmtree(home, ignore_errors=True)


@asynccontextmanager
async def _up(home: Path, *options: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """`tallystick up` as a newcomer runs it, on a free port; ended with Ctrl-C."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    with (home / _LOG).open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "tallystick.cli", "up", *options),
            cwd=home,
            env={**kept, "TALLYSTICK_HOME": str(home), "PORT": "0"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
            try:
                await asyncio.wait_for(process.wait(), _END_S)
            except TimeoutError:
                process.kill()
                await process.wait()


async def _until_paid(process: asyncio.subprocess.Process, home: Path) -> None:
    """Look into the database until a payment is captured. Raises ColdStartFailed."""
    deadline_s = perf_counter() + _START_S
    while perf_counter() < deadline_s and process.returncode is None:
        await asyncio.sleep(_LOOK_EVERY_S)
        if await _has_payment(home):
            return
    said = (home / _LOG).read_text(encoding="utf-8", errors="replace")
    raise ColdStartFailed(said[-2_000:] or "`tallystick up` said nothing")


async def _has_payment(home: Path) -> bool:
    """Whether a platform runs on this home and a payment is captured there."""
    running = find_running(home)
    addresses = running.database() if running else None
    return bool(addresses and await _is_paid(addresses[0]))


async def _is_paid(login: Address) -> bool:
    try:
        connection = await connect(login)
        try:
            await connection.execute("SET ROLE tallystick_reader")
            return bool(await connection.fetchval(_FIRST_PAYMENT.format(schema=login.schema)))
        finally:
            await connection.close()
    except _NOT_YET:
        return False
