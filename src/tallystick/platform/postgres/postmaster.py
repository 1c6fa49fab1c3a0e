"""One postmaster: made, started, found again after a crash, and stopped."""

import asyncio
import ctypes
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

from tallystick.platform.postgres.place import EmbeddedPostgresFailed, Place
from tallystick.platform.postgres.programs import ENVIRONMENT, run_program

PORTS = range(20_000, 32_000)  # below the ephemeral range: no outgoing connection takes one
_STOP_S = 60.0
_ABORT_S = 10.0
_POLL_S = 0.02
_LOG_BYTES = 10_000_000
_LOG_TAIL_LINES = 15
_PR_SET_PDEATHSIG = 1
_NO_SUCH_PID = 1 << 22  # the kernel's pids end below it
_CONTAINER_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)

_FAST = (
    *("-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"),
    *("-c", "shared_buffers=64MB"),  # every DROP DATABASE looks through all of them
)


def make_cluster(programs: Path, place: Place, password: str, *, durable: bool) -> None:
    """Run initdb once; the superuser is `owner`. A half-made cluster of a crash is thrown away.

    Raises EmbeddedPostgresFailed.
    """
    for half_made in place.folder.glob("data.new*"):
        shutil.rmtree(half_made)
    # A name of our own: the initdb of a killed process may still be writing to its folder.
    draft = place.folder / f"data.new.{os.getpid()}"
    draft.mkdir(mode=0o700)
    place.user.own(draft)
    password_file = place.folder / "password.new"
    _write_for_user(password_file, password, place)
    command = [
        str(programs / "initdb"),
        f"--pgdata={draft}",
        "--username=owner",
        f"--pwfile={password_file}",
        "--encoding=UTF8",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--locale=C.UTF-8",
        "--auth=scram-sha-256",
        # Our passwords are 256 random bits: stretching them would only slow each connection.
        "--set=scram_iterations=1",
    ]
    try:
        run_program(place, command if durable else [*command, "--no-sync"])
    finally:
        password_file.unlink()
    draft.rename(place.data)


