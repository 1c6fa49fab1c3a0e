"""Processes of our own: told what to do on their standard input, ended by closing it.

A child therefore ends with us, however we end.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct

_ROOT: Final = Path(__file__).parents[1]
_READY_S: Final = 60.0
_END_S: Final = 40.0
_ANSWER_BYTES_MAX: Final = 1 << 20

T = TypeVar("T")


class ChildFailed(Exception):
    """A process of ours ended, or said nothing in time; the message is the end of its log."""


class Child:
    """A running process that reads one order and writes lines of JSON."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process = process
        self._log = log
        self.pid = process.pid

    async def said(self, kind: type[T], patience_s: float = _READY_S) -> T:
        """Its next line. Raises ChildFailed."""
        assert self._process.stdout is not None
        try:
            line = await asyncio.wait_for(self._process.stdout.readline(), patience_s)
        except TimeoutError:
            line = b""
        if not line:
            tail = self._log.read_text(encoding="utf-8", errors="replace")[-2_000:]
            raise ChildFailed(f"{self._log.stem} said nothing: {tail}")
        return _decoded(line, kind)


@asynccontextmanager
async def started(
    module: str, order: Struct, *, log: Path, pass_fds: Sequence[int] = ()
) -> AsyncIterator[Child]:
    """`python -m module`, told its order; ended with the block."""
    with log.open("ab") as sink:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            cwd=_ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=sink,
            limit=_ANSWER_BYTES_MAX,
            pass_fds=pass_fds,
        )
    assert process.stdin is not None
    try:
        process.stdin.write(_encoded(order))
        await process.stdin.drain()
        yield Child(process, log)
    finally:
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), _END_S)
        except TimeoutError:
            process.kill()
            await process.wait()


# The child's side ------------------------------------------------------------------------------


def read_order(kind: type[T]) -> T:
    """What this process was started for."""
    return _decoded(sys.stdin.buffer.readline(), kind)


def say(what: Any) -> None:
    """A line to whoever started us."""
    sys.stdout.buffer.write(_encoded(what))
    sys.stdout.buffer.flush()


def end_with_parent() -> None:
    """Get SIGTERM once our standard input is closed. Call it within the event loop."""
    loop = asyncio.get_running_loop()
    descriptor = sys.stdin.fileno()

    def closed() -> None:
        loop.remove_reader(descriptor)
        os.kill(os.getpid(), signal.SIGTERM)

    loop.add_reader(descriptor, closed)


# Paths cross as text ---------------------------------------------------------------------------


def _encoded(what: Any) -> bytes:
    return msgspec.json.encode(what, enc_hook=os.fspath) + b"\n"


def _decoded(line: bytes, kind: type[T]) -> T:
    return msgspec.json.decode(line, type=kind, dec_hook=lambda path, text: path(text))
