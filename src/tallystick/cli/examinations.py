"""What `doctor` looks at: each examination says what it saw and, if need be, how to mend it.

Looking changes nothing.
"""

import os
import re
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Final

from tallystick.cli.failures import explained
from tallystick.cli.findings import Finding, State
from tallystick.cli.here import find_running
from tallystick.cli.running.ports import PortTaken, find_free_port, listen
from tallystick.platform.secrets_file import FILE_NAME, SecretsMissing, keep_secrets
from tallystick.platform.settings import Settings, load_settings

PYTHON_MIN: Final = (3, 11)
DISK_BROKEN_BYTES: Final = 500_000_000
DISK_NOTE_BYTES: Final = 2_000_000_000


def examine_machine() -> list[Finding]:
    """What must be there before any setting is read."""
    return [_python(), _packages(), _terminal()]


def examine_settings() -> tuple[Finding, Settings | None]:
    """Whether the settings can be read, and they themselves if so."""
    try:
        settings = load_settings()
    except Exception as error:  # noqa: BLE001 - whatever is wrong with them is the finding
        mend = "correct it; docs/reference/settings.md has all settings"
        return Finding("settings", "broken", explained(error), mend), None
    return Finding("settings", "ok", f"{settings.mode} mode"), settings


def examine_place(settings: Settings) -> list[Finding]:
    """The folder, the disk, the port, the secrets."""
    return [*_of_home(settings), _port(settings), _secrets(settings)]


def _python() -> Finding:
    seen = sys.version.split()[0]
    if sys.version_info < PYTHON_MIN:
        return Finding("python", "broken", seen, "Python 3.11 or newer: make PYTHON=/path/to/it")
    return Finding("python", "ok", seen)


def _packages() -> Finding:
    missing = []
    for line in requires("tallystick") or ():
        name = re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0]
        try:
            if "extra ==" not in line:
                version(name)
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        return Finding("packages", "broken", f"missing: {', '.join(missing)}", "make run")
    return Finding("packages", "ok", f"tallystick {version('tallystick')} and all it needs")


def _terminal() -> Finding:
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    if encoding != "utf8":
        mend = "LC_ALL=C.UTF-8, or PYTHONUTF8=1"
        return Finding("text", "note", f"the terminal's encoding is {encoding}", mend)
    return Finding("text", "ok", "UTF-8")


def _of_home(settings: Settings) -> Iterator[Finding]:
    """The data folder, or the nearest folder above it that is there."""
    home = settings.tallystick_home.absolute()
    there = next(path for path in (home, *home.parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        yield Finding("data folder", "broken", f"{there} cannot be written", "TALLYSTICK_HOME=...")
        return
    seen = str(home) if there == home else f"{home} (made at the first start)"
    yield Finding("data folder", "ok", seen)
    free = shutil.disk_usage(there).free
    state: State = "ok"
    if free < DISK_NOTE_BYTES:
        state = "note" if free >= DISK_BROKEN_BYTES else "broken"
    mend = None if state == "ok" else "free some space, or TALLYSTICK_HOME=... on another disk"
    yield Finding("disk", state, f"{free / 1e9:.1f} GB free", mend)


def _port(settings: Settings) -> Finding:
    place = f"{settings.host}:{settings.port}"
    running = find_running(settings.tallystick_home)
    if running and running.api_url.endswith(f":{settings.port}"):
        return Finding("port", "ok", f"{place} is served by our own platform")
    try:
        listen(settings.host, settings.port).close()
    except PortTaken as error:
        free = find_free_port(settings.host, settings.port + 1)
        mend = f"PORT={free}" if free else "HOST=127.0.0.1"
        return Finding("port", "broken", f"{place}: {error.reason}", mend)
    return Finding("port", "ok", f"{place} is free")


def _secrets(settings: Settings) -> Finding:
    if settings.mode == "live":
        try:
            keep_secrets(settings)
        except SecretsMissing as error:
            return Finding("secrets", "broken", f"missing: {', '.join(error.names)}", str(error))
        return Finding("secrets", "ok", "all set")
    path = settings.tallystick_home / FILE_NAME
    if not path.exists():
        return Finding("secrets", "ok", "made at the first start")
    return _secrets_file(path)


def _secrets_file(path: Path) -> Finding:
    if path.stat().st_mode & 0o077:
        return Finding("secrets", "broken", f"others may read {path}", f"chmod 600 {path}")
    if not os.access(path, os.R_OK):
        return Finding("secrets", "broken", f"{path} cannot be read", f"chown it: {path}")
    return Finding("secrets", "ok", f"in {path}")