def start(
    programs: Path, place: Place, port: int, *, durable: bool, shared_buffers_mb: int | None = None
) -> subprocess.Popen[bytes]:
    """Start the postmaster. It dies with the thread that called this, where the system can.

    Raises EmbeddedPostgresFailed.
    """
    command = [str(programs / "postgres"), "-D", str(place.data), "-p", str(port)]
    for name, value in _configuration(place).items():
        command += ["-c", f"{name}={value}"]
    if not durable:
        command += _FAST
    if shared_buffers_mb:
        command += ["-c", f"shared_buffers={shared_buffers_mb}MB"]
    with _open_log(place) as log:
        try:
            return subprocess.Popen(
                command,
                env=ENVIRONMENT,
                cwd=place.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches us, and we stop it in order
                preexec_fn=_dying_with_us(),  # noqa: PLW1509 - after the switch, which clears it
                **place.user.subprocess_options(),
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise EmbeddedPostgresFailed(
                f"postgres cannot be run as user {place.user.uid}: {error}; "
                "set DATABASE_URL to a PostgreSQL of your own"
            ) from error


async def stop(process: subprocess.Popen[bytes]) -> None:
    """Fast shutdown (SIGINT); immediate when that takes a minute or when we are cancelled."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGINT)
    try:
        for _ in range(int(_STOP_S / _POLL_S)):
            await asyncio.sleep(_POLL_S)
            if process.poll() is not None:
                return
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGQUIT)
            process.wait(_ABORT_S)


async def clear_the_way(place: Place) -> None:
    """Stop a postmaster of ours that outlived its parent, and forget what else is stale.

    Call it only while the place is held. Raises EmbeddedPostgresFailed.
    """
    for leftover in place.sockets.iterdir():
        leftover.unlink()
    pid_file = place.data / "postmaster.pid"
    try:
        lines = pid_file.read_text(encoding="utf-8").splitlines()
        pid = int(lines[0])
    except (FileNotFoundError, ValueError, IndexError):
        return
    if _is_ours(pid, place):
        await _stop_orphan(pid, place)
    else:
        # The pid is another process by now. Only the pid is struck out: PostgreSQL still checks
        # by the file's other lines that nobody uses the old shared memory.
        draft = place.folder / "postmaster.pid.new"
        _write_for_user(draft, "\n".join([str(_NO_SUCH_PID), *lines[1:], ""]), place)
        draft.replace(pid_file)


def free_port() -> int:
    """A port that nobody listens on just now."""
    while True:
        port = random.choice(PORTS)  # noqa: S311 - no secret
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def log_tail(place: Place) -> str:
    """The end of the server's log, for an error message."""
    try:
        lines = place.log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "(no log)"
    return "\n".join(lines[-_LOG_TAIL_LINES:])


def _write_for_user(path: Path, content: str, place: Place) -> None:
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(content, encoding="utf-8")
    place.user.own(path)


def _configuration(place: Place) -> dict[str, str]:
    return {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": _quoted(place.sockets),
        "max_connections": "200",
        "shared_buffers": f"{_shared_buffers_mb()}MB",
        # The first change of a page after a checkpoint writes all of the page. Packing it (pglz is
        # all this build has) costs more time than a change; fewer checkpoints cost only disk.
        "max_wal_size": f"{_max_wal_mb(place)}MB",
        "checkpoint_timeout": "15min",
        # The log goes to the disk while a batch is still being written; its commit waits for less.
        "wal_writer_delay": "10ms",
    }


def _quoted(folder: Path) -> str:
    # The setting is a list of names: a comma or a space would split an unquoted one.
    return '"' + str(folder).replace('"', '""') + '"'


def _shared_buffers_mb() -> int:
    """An eighth of the memory, at most 1 GB: each takes 20 MB at once, whatever is kept in it."""
    return max(16, min(1_024, _memory_bytes() // 8 // 1_048_576))


def _memory_bytes() -> int:
    """What this machine has, or what the container may take of it."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = [path.read_text().strip() for path in _CONTAINER_LIMITS if path.is_file()]
    return min([machine, *(int(limit) for limit in limits if limit.isdigit())])


def _max_wal_mb(place: Place) -> int:
    """A tenth of the disk that is free, at least 1 GB and at most 8 GB."""
    free = shutil.disk_usage(place.data.parent).free
    return max(1_024, min(8_192, free // 10 // 1_048_576))


def _open_log(place: Place) -> IO[bytes]:
    with suppress(FileNotFoundError):
        if place.log.stat().st_size > _LOG_BYTES:
            place.log.replace(place.log.with_suffix(".log.1"))
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    return os.fdopen(os.open(place.log, flags, 0o600), "wb")


def _dying_with_us() -> Callable[[], None] | None:
    """What the child runs before it becomes postgres: asks for SIGINT when its parent dies."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)

    return ask


async def _stop_orphan(pid: int, place: Place) -> None:
    for way, patience_s in ((signal.SIGINT, _STOP_S), (signal.SIGQUIT, _ABORT_S)):
        with suppress(ProcessLookupError):
            os.kill(pid, way)
        for _ in range(int(patience_s / _POLL_S)):
            if not _is_ours(pid, place):
                return
            await asyncio.sleep(_POLL_S)
    raise EmbeddedPostgresFailed(f"an old postgres (process {pid}) does not stop: end it by hand")


def _is_ours(pid: int, place: Place) -> bool:
    """Whether the process is a postmaster on this place's data; a pid alone proves nothing."""
    arguments = _command_line(pid)
    return bool(arguments) and arguments[0].endswith("/postgres") and str(place.data) in arguments


def _command_line(pid: int) -> list[str]:
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return []
    return [os.fsdecode(argument) for argument in raw.split(b"\0")]
