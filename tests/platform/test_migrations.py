"""The migration runner: in order, once, whole or not at all."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from msgspec.structs import replace

from tallystick.platform.postgres import migrations as runner
from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.migrations import (
    MigrationChanged,
    MigrationGap,
    MigrationUnknown,
    migrate,
    migrations_folder,
    pending,
    read_migrations,
)
from tallystick.platform.postgres.pools import Connection, connect
from tests.servers.keeper import Server

pytestmark = pytest.mark.anyio


@pytest.fixture
async def owner(server: Server) -> AsyncIterator[Address]:
    """The owner of an empty database."""
    name = f"empty_{uuid.uuid4().hex[:16]}"
    connection = await connect(server.owner)
    await connection.execute(f"CREATE DATABASE {name} STRATEGY file_copy")
    yield replace(server.owner, database=name, schema="cell_1")
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.close()


@pytest.fixture
async def connection(owner: Address) -> AsyncIterator[Connection]:
    connection = await connect(owner)
    yield connection
    await connection.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two migrations that are easy to look at."""
    (tmp_path / "0001_coins.sql").write_text("CREATE TABLE coins (id int);")
    (tmp_path / "0002_a_coin.sql").write_text("INSERT INTO coins VALUES (1);")
    return tmp_path


async def test_files_are_applied_in_order_and_only_once(
    owner: Address, connection: Connection, folder: Path
) -> None:
    assert await pending(owner, folder) == ("0001_coins", "0002_a_coin")
    assert await migrate(owner, folder) == ("0001_coins", "0002_a_coin")
    assert await migrate(owner, folder) == ()
    assert await pending(owner, folder) == ()
    assert await connection.fetchval("SELECT count(*) FROM cell_1.coins") == 1
    (folder / "0003_more.sql").write_text("INSERT INTO coins VALUES (2), (3);")
    assert await pending(owner, folder) == ("0003_more",)
    assert await migrate(owner, folder) == ("0003_more",)
    rows = await connection.fetch("SELECT version, name FROM cell_1.schema_migrations ORDER BY 1")
    assert [tuple(row) for row in rows] == [(1, "0001_coins"), (2, "0002_a_coin"), (3, "0003_more")]


async def test_looking_for_what_is_pending_changes_nothing(
    owner: Address, connection: Connection, folder: Path
) -> None:
    await pending(owner, folder)
    assert await connection.fetchval("SELECT to_regnamespace('cell_1')") is None


async def test_each_cell_has_its_own_tables(
    owner: Address, connection: Connection, folder: Path
) -> None:
    await migrate(owner, folder)
    assert len(await migrate(replace(owner, schema="cell_2"), folder)) == 2
    assert await connection.fetchval("SELECT count(*) FROM cell_2.coins") == 1


async def test_a_changed_file_is_named(owner: Address, folder: Path) -> None:
    await migrate(owner, folder)
    (folder / "0001_coins.sql").write_text("CREATE TABLE coins (id bigint);")
    for verb in (migrate, pending):
        with pytest.raises(MigrationChanged, match="0001_coins"):
            await verb(owner, folder)


async def test_a_renamed_file_counts_as_changed(owner: Address, folder: Path) -> None:
    await migrate(owner, folder)
    (folder / "0002_a_coin.sql").rename(folder / "0002_one_coin.sql")
    with pytest.raises(MigrationChanged, match="0002_one_coin"):
        await migrate(owner, folder)


async def test_a_database_ahead_of_the_files_is_told(owner: Address, folder: Path) -> None:
    await migrate(owner, folder)
    (folder / "0002_a_coin.sql").unlink()
    for verb in (migrate, pending):
        with pytest.raises(MigrationUnknown, match="0002_a_coin"):
            await verb(owner, folder)


