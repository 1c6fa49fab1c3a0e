"""The migration runner: `NNNN_words.sql` in order, each in one transaction, each exactly once.

Forward only. A cell is one schema with its own `schema_migrations`. Several runners at once are
safe: every transaction first takes the cell's advisory lock and looks again what is applied.
"""

import hashlib
import re
from pathlib import Path

from msgspec import Struct

from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.pools import Connection, connect

_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql", re.ASCII)
_Standing = dict[int, tuple[str, str]]  # version: name, checksum
_OTHER_RUNNER_S = 60
_LOCK_MS = 2_000
_NEIGHBOUR = Path(__file__).parents[2] / "migrations"  # in an installed package
_CHECKOUT = Path(__file__).parents[4] / "migrations"


class MigrationError(Exception):
    """MigrationChanged | MigrationGap | MigrationUnknown."""


class MigrationChanged(MigrationError):
    """A file is not what it was when it was applied."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} was changed after it was applied: restore it, add a new one")
        self.name = name


class MigrationGap(MigrationError):
    """The files' numbers do not run 1, 2, 3, ... (or a file's name is not NNNN_words.sql)."""


class MigrationUnknown(MigrationError):
    """The database is ahead of these files: it was migrated by a newer version."""


class Migration(Struct, frozen=True):
    """One file: its number, name and content."""

    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the file, in hex."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations_folder() -> Path:
    """Where the SQL files are: beside the package's code, else in the checkout."""
    return _NEIGHBOUR if _NEIGHBOUR.is_dir() else _CHECKOUT


def read_migrations(folder: Path) -> tuple[Migration, ...]:
    """The files in order. Raises MigrationGap."""
    found = []
    for number, file in enumerate(sorted(folder.glob("*.sql")), start=1):
        match = _NAME.fullmatch(file.name)
        if match is None or int(match[1]) != number:
            raise MigrationGap(f"expected {number:04}_words.sql, found {file.name}")
        found.append(Migration(number, file.stem, file.read_text(encoding="utf-8")))
    if not found:
        raise MigrationGap(f"no migrations in {folder}")
    return tuple(found)


async def migrate(
    owner: Address, folder: Path | None = None, *, login: str | None = None
) -> tuple[str, ...]:
    """Bring the cell `owner.schema` up to date; answers the names of what was applied.

    Admits `login`, the servers', to the writing and reading roles. Raises MigrationError; a
    file that fails leaves nothing behind and its error is the driver's.
    """
    migrations = read_migrations(folder or migrations_folder())
    connection = await _connect(owner)
    try:
        applied = [m.name for m in migrations if await _apply(connection, owner.schema, m)]
        _compare(migrations, await _standing(connection, owner.schema))
        if login is not None:
            await _admit(connection, login)
        return tuple(applied)
    finally:
        await connection.close()


async def pending(owner: Address, folder: Path | None = None) -> tuple[str, ...]:
    """The names that `migrate` would apply. Raises MigrationError."""
    migrations = read_migrations(folder or migrations_folder())
    connection = await _connect(owner)
    try:
        standing = await _standing(connection, owner.schema)
    finally:
        await connection.close()
    _compare(migrations, standing)
    return tuple(m.name for m in migrations if m.version not in standing)


async def _connect(owner: Address) -> Connection:
    path = {"search_path": f'"{owner.schema}"', "timezone": "UTC"}
    return await connect(owner, server_settings=path | {"application_name": "tallystick migrate"})


async def _apply(connection: Connection, schema: str, migration: Migration) -> bool:
    """Apply one file unless it stands already."""
    async with connection.transaction():
        await _lock(connection, schema)
        standing = await _standing(connection, schema)
        if migration.version in standing:
            _compare((migration,), {migration.version: standing[migration.version]})
            return False
        await connection.execute(migration.sql)
        await connection.execute(
            "INSERT INTO schema_migrations (version, name, checksum) VALUES ($1, $2, $3)",
            migration.version,
            migration.name,
            migration.checksum,
        )
    return True


async def _lock(connection: Connection, schema: str) -> None:
    """Hold the cell's migration lock for this transaction; make the cell if it is new."""
    await connection.execute(f"SET LOCAL lock_timeout = '{_OTHER_RUNNER_S}s'")
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('tallystick:' || $1, 0))", schema
    )
    await connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_MS}ms'")
    if not await connection.fetchval("SELECT to_regnamespace($1) IS NOT NULL", f'"{schema}"'):
        await connection.execute(f'CREATE SCHEMA "{schema}"')
    await connection.execute("""
        CREATE TABLE IF NOT EXISTS schema_migrations (
            version     integer     PRIMARY KEY,
            name        text        NOT NULL,
            checksum    text        NOT NULL,
            applied_at  timestamptz NOT NULL DEFAULT now()
        )""")


async def _standing(connection: Connection, schema: str) -> _Standing:
    """What is applied."""
    if await connection.fetchval("SELECT to_regclass($1)", f'"{schema}".schema_migrations') is None:
        return {}
    rows = await connection.fetch(
        "SELECT version, name, checksum FROM schema_migrations ORDER BY version"
    )
    return {row["version"]: (row["name"], row["checksum"]) for row in rows}


def _compare(migrations: tuple[Migration, ...], standing: _Standing) -> None:
    """Check that what stands is what the files say."""
    known = {migration.version: migration for migration in migrations}
    for version, (name, checksum) in standing.items():
        migration = known.get(version)
        if migration is None:
            raise MigrationUnknown(f"the database has {name}, not known here: update the program")
        if (name, checksum) != (migration.name, migration.checksum):
            raise MigrationChanged(migration.name)


async def _admit(connection: Connection, login: str) -> None:
    quoted = '"' + login.replace('"', '""') + '"'
    await connection.execute(f"GRANT tallystick_writer, tallystick_reader TO {quoted}")
