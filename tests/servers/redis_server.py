"""A real Redis for a test: started in 30 ms, so each test that hurts it has one of its own.

It ends with the process that started it, however that ends. Skipped only where there is no
redis-server, and never where CI is set.
"""

import os
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

_TRIES = 3
_START_S = 10.0
_POLL_S = 0.005


@dataclass
class RedisServer:
    """One server on one port, whatever is done to it."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        """Start it, again if need be, with nothing in it."""
        self.process = subprocess.Popen(
            [*_ending_with_us(), *self._command()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + _START_S
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"no Redis on port {self.port}")
            time.sleep(_POLL_S)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def freeze(self) -> None:
        """It keeps its connections, takes new ones, and says nothing."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def say(self, *words: str) -> bytes:
        """One command on a line of its own; the start of what is answered."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as line:
            parts = [word.encode() for word in words]
            line.sendall(b"*%d\r\n" % len(parts))
            line.sendall(b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts))
            return line.recv(1 << 16)

    def _command(self) -> list[str]:
        words = f"--bind 127.0.0.1 --port {self.port} --dir {self.folder} --appendonly no"
        return ["redis-server", *words.split(), "--save", "", "--maxmemory", "64mb"]

    def _answers(self) -> bool:
        try:
            return self.say("PING").startswith(b"+PONG")
        except OSError:
            return False


@contextmanager
def running_redis(folder: Path) -> Iterator[RedisServer]:
    """A server of this test's own."""
    if shutil.which("redis-server") is None:
        if "CI" in os.environ:
            raise RuntimeError("redis-server is missing; CI must have it")
        pytest.skip("redis-server is not installed")
    server = _started(folder)
    try:
        yield server
    finally:
        server.kill()


def _started(folder: Path) -> RedisServer:
    for _ in range(_TRIES):
        server = RedisServer(folder, _free_port())
        try:
            server.start()
        except RuntimeError:
            continue  # somebody took the port in between
        return server
    raise RuntimeError("Redis did not start")


def _free_port() -> int:
    while True:
        port = random.randrange(20_000, 32_000)  # no outgoing connection is given one of these
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port


def _ending_with_us() -> list[str]:
    return ["setpriv", "--pdeathsig", "KILL", "--"] if shutil.which("setpriv") else []
