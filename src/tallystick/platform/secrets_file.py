"""Secrets that this house makes for itself, kept in `{home}/secrets.json` (mode 0600)."""

import base64
import fcntl
import json
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pydantic import SecretStr

from tallystick.platform.settings import MASTER_KEY_BYTES, Settings

FILE_NAME = "secrets.json"
Maker = Callable[[], str]


class SecretsMissing(Exception):
    """Live mode and production make no secrets: these must be set."""

    def __init__(self, names: list[str], where: str = "live mode") -> None:
        super().__init__(
            f"{where} needs {', '.join(names)}: set them in the environment "
            "(`openssl rand -base64 32` makes one), or use TALLYSTICK_MODE=test"
        )
        self.names = names


class SecretsUnreadable(Exception):
    """The secrets file is damaged; never overwritten, since lost keys cannot be made again."""


class HomeUnusable(Exception):
    """The home folder cannot be made, read or written."""


def keep_secrets(settings: Settings) -> Settings:
    """The settings with every secret present.

    Test mode makes the missing ones and keeps them in the home folder; live mode, and any mode
    with NODE_ENV=production, raises SecretsMissing. Raises what `kept_secrets` does.
    """
    missing = [name for name in _needed(settings) if getattr(settings, name) is None]
    if not missing:
        return settings
    if settings.mode == "live" or settings.node_env == "production":
        where = "live mode" if settings.mode == "live" else "NODE_ENV=production"
        raise SecretsMissing([name.upper() for name in missing], where)
    kept = kept_secrets(settings.tallystick_home, {name: _SECRETS[name] for name in missing})
    return settings.model_copy(update={name: SecretStr(kept[name]) for name in missing}, deep=False)


def random_secret() -> str:
    """256 random bits, safe in a URL and in a shell."""
    return secrets.token_urlsafe(32)


def kept_secrets(home: Path, makers: Mapping[str, Maker]) -> dict[str, str]:
    """The secrets of these names from the home folder, made there on first use.

    Safe against other processes doing the same and against a crash half way.
    Raises SecretsUnreadable, HomeUnusable.
    """
    make_home(home)
    with usable(home), _locked(home):
        kept = _read(home / FILE_NAME)
        made = {name: make() for name, make in makers.items() if name not in kept}
        if made:
            _replace(home / FILE_NAME, kept | made)
    return {name: (kept | made)[name] for name in makers}


def make_home(home: Path) -> None:
    """The home folder; others may pass through (the database may run as another user).

    Raises HomeUnusable.
    """
    with usable(home):
        if not home.is_dir():
            home.mkdir(parents=True, exist_ok=True)
            home.chmod(0o711)


@contextmanager
def usable(home: Path) -> Iterator[None]:
    """Within, what the system refuses in the home folder is HomeUnusable."""
    try:
        yield
    except OSError as error:
        raise HomeUnusable(
            f"{home} cannot be used: {error.strerror}; set TALLYSTICK_HOME to another folder"
        ) from error


def _master_key() -> str:
    return base64.b64encode(secrets.token_bytes(MASTER_KEY_BYTES)).decode()


_SECRETS: Mapping[str, Maker] = {
    "key_pepper": random_secret,
    "master_key": _master_key,
    "webhook_auth_secret": random_secret,
}


def _needed(settings: Settings) -> list[str]:
    return [
        name for name in _SECRETS if name != "webhook_auth_secret" or _signs_by_default(settings)
    ]


def _signs_by_default(settings: Settings) -> bool:
    """Whether some sender of the webhook signs with the secret that all channels share."""
    channels = (settings.webhook_channels or {}).values()
    return settings.webhook_auth_enabled or any(
        channel.auth.enabled and not channel.auth.secrets for channel in channels
    )


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    # The folder itself is locked: the file is replaced, so a lock on it would be lost.
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _read(path: Path) -> dict[str, str]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise SecretsUnreadable(f"{path}: {type(error).__name__}; restore it from a copy") from None
    if not isinstance(content, dict):
        raise SecretsUnreadable(f"{path}: expected a JSON object; restore it from a copy")
    return content


def _replace(path: Path, content: Mapping[str, str]) -> None:
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=2)
        file.flush()
        os.fsync(descriptor)
    draft.replace(path)
