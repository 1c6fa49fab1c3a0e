"""Where a command runs: its settings, and the two small files that `up` leaves in the home folder.

`running.json` says where a running platform is (gone when it stops; a stale one is harmless).
`credentials.json` holds the API keys of the demo merchant and of the operator. Both are 0600.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct

if TYPE_CHECKING:
    from tallystick.platform.postgres.address import Address
    from tallystick.platform.settings import Settings

RUNNING: Final = "running.json"
CREDENTIALS: Final = "credentials.json"
SOON_S: Final = (1, 5, 30, 300, 3_600)
"""When a platform in test mode looks for what was cut: soon, so that recovery can be watched."""


class Running(Struct, frozen=True):
    """A platform that runs on this home. The addresses are None when the settings name them."""

    pid: int
    api_url: str
    sandbox_port: int
    login: Any = None
    owner: Any = None

    def database(self) -> "tuple[Address, Address] | None":
        """The servers' login and the owner's at its embedded database."""
        from tallystick.platform.postgres.address import Address

        if self.login is None:
            return None
        return msgspec.convert(self.login, Address), msgspec.convert(self.owner, Address)


class Credentials(Struct, frozen=True):
    """What `up` made so that a newcomer can call the API at once."""

    merchant_id: str
    merchant_key: str
    operator_key: str


def settings_here(**overrides: Any) -> "Settings":
    """This command's settings, with secrets. Raises what `load_settings` and `keep_secrets` do."""
    from tallystick.platform.secrets_file import keep_secrets
    from tallystick.platform.settings import load_settings

    return keep_secrets(load_settings(**overrides))


def find_running(home: Path) -> Running | None:
    """The platform that runs on this home; None when its process is gone."""
    running: Running | None = _read(home / RUNNING, Running)
    return running if running and _is_alive(running.pid) else None


def write_running(home: Path, running: Running) -> None:
    """Say where a platform runs."""
    _write(home / RUNNING, running)


def forget_running(home: Path) -> None:
    """It runs no more."""
    (home / RUNNING).unlink(missing_ok=True)


def find_credentials(home: Path) -> Credentials | None:
    """The keys that `up` left here, if it did."""
    found: Credentials | None = _read(home / CREDENTIALS, Credentials)
    return found


def write_credentials(home: Path, credentials: Credentials) -> None:
    """Keep the keys for the next start and for the other commands."""
    _write(home / CREDENTIALS, credentials)


def _read(path: Path, kind: type[Any]) -> Any:
    """None for a file that is missing or not ours to understand."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (FileNotFoundError, NotADirectoryError, msgspec.DecodeError):
        return None


def _write(path: Path, content: Struct) -> None:
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(content)) + b"\n")
    draft.replace(path)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
