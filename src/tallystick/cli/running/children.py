"""Child processes: started, watched, started again when they die by themselves, stopped in order.

A child is another `tallystick` command. It is out of reach of the terminal's Ctrl-C, which is the
supervisor's to act on, and it dies with the supervisor (`lifeline.py`).
"""

import asyncio
import os
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from tallystick.cli.failures import CannotRun
from tallystick.cli.lifeline import LIFELINE

PAUSES_S: Final = (0.5, 1.0, 2.0, 5.0, 10.0)
METRICS_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
"""The library's variable: where all children count, so that each can show the sums."""
HEALTHY_S: Final = 30.0
"""After so long a death is a new trouble, not the old one again."""

_LOG_BYTES: Final = 10_000_000
_TAIL_BYTES: Final = 4_000
_TAIL_LINES: Final = 5


@dataclass
class Child:
    """One process of ours. `tell` hears of deaths nobody asked for."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    tell: Callable[[str], None]
    descriptors: Sequence[int] = ()  # open files it inherits
    deaths: int = 0
    died: asyncio.Event = field(default_factory=asyncio.Event)
    _process: Process | None = None
    _keeper: asyncio.Task[None] | None = None

    @property
    def state(self) -> str:
        """`running`, `restarting` or `stopped`."""
        if self._keeper is None or self._keeper.done():
            return "stopped"
        return "running" if self._process and self._process.returncode is None else "restarting"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start it, and again whenever it dies, until `stop`."""
        self._keeper = asyncio.create_task(self._keep(), name=self.name)

    async def stop(self, patience_s: float) -> None:
        """Ask it to end and wait; kill it when that takes too long or when we are cancelled."""
        if self._keeper is None:
            return
        self._keeper.cancel()
        process = self._process
        if process is None or process.returncode is not None:
            return
        try:
            process.terminate()
            await asyncio.wait_for(process.wait(), patience_s)
        except TimeoutError:
            self.tell(f"{self.name} did not end within {patience_s:g} s and was killed")
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()

    def log_tail(self) -> str:
        """The last lines it wrote."""
        with suppress(OSError), self.log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            lines = file.read().decode(errors="replace").splitlines()
            return "\n".join(lines[-_TAIL_LINES:])
        return "(no log)"

    async def _keep(self) -> None:
        failures = 0
        while True:
            began_at = time.monotonic()
            try:
                self._process = await self._spawn()
                end = _end(await self._process.wait())
                self._forget(self._process.pid)
            except OSError as error:  # no memory, no process left
                end = f"could not be started ({error})"
            self.deaths += 1
            self.died.set()
            failures = 1 if time.monotonic() - began_at > HEALTHY_S else failures + 1
            pause_s = PAUSES_S[min(failures, len(PAUSES_S)) - 1]
            self.tell(f"{self.name} {end}; starting it again in {pause_s:g} s")
            await asyncio.sleep(pause_s)

    def _forget(self, pid: int) -> None:
        if folder := self.environment.get(METRICS_FOLDER):
            from tallystick.platform.telemetry import forget_process

            forget_process(pid, folder)

    async def _spawn(self) -> Process:
        with _opened_log(self.log) as log:
            return await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "tallystick.cli", *self.arguments),
                env={**self.environment, LIFELINE: str(os.getpid())},
                stdin=DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=tuple(self.descriptors),
                start_new_session=True,
            )


async def stop_all(children: Iterable[Child], patience_s: float) -> None:
    """Stop one kind of children, all at the same time."""
    stops = [asyncio.create_task(child.stop(patience_s)) for child in children]
    try:
        await asyncio.gather(*stops)
    except asyncio.CancelledError:
        for stop in stops:
            stop.cancel()
        await asyncio.gather(*stops, return_exceptions=True)
        raise


async def alive_until(child: Child, ready: asyncio.Task[None]) -> None:
    """Wait until `ready` is done. Raises CannotRun when the child dies before."""
    death = asyncio.create_task(child.died.wait())
    try:
        await asyncio.wait((ready, death), return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            raise CannotRun(f"{child.name} does not start; {child.log} says:\n{child.log_tail()}")
        await ready
    finally:
        ready.cancel()
        death.cancel()


def _end(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    with suppress(ValueError):
        return f"was ended by {signal.Signals(-code).name}"
    return f"was ended by signal {-code}"


def _opened_log(path: Path) -> BinaryIO:
    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        if path.stat().st_size > _LOG_BYTES:
            path.replace(path.with_suffix(".log.1"))
    return path.open("ab")