@pytest.mark.parametrize("name", ["0004_late.sql", "3_short.sql", "0003-dash.sql", "0002_twin.sql"])
async def test_a_gap_or_a_wrong_name_is_told_before_anything_runs(
    owner: Address, connection: Connection, folder: Path, name: str
) -> None:
    (folder / name).write_text("SELECT 1;")
    with pytest.raises(MigrationGap):
        await migrate(owner, folder)
    assert await connection.fetchval("SELECT to_regclass('cell_1.coins')") is None


async def test_an_empty_folder_is_told(owner: Address, tmp_path: Path) -> None:
    with pytest.raises(MigrationGap, match="no migrations"):
        await migrate(owner, tmp_path)


async def test_a_failing_file_leaves_nothing_of_itself(
    owner: Address, connection: Connection, folder: Path
) -> None:
    bad = folder / "0003_bad.sql"
    bad.write_text("INSERT INTO coins VALUES (2); CREATE TABLE notes (id int); SELECT 1 / 0;")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(owner, folder)
    assert await connection.fetchval("SELECT count(*) FROM cell_1.coins") == 1
    assert await connection.fetchval("SELECT to_regclass('cell_1.notes')") is None
    assert await pending(owner, folder) == ("0003_bad",)
    bad.write_text("INSERT INTO coins VALUES (2);")
    assert await migrate(owner, folder) == ("0003_bad",)


async def test_runners_at_once_apply_each_file_once(
    owner: Address, connection: Connection, folder: Path
) -> None:
    (folder / "0003_slow.sql").write_text("SELECT pg_sleep(0.05); INSERT INTO coins VALUES (2);")
    applied = await asyncio.gather(*(migrate(owner, folder) for _ in range(4)))
    assert sorted(name for names in applied for name in names) == [
        "0001_coins",
        "0002_a_coin",
        "0003_slow",
    ]
    assert await connection.fetchval("SELECT count(*) FROM cell_1.coins") == 2


async def test_a_migration_does_not_queue_behind_a_lock_for_long(
    owner: Address, connection: Connection, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "_LOCK_MS", 50)
    await migrate(owner, folder)
    (folder / "0003_alter.sql").write_text("ALTER TABLE coins ADD COLUMN face text;")
    async with connection.transaction():
        await connection.execute("LOCK TABLE cell_1.coins IN ACCESS SHARE MODE")
        with pytest.raises(asyncpg.LockNotAvailableError):
            await migrate(owner, folder)
    assert await migrate(owner, folder) == ("0003_alter",)


async def test_the_servers_login_is_admitted(
    server: Server, owner: Address, connection: Connection
) -> None:
    name = f"login_{owner.database}"
    await connection.execute(f"CREATE ROLE {name} LOGIN")
    try:
        await migrate(owner, login=name)
        for role in ("tallystick_writer", "tallystick_reader"):
            asked = "SELECT pg_has_role($1, $2, 'SET')"
            assert await connection.fetchval(asked, name, role)
    finally:
        await connection.execute(f"DROP ROLE {name}")


async def test_an_owner_that_is_no_superuser_can_migrate_and_serve(
    owner: Address, connection: Connection
) -> None:
    name = f"boss_{owner.database}"
    await connection.execute(f"CREATE ROLE {name} LOGIN CREATEROLE PASSWORD 'p'")
    for role in ("tallystick_owner", "tallystick_writer", "tallystick_reader"):
        await connection.execute(f"GRANT {role} TO {name} WITH ADMIN OPTION")
    await connection.execute(f"GRANT CREATE ON DATABASE {owner.database} TO {name}")
    try:
        boss = owner.as_owner(name, "p")
        assert await migrate(boss, login=name)
    finally:
        await connection.execute(f"DROP OWNED BY {name} CASCADE")
        await connection.execute(f"DROP ROLE {name}")


def test_our_own_migrations_are_found_and_well_formed() -> None:
    names = [migration.name for migration in read_migrations(migrations_folder())]
    assert names[0] == "0001_journal_and_ledger"
