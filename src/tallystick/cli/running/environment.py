"""What the supervisor's children find in their environment: their settings, all of them.

Nothing is passed on the command line, where every user of the machine could read it.
"""

import os
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from platform import node
from typing import Final
from urllib.parse import quote

from tallystick.cli.here import SOON_S
from tallystick.platform.postgres.address import Address
from tallystick.platform.settings import Settings

# For what runs before somebody's eyes on a small machine; whoever sets them otherwise is obeyed.
SMALL: Final = {"db_pool_min": "1", "drain_seconds": "0"}
LIVELY: Final = {"recovery_schedule_s": ",".join(map(str, SOON_S))}


def sandbox_environment(home: Path, sandbox_port: int) -> dict[str, str]:
    """For the simulated banks, which know no database."""
    return _inherited() | {"TALLYSTICK_HOME": str(home), "SANDBOX_PORT": str(sandbox_port)}


def server_environment(
    settings: Settings, home: Path, sandbox_port: int, login: Address | None
) -> dict[str, str]:
    """For API and worker. `login` is theirs at the embedded database; None: the settings' own."""
    tuned = SMALL | (LIVELY if settings.mode == "test" else {})
    environment = sandbox_environment(home, sandbox_port)
    for name, value in tuned.items():
        if name not in settings.model_fields_set:
            environment[name.upper()] = value
    return environment | (_database(login) if login else {})


def worker_environment(
    settings: Settings, servers: Mapping[str, str], owner: Address | None
) -> dict[str, str]:
    """The worker also makes partitions, as the owner of the embedded database; Kafka knows it by
    the same name whenever it is started again.
    """
    name = settings.kafka_instance_id or _name_of(servers["TALLYSTICK_HOME"])
    owned = {"DB_OWNER_URL": database_url(owner)} if owner else {}
    return {**servers, "KAFKA_INSTANCE_ID": name, **owned}


def _name_of(home: str) -> str:
    """One platform runs on a home folder, and it has one worker."""
    return f"up-{blake2b(f'{node()}:{home}'.encode(), digest_size=8).hexdigest()}"


def database_url(address: Address) -> str:
    """The address as a URL; a Unix socket's folder goes into the query."""
    user, password = quote(address.user, safe=""), quote(address.password, safe="")
    host, query = address.host, ""
    if host.startswith("/"):
        host, query = "", f"?host={quote(host, safe='')}"
    database = quote(address.database, safe="")
    return f"postgresql://{user}:{password}@{host}:{address.port}/{database}{query}"


def _database(login: Address) -> dict[str, str]:
    return {
        "DB_HOST": login.host,
        "DB_PORT": str(login.port),
        "DB_DATABASE": login.database,
        "DB_USERNAME": login.user,
        "DB_PASSWORD": login.password,
        "DB_SCHEMA": login.schema,
        "DB_SSL": "false",
    }


def _inherited() -> dict[str, str]:
    return dict(os.environ)
