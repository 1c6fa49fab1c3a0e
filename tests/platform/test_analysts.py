"""What a database login for analysts sees: figures of its merchants, and no secret of anybody's."""

import re
from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest

from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.pools import Connection, Database, connect

pytestmark = pytest.mark.anyio

ROLE = "tallystick_analyst"
CHAI, COFFEE = UUID(int=7 << 76 | 2 << 62), UUID(int=7 << 76 | 2 << 62 | 1)
SECRET = re.compile(r"seal|digest|secret|token|wrapped|operation|payment_method|_json|document")
OPEN = {
    *("analysts", "merchants", "intents", "payments", "refunds", "disputes", "payouts"),
    *("settlement_records", "wallets"),
    *("journal_facts_for_analysts", "ledger_accounts_for_analysts", "ledger_entries_for_analysts"),
}
COLUMNS = """
SELECT table_name, column_name FROM information_schema.column_privileges
 WHERE grantee = 'tallystick_analyst' AND table_schema = current_schema()
"""
RIGHTS = """
SELECT DISTINCT privilege_type FROM information_schema.column_privileges
 WHERE grantee = 'tallystick_analyst' AND table_schema = current_schema()
"""
MERCHANT = """
INSERT INTO merchants (id, version, name_sealed, currencies, fee_percent_bp, fee_fixed_minor,
                       created_at) VALUES ($1, 1, 'sealed', '[]', 0, 0, now())
"""
WALLET = """
INSERT INTO wallets (id, version, wallet_id, owner_id, owner_kind, currency, status, frozen, tier,
                     spent_on, spent_day_minor, spent_month, spent_month_minor, opened_at,
                     updated_at)
VALUES ($1, 1, $1, $1, 'merchant', 'INR', 'active', 'no', 'basic', now(), 0,
        date_trunc('month', now()), 0, now(), now())
"""
FACT = """
INSERT INTO journal_facts (position, batch, at, aggregate_id, version, lane, schema_version, kind,
                           data) VALUES ($1::int, 1, now(), $2, $1::int, 0, 1, $3, $4)
"""


@pytest.fixture
async def owner(owner_address: Address) -> AsyncIterator[Connection]:
    """The owner, beside two merchants with a wallet each, and what happened to a key."""
    path = {"search_path": f'"{owner_address.schema}"'}
    connection = await connect(owner_address, server_settings=path)
    try:
        for number, merchant_id in enumerate((CHAI, COFFEE), 1):
            await connection.execute(MERCHANT, merchant_id)
            await connection.execute(WALLET, merchant_id)
            told = '{"name_sealed":"x","fee_percent_bp":2}'
            await connection.execute(FACT, number, CHAI, "merchant.onboarded", told)
        await connection.execute(FACT, 3, CHAI, "api_key.created", '{"digest":"x"}')
        yield connection
    finally:
        await connection.close()


@pytest.fixture
async def analyst(owner: Connection, owner_address: Address) -> AsyncIterator[Connection]:
    """A login that is a member of the role, and of nothing else."""
    login = f"asha_{owner_address.database}"
    await owner.execute(f'CREATE ROLE "{login}" LOGIN; GRANT {ROLE} TO "{login}"')
    path = {"search_path": f'"{owner_address.schema}"'}
    connection = await connect(owner_address, server_settings=path)
    await connection.execute(f'SET SESSION AUTHORIZATION "{login}"')
    try:
        yield connection
    finally:
        await connection.close()
        await owner.execute(f'DROP ROLE "{login}"')


async def let_see(owner: Connection, analyst: Connection, merchant_id: UUID | None) -> None:
    login = await analyst.fetchval("SELECT session_user::text")
    await owner.execute("INSERT INTO analysts VALUES ($1, $2)", login, merchant_id)


async def seen(analyst: Connection, table: str, column: str) -> set[UUID]:
    return {row[0] for row in await analyst.fetch(f"SELECT {column} FROM {table}")}


async def test_no_column_with_a_secret_is_open(owner: Connection) -> None:
    granted = [(row[0], row[1]) for row in await owner.fetch(COLUMNS)]

    assert {table for table, _ in granted} == OPEN
    assert [named for named in granted if SECRET.search(named[1])] == []
    assert [row[0] for row in await owner.fetch(RIGHTS)] == ["SELECT"]


@pytest.mark.parametrize(
    "question",
    [
        "SELECT digest FROM api_keys",
        "SELECT id FROM api_keys",
        "SELECT name_sealed FROM merchants",
        "SELECT * FROM merchants",
        "SELECT payment_method FROM payments",
        "SELECT sealed FROM payouts",
        "SELECT wrapped FROM journal_subject_keys",
        "SELECT sealed FROM dispute_documents",
        "SELECT data FROM journal_facts",
        "SELECT id FROM journal_claims",
        "SELECT amount FROM ledger_transfers",
        "SELECT metadata FROM recorded_payments",
        "INSERT INTO analysts VALUES (session_user, NULL)",
        "UPDATE wallets SET tier = 'unlimited'",
    ],
)
async def test_what_is_closed_is_closed(analyst: Connection, question: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await analyst.fetch(question)


@pytest.mark.parametrize("role", ["tallystick_reader", "tallystick_writer"])
async def test_it_cannot_become_a_server(analyst: Connection, role: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await analyst.execute(f"SET ROLE {role}")


async def test_whoever_is_named_nowhere_sees_no_row(analyst: Connection) -> None:
    for table in (
        "merchants",
        "wallets",
        "journal_facts_for_analysts",
        "ledger_accounts_for_analysts",
        "ledger_entries_for_analysts",
    ):
        assert await analyst.fetchval(f"SELECT count(*) FROM {table}") == 0, table


async def test_a_merchants_analyst_sees_that_merchants_rows(
    owner: Connection, analyst: Connection
) -> None:
    await let_see(owner, analyst, CHAI)

    assert await seen(analyst, "merchants", "id") == {CHAI}
    assert await seen(analyst, "wallets", "owner_id") == {CHAI}
    assert await analyst.fetchval("SELECT count(*) FROM journal_facts_for_analysts") == 0


async def test_the_platforms_analyst_sees_all_but_keys_and_sealed_text(
    owner: Connection, analyst: Connection
) -> None:
    await let_see(owner, analyst, None)

    assert await seen(analyst, "merchants", "id") == {CHAI, COFFEE}
    told = await analyst.fetch(
        "SELECT kind, data::text FROM journal_facts_for_analysts ORDER BY position"
    )
    assert [tuple(row) for row in told] == [("merchant.onboarded", '{"fee_percent_bp": 2}')] * 2


async def test_servers_see_every_row_and_pay_nothing_for_it(
    owner: Connection, database: Database
) -> None:
    del owner  # the rows are there
    assert await database.fetchval("SELECT count(*) FROM merchants") == 2
    plan = await database.fetch("EXPLAIN SELECT id FROM payments WHERE id = $1", CHAI)
    assert "Filter" not in "\n".join(row[0] for row in plan)
