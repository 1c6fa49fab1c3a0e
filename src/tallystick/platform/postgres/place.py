"""Where the embedded server keeps its data, and as whom it runs.

PostgreSQL refuses to run as root. Started by root it runs as the owner of its data, at first
`nobody`; everything it needs must then be reachable for that user. Only the data and the socket
folder are that user's: what lies beside them is written by root, and must not lead it astray.
"""

import fcntl
import hashlib
import os
import pwd
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct

_NOTE = "postgres.place"
# For root, whose home folder may be closed to everybody else.
_OUTSIDE = (Path("/var/lib/tallystick"), Path("/var/tmp/tallystick"))  # noqa: S108
_SHORT = Path("/tmp")  # noqa: S108 - the owner and mode of what lies there are checked
_SOCKET_PATH_BYTES = 107
_LONGEST_SOCKET_NAME = ".s.PGSQL.31999"
_NOBODY = 65534
READ, PASS = 0o4, 0o1


class EmbeddedPostgresFailed(Exception):
    """The embedded server cannot be had; the message says why and how to mend it."""


class AlreadyRunning(EmbeddedPostgresFailed):
    """Another process holds this home folder."""

    def __init__(self, home: Path, pid: str) -> None:
        super().__init__(
            f"another tallystick (process {pid}) already runs on {home}: stop that one, "
            "or set TALLYSTICK_HOME to another folder"
        )
        self.pid = pid


class User(Struct, frozen=True):
    """Whom the server runs as; `switch` is false when that is ourselves."""

    uid: int
    gid: int
    switch: bool

    def subprocess_options(self) -> dict[str, Any]:
        """What `subprocess` needs to become this user."""
        if not self.switch:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        """Become the owner of `path` and of all that lies in it."""
        if not self.switch:
            return
        os.chown(path, self.uid, self.gid, follow_symlinks=False)
        for folder, folders, files in os.walk(path):
            for name in folders + files:
                os.chown(Path(folder, name), self.uid, self.gid, follow_symlinks=False)

    def may(self, wanted: int, path: Path) -> bool:
        """Whether the mode of `path` grants `wanted` (READ, PASS or both) to this user."""
        status = _status(path)
        if status is None:
            return False
        shift = 6 if status.st_uid == self.uid else 3 if status.st_gid == self.gid else 0
        return status.st_mode >> shift & wanted == wanted

    def reaches(self, path: Path) -> bool:
        """Whether this user may pass all folders above `path`."""
        return all(self.may(PASS, parent) for parent in path.resolve().parents)


class Place(Struct, frozen=True):
    """The folders of one embedded server: `folder` is ours, `data` and `sockets` its user's."""

    folder: Path
    sockets: Path
    user: User

    @property
    def data(self) -> Path:
        """PostgreSQL's data folder."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.folder / "postgres.log"


def find_place(home: Path) -> Place:
    """The place of this home's server, made on first use and remembered in the home folder.

    Raises EmbeddedPostgresFailed.
    """
    folder = _folder(home)
    folder.mkdir(mode=0o711, exist_ok=True)
    user = _user_of(folder)
    if user.switch and (folder / "data").exists() and (folder / "data").stat().st_uid == 0:
        user.own(folder / "data")  # root restored it from a copy
    if not user.reaches(folder / "data"):
        raise EmbeddedPostgresFailed(
            f"{folder} is closed to the user {user.uid}, who runs the database: "
            "open the folders above it (chmod o+x), or set TALLYSTICK_HOME to another one"
        )
    return Place(folder=folder, sockets=_sockets(folder, user), user=user)


@contextmanager
def held(folder: Path, home: Path) -> Iterator[None]:
    """Hold `folder` for this process: the lock ends with us, however we end.

    Raises AlreadyRunning, with the holder's pid.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(folder / "lock", flags, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 20, 0).decode(errors="replace").strip()
            raise AlreadyRunning(home, holder or "unknown") from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _folder(home: Path) -> Path:
    note = home / _NOTE
    if note.is_file():
        return Path(note.read_text(encoding="utf-8").strip())
    inside = home / "postgres"
    if os.geteuid() != 0 or inside.exists() or _nobody().reaches(inside):
        return inside
    folder = _outside(home)
    note.write_text(f"{folder}\n", encoding="utf-8")
    return folder


def _outside(home: Path) -> Path:
    """A fresh folder that others reach. Never an old one: that may be of a home since removed."""
    for parent in _OUTSIDE:
        try:
            parent.mkdir(mode=0o755, exist_ok=True)
        except OSError:
            continue
        status = parent.stat()
        if status.st_uid == 0 and not status.st_mode & 0o022 and _nobody().reaches(parent / "_"):
            made = Path(tempfile.mkdtemp(prefix=f"{_short_name(home)}-", dir=parent))
            made.chmod(0o711)
            return made
    raise EmbeddedPostgresFailed(
        f"{home} is closed to other users and so is {_OUTSIDE[0]}, but PostgreSQL must not run "
        "as root: set TALLYSTICK_HOME to a folder that others may enter, or set DATABASE_URL"
    )


def _user_of(folder: Path) -> User:
    ourselves = os.geteuid()
    status = _status(folder / "data") or folder.stat()
    if ourselves == 0:
        if status.st_uid == 0:
            return _nobody()
        return User(uid=status.st_uid, gid=status.st_gid, switch=True)
    if status.st_uid != ourselves:
        raise EmbeddedPostgresFailed(
            f"the database in {folder} belongs to the user {status.st_uid}, and we are "
            f"{ourselves}: start as root or as that user, or set TALLYSTICK_HOME to another folder"
        )
    return User(uid=ourselves, gid=os.getegid(), switch=False)


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except (FileNotFoundError, PermissionError):
        return None


def _nobody() -> User:
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        return User(uid=_NOBODY, gid=_NOBODY, switch=True)
    return User(uid=entry.pw_uid, gid=entry.pw_gid, switch=True)


def _sockets(folder: Path, user: User) -> Path:
    """The folder of the Unix socket, whose whole path has room for 107 bytes only."""
    inside = folder.resolve() / "s"
    name = f"tallystick-{_short_name(folder)}"
    for sockets in (inside, Path(tempfile.gettempdir(), name), _SHORT / name):
        fits = len(os.fsencode(sockets / _LONGEST_SOCKET_NAME)) <= _SOCKET_PATH_BYTES
        if fits and user.reaches(sockets):
            _make_private(sockets, user, ours=sockets is inside)
            return sockets
    raise EmbeddedPostgresFailed(f"no folder short enough for a Unix socket: tried {_SHORT}")


def _make_private(folder: Path, user: User, *, ours: bool) -> None:
    """Only the user may enter it. Where others may write too, they must not have made it."""
    folder.mkdir(mode=0o700, exist_ok=True)
    trusted = ours or folder.stat().st_uid in (os.geteuid(), user.uid)
    if folder.is_symlink() or not trusted:
        raise EmbeddedPostgresFailed(f"{folder} was put there by somebody else: remove it")
    folder.chmod(0o700)
    user.own(folder)


def _short_name(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:12]
