"""Connections: who may do what, and how long anybody waits."""

import asyncio
import time
from collections.abc import AsyncIterator

import asyncpg
import pytest
from msgspec.structs import replace

from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.pools import (
    Database,
    NotMigrated,
    Overloaded,
    connect,
    open_database,
)
from tallystick.platform.settings import Settings

pytestmark = pytest.mark.anyio

_FACT = """
    INSERT INTO journal_facts
        (position, batch, at, aggregate_id, version, lane, schema_version, kind, data)
    VALUES (1, 1, now(), gen_random_uuid(), 1, 0, 1, 'payment.captured', '{}')"""


@pytest.fixture
async def narrow(address: Address, settings: Settings) -> AsyncIterator[Database]:
    """A database with one reading connection."""
    changes = {"db_pool_min": 1, "db_pool_max": 1, "db_request_acquire_timeout": 200}
    async with open_database(address, settings.model_copy(update=changes)) as database:
        yield database


class TestReading:
    async def test_answers_rows_a_row_and_a_value(self, database: Database) -> None:
        assert len(await database.fetch("SELECT lane FROM journal_lanes")) == 8
        row = await database.fetchrow("SELECT lane, seq FROM journal_lanes WHERE lane = $1", 3)
        assert row is not None
        assert tuple(row) == (3, 0)
        assert await database.fetchrow("SELECT 1 WHERE false") is None
        assert await database.fetchval("SELECT count(*) FROM journal_lanes") == 8

    async def test_json_stays_text_and_time_is_utc(self, database: Database) -> None:
        assert await database.fetchval("""SELECT '{"a": 1}'::json""") == '{"a": 1}'
        assert await database.fetchval("SHOW timezone") == "UTC"
        assert database.schema == "payment_service"

    async def test_cannot_write(self, database: Database) -> None:
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await database.fetch(_FACT)

    async def test_has_no_right_to_write_even_when_it_says_so(self, address: Address) -> None:
        role = {"role": "tallystick_reader", "search_path": "payment_service"}
        connection = await connect(address, server_settings=role)
        try:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(_FACT)
        finally:
            await connection.close()

    async def test_in_one_snapshot_sees_one_state(self, database: Database) -> None:
        count = "SELECT count(*) FROM journal_facts"
        writer = await database.open_writer("test")
        try:
            async with database.reading() as connection:
                assert await connection.fetchval(count) == 0
                await writer.execute(_FACT)
                assert await connection.fetchval(count) == 0
                with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
                    await connection.execute(_FACT)
        finally:
            await writer.close()
        assert await database.fetchval(count) == 1


class TestWaiting:
    async def test_a_request_is_told_soon_that_all_connections_are_busy(
        self, narrow: Database
    ) -> None:
        async with narrow.reading():
            started = time.monotonic()
            with pytest.raises(Overloaded, match="200 ms"):
                await narrow.fetch("SELECT 1")
            assert 0.15 < time.monotonic() - started < 1.0
        assert await narrow.fetchval("SELECT 1") == 1

    async def test_a_slow_statement_is_given_up_and_its_connection_is_clean_again(
        self, narrow: Database
    ) -> None:
        pid = await narrow.fetchval("SELECT pg_backend_pid()")
        with pytest.raises(Overloaded, match="did not answer"):
            await narrow.fetch("SELECT pg_sleep(10)", timeout_ms=50)
        assert await narrow.fetchval("SELECT 1") == 1
        assert await narrow.fetchval("SELECT pg_backend_pid()") == pid

    async def test_the_server_gives_up_first(self, address: Address, settings: Settings) -> None:
        hasty = settings.model_copy(update={"db_statement_timeout": 50})
        async with open_database(address, hasty) as database:
            with pytest.raises(Overloaded, match="statement timeout"):
                await database.fetch("SELECT pg_sleep(10)")

    async def test_a_cancelled_caller_leaves_a_clean_connection(self, narrow: Database) -> None:
        async def read_slowly() -> None:
            async with narrow.reading() as connection:
                await connection.fetch("SELECT pg_sleep(10)")

        task = asyncio.create_task(read_slowly())
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        # The snapshot is over, and nothing of it is left in the session.
        now = "SELECT current_setting('transaction_isolation')"
        assert await narrow.fetchval(now) == "read committed"

    async def test_a_killed_connection_is_replaced(
        self, narrow: Database, owner_address: Address
    ) -> None:
        pid = await narrow.fetchval("SELECT pg_backend_pid()")
        owner = await connect(owner_address)
        await owner.execute("SELECT pg_terminate_backend($1, 5000)", pid)
        await owner.close()
        await asyncio.sleep(0.05)
        assert await narrow.fetchval("SELECT pg_backend_pid()") != pid

    async def test_a_connection_killed_in_the_act_is_told_as_overload(
        self, narrow: Database, owner_address: Address
    ) -> None:
        pid = await narrow.fetchval("SELECT pg_backend_pid()")
        reading = asyncio.create_task(narrow.fetch("SELECT pg_sleep(10)"))
        await asyncio.sleep(0.05)
        owner = await connect(owner_address)
        await owner.execute("SELECT pg_terminate_backend($1)", pid)
        await owner.close()
        with pytest.raises(Overloaded):
            await reading

    async def test_a_wrong_statement_is_not_told_as_overload(self, database: Database) -> None:
        with pytest.raises(asyncpg.UndefinedTableError):
            await database.fetch("SELECT * FROM nowhere")


