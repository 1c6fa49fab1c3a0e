"""How a failure ends: one plain sentence on stderr and an exit code, never a traceback for
what somebody outside can mend.
"""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tallystick.cli.terminal import Format, as_json

REFUSED: Final = 1
WRONG_USAGE: Final = 2
CANNOT_RUN: Final = 3
OUR_MISTAKE: Final = 70
INTERRUPTED: Final = 130
READER_GONE: Final = 141

# By name, because importing the classes would make every command start slowly.
OF_THE_MACHINE: Final = frozenset(
    {
        "tallystick.app.NoDatabase",
        "tallystick.cli.failures.CannotRun",
        "tallystick.delivery.kafka.BusDown",
        "tallystick.delivery.kafka.NoBrokers",
        "tallystick.delivery.schema_registry.RegistryDown",
        "tallystick.platform.postgres.address.BadDatabaseUrl",
        "tallystick.platform.postgres.migrations.MigrationError",
        "tallystick.platform.postgres.place.EmbeddedPostgresFailed",
        "tallystick.platform.postgres.pools.NotMigrated",
        "tallystick.platform.postgres.pools.Overloaded",
        "tallystick.platform.secrets_file.HomeUnusable",
        "tallystick.platform.secrets_file.SecretsMissing",
        "tallystick.platform.secrets_file.SecretsUnreadable",
        "tallystick.platform.settings_file.BadConfigFile",
        "tallystick.platform.settings_file.UnknownConfigKey",
        "tallystick.rails.configured.SandboxUnknown",
        "tallystick.rails.rails.RouteNameTaken",
        "tallystick.sandbox.book.BookInUse",
        "tallystick.sandbox.server.SandboxPortTaken",
        "asyncpg.exceptions.InsufficientPrivilegeError",
        "asyncpg.exceptions.InsufficientResourcesError",
        "asyncpg.exceptions.InvalidAuthorizationSpecificationError",
        "asyncpg.exceptions.InvalidCatalogNameError",
        "asyncpg.exceptions.OperatorInterventionError",
        "asyncpg.exceptions.PostgresConnectionError",
        "asyncpg.exceptions.UndefinedTableError",
        "builtins.ConnectionError",
        "builtins.TimeoutError",
    }
)


class CannotRun(Exception):
    """Something outside is missing; the message says what, and how to mend it."""

    code = "cannot_run"


class WrongUsage(Exception):
    """The command cannot be meant like this."""

    code = "wrong_usage"


class NotThere(LookupError):
    """What a command was to look at does not exist."""

    code = "not_there"


@contextmanager
def told_failures(output: Format | None) -> Iterator[None]:
    """Tell whatever goes wrong within, and leave with its exit code."""
    try:
        yield
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
    except BrokenPipeError:  # whoever read our answer has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(READER_GONE) from None
    except Exception as error:  # noqa: BLE001 - told, each with its exit code
        code = exit_code_of(error)
        if code == OUR_MISTAKE:
            _tell_mistake()
        else:
            _tell(error, output)
        raise SystemExit(code) from None


def exit_code_of(error: Exception) -> int:
    """The exit code this error ends with."""
    if isinstance(error, WrongUsage):
        return WRONG_USAGE
    names = {f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__}
    if names & OF_THE_MACHINE or _is_about_settings(error):
        return CANNOT_RUN
    if any(name.startswith("tallystick.") for name in names):
        return REFUSED  # a named fact of one of the rooms
    return OUR_MISTAKE


def explained(error: Exception) -> str:
    """The error in words for whoever can mend it."""
    if _is_about_settings(error):
        return _settings_faults(error)
    if type(error).__name__ == "UndefinedTableError":
        return f"{error}: run tallystick migrate"
    return str(error) or type(error).__name__


def _is_about_settings(error: Exception) -> bool:
    return getattr(error, "title", None) == "Settings"


def _tell(error: Exception, output: Format | None) -> None:
    message = explained(error)
    code = getattr(error, "code", type(error).__name__)
    if as_json(output):
        print(json.dumps({"error": {"code": code, "message": message}}), file=sys.stderr)
        return
    if exit_code_of(error) == REFUSED and code not in message:
        message = f"{message} ({code})"
    print(f"tallystick: {message}", file=sys.stderr)


def _settings_faults(error: Exception) -> str:
    faults = error.errors(include_url=False, include_input=False)  # type: ignore[attr-defined]
    return "; ".join(
        f"{'.'.join(map(str, fault['loc'])).upper() or 'settings'}: "
        f"{fault['msg'].removeprefix('Value error, ')}"
        for fault in faults
    )


def _tell_mistake() -> None:
    import traceback

    traceback.print_exc()
    print("tallystick: this is a mistake of ours, see above", file=sys.stderr)
