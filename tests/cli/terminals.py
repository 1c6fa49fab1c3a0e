"""`tallystick` as its users run it: a real process, in a home folder of its own."""

import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Any

import pytest

from tallystick.cli import main
from tallystick.platform.postgres.postmaster import free_port
from tallystick.platform.settings import Settings, variable_of

PATIENCE_S = 40.0
_POLL_S = 0.05


@dataclass(frozen=True)
class Place:
    """A home folder and a port that nobody else uses."""

    home: Path
    port: int

    def environment(self, **more: str) -> dict[str, str]:
        """Nothing of the developer's own settings, and ours."""
        ours = {variable_of(name).upper() for name in Settings.model_fields}
        ours |= {"TALLYSTICK_CONFIG", "TALLYSTICK_API_KEY"}
        clean = {name: value for name, value in os.environ.items() if name not in ours}
        place = {"TALLYSTICK_HOME": str(self.home), "PORT": str(self.port)}
        return clean | place | more

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """One command, to its end."""
        return subprocess.run(
            _command(arguments),
            env=self.environment(**variables),
            cwd=self.home.parent,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    def told(self, *arguments: str) -> Any:
        """What a command that must succeed answers as JSON."""
        done = self.run(*arguments, "--output", "json")
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def processes(self) -> dict[int, str]:
        """Everything that runs on this home: our own processes, and PostgreSQL's postmaster."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                command = (folder / "cmdline").read_bytes()
                surroundings = (folder / "environ").read_bytes()
            except OSError:
                continue
            if command and os.fsencode(self.home) in command + surroundings:
                found[int(folder.name)] = command.replace(b"\0", b" ").decode(errors="replace")
        return found


@dataclass(frozen=True)
class Inside:
    """The same commands within the test's own process, whose environment they see."""

    capsys: pytest.CaptureFixture[str]

    def run(self, *words: str) -> tuple[int, str, str]:
        """The exit code, and what was said on both streams."""
        self.capsys.readouterr()
        code = 0
        try:
            main(list(words))
        except SystemExit as left:
            code = left.code if isinstance(left.code, int) else 1 if left.code else 0
        said = self.capsys.readouterr()
        return code, said.out, said.err

    def told(self, *words: str, code: int = 0) -> Any:
        """The answer as JSON."""
        got, out, err = self.run(*words, "--output", "json")
        assert got == code, out + err
        return json.loads(out)


@dataclass
class Started:
    """A command that runs on, such as `up`; what it says is in a file."""

    process: subprocess.Popen[bytes]
    said_in: Path

    def said(self) -> str:
        return self.said_in.read_text(encoding="utf-8", errors="replace")

    def wait_for(self, *words: str) -> str:
        """What it said, once all these words are in it."""
        wait_until(
            lambda: self.process.poll() is not None or all(w in self.said() for w in words),
            lambda: f"it never said {words}:\n{self.said()}",
        )
        assert all(word in self.said() for word in words), self.said()
        return self.said()

    def end(self, how: signal.Signals = signal.SIGINT) -> int:
        """Send a signal and wait; the exit code."""
        self.process.send_signal(how)
        return self.process.wait(PATIENCE_S)


@contextmanager
def place() -> Iterator[Place]:
    """A fresh place, gone afterwards with everything that still runs on it."""
    folder = Path(tempfile.mkdtemp(prefix="tallystick-cli-"))
    folder.chmod(0o711)  # root's PostgreSQL runs as nobody, who must pass
    fresh = Place(folder / "home", free_port())
    try:
        yield fresh
    finally:
        for pid in fresh.processes():
            os.kill(pid, signal.SIGKILL)
        rmtree(folder, ignore_errors=True)


@contextmanager
def started(at: Place, *arguments: str, **variables: str) -> Iterator[Started]:
    """A command that runs until it is ended, at the latest with the block."""
    said_in = at.home.parent / f"said-{time.monotonic_ns()}"
    with said_in.open("wb") as said:
        process = subprocess.Popen(
            _command(arguments),
            env=at.environment(**variables),
            cwd=at.home.parent,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )
    try:
        yield Started(process, said_in)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(PATIENCE_S)


@dataclass
class OnTerminal(Started):
    """A command on a terminal of 80 columns and 24 lines; what it draws is in a file too."""

    keyboard: int

    def type(self, keys: bytes) -> int:
        """Press keys and wait for the end; the exit code."""
        os.write(self.keyboard, keys)
        return self.process.wait(PATIENCE_S)


@contextmanager
def on_terminal(at: Place, *arguments: str) -> Iterator[OnTerminal]:
    """The same on a terminal of its own."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    said_in = at.home.parent / f"drawn-{time.monotonic_ns()}"
    process = subprocess.Popen(
        [sys.executable, "-c", _ON_TERMINAL, *_command(arguments)],
        env=at.environment(TERM="xterm-256color"),
        cwd=at.home.parent,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    said_in.touch()
    reader = threading.Thread(target=_copy, args=(ours, said_in), daemon=True)
    reader.start()
    try:
        yield OnTerminal(process, said_in, ours)
        reader.join(PATIENCE_S)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(PATIENCE_S)
        reader.join(PATIENCE_S)
        os.close(ours)


# A new session has no controlling terminal until it asks for one; Ctrl-C needs it.
_ON_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


def _copy(screen: int, path: Path) -> None:
    with path.open("ab", buffering=0) as file:
        while True:
            try:
                drawn = os.read(screen, 65_536)
            except OSError:  # nobody holds the other end any more
                return
            if not drawn:
                return
            file.write(drawn)


def wait_until(what: Callable[[], bool], trouble: Callable[[], str]) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < deadline_s, trouble()
        time.sleep(_POLL_S)


def _command(arguments: tuple[str, ...]) -> list[str]:
    return [sys.executable, "-m", "tallystick.cli", *arguments]