class TestWriting:
    async def test_a_writer_states_its_limits(self, database: Database) -> None:
        writer = await database.open_writer("lane 0")
        try:
            for name, expected in (
                ("role", "tallystick_writer"),
                ("search_path", '"payment_service"'),
                ("application_name", "tallystick lane 0"),
                ("statement_timeout", "5s"),
                ("lock_timeout", "2s"),
                ("idle_in_transaction_session_timeout", "1s"),
                ("default_transaction_isolation", "read committed"),
            ):
                assert await writer.fetchval("SELECT current_setting($1)", name) == expected
        finally:
            await writer.close()

    async def test_a_writer_adds_facts_but_never_changes_one(self, database: Database) -> None:
        writer = await database.open_writer("test")
        try:
            await writer.execute(_FACT)
            for rewriting in (
                "UPDATE journal_facts SET kind = 'other'",
                "DELETE FROM journal_facts",
                "TRUNCATE journal_facts",
                "DROP TABLE journal_facts",
                "ALTER TABLE journal_facts DISABLE TRIGGER append_only",
            ):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await writer.execute(rewriting)
        finally:
            await writer.close()
        assert await database.fetchval("SELECT kind FROM journal_facts") == "payment.captured"

    async def test_over_tcp_both_ends_notice_a_vanished_peer(
        self, address: Address, settings: Settings
    ) -> None:
        over_tcp = replace(address, host="127.0.0.1")
        async with open_database(over_tcp, settings) as database:
            writer = await database.open_writer("test")
            try:
                idle = await writer.fetchval("SELECT current_setting('tcp_keepalives_idle')")
                assert idle == "5"
            finally:
                await writer.close()
            assert await database.fetchval("SELECT 1") == 1


class TestOpening:
    async def test_waits_for_the_database_only_so_long(
        self, address: Address, settings: Settings
    ) -> None:
        nowhere = replace(address, host="127.0.0.1", port=1)
        eager = settings.model_copy(update={"db_acquire_timeout": 200, "db_pool_min": 1})
        with pytest.raises(Overloaded, match="no answer"):
            async with open_database(nowhere, eager):
                pass

    async def test_a_login_that_was_not_admitted_is_told_to_migrate(
        self, address: Address, owner_address: Address, settings: Settings
    ) -> None:
        owner = await connect(owner_address)
        name = f"stranger_{address.database}"
        await owner.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'p'")
        try:
            stranger = replace(address, user=name, password="p")
            one = settings.model_copy(update={"db_pool_min": 1})
            with pytest.raises(NotMigrated, match="tallystick migrate"):
                async with open_database(stranger, one):
                    pass
        finally:
            await owner.execute(f"DROP ROLE {name}")
            await owner.close()
