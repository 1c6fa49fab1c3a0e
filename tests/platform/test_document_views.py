"""The views under the documents' names: read by index, written by nobody, closed to analysts."""

import asyncpg
import pytest

from tallystick.platform.postgres.pools import Database

pytestmark = pytest.mark.anyio

VIEWS = {
    *("event_store", "payment_events", "payment_transactions", "audit_logs"),
    *("payment_idempotency", "ledger_entries", "transactions", "wallet_transactions"),
    *("merchant_settlements", "ledger_account_lines"),
}
# The columns as the documents write them down, where they do.
COLUMNS = {
    "event_store": "event_id aggregate_id aggregate_type event_type event_data version created_at",
    "payment_events": "id aggregate_id event_type version timestamp data metadata",
    "ledger_entries": (
        "id transaction_id account_id amount_cents currency entry_type balance_after created_at"
    ),
    "transactions": "id account_id amount type reference_id metadata created_at",
    "payment_idempotency": "idempotency_key payment_id response_data created_at",
    "audit_logs": (
        "audit_id user_id service_name action entity_type entity_id old_values new_values"
        " ip_address user_agent status created_at"
    ),
}
AN_ID = "$$00000000-0000-7000-8000-000000000001$$"
LINES = ("ledger_transfers_debit", "ledger_transfers_credit")
QUESTIONS = [
    (f"SELECT * FROM event_store WHERE aggregate_id = {AN_ID}", ("journal_facts_version",)),
    (
        f"SELECT * FROM payment_events WHERE aggregate_id = {AN_ID} ORDER BY version",
        ("journal_facts_version",),
    ),
    (
        f"SELECT * FROM payment_transactions WHERE payment_id = {AN_ID} ORDER BY version",
        ("journal_facts_version",),
    ),
    (f"SELECT * FROM audit_logs WHERE entity_id = {AN_ID}", ("journal_facts_version",)),
    (
        f"SELECT * FROM payment_idempotency WHERE idempotency_key = {AN_ID}",
        ("journal_claims_pkey", "payments_pkey", "refunds_pkey"),
    ),
    (f"SELECT * FROM ledger_entries WHERE account_id = {AN_ID}", LINES),
    (
        (
            f"SELECT * FROM transactions WHERE account_id = {AN_ID}"
            " ORDER BY account_version DESC LIMIT 9"
        ),
        (*LINES, "Merge Append"),
    ),
    (
        (
            f"SELECT * FROM wallet_transactions WHERE wallet_id = {AN_ID}"
            " ORDER BY version DESC LIMIT 9"
        ),
        ("wallets_wallet", *LINES),
    ),
    (
        f"SELECT * FROM merchant_settlements WHERE merchant_id = {AN_ID} AND status = 'pending'",
        ("settlement_records_merchant",),
    ),
    (
        (
            "SELECT p.*, pt.* FROM payments p LEFT JOIN payment_transactions pt"
            f" ON p.id = pt.payment_id WHERE p.merchant_id = {AN_ID}"
        ),
        ("payments_merchant_status_date", "journal_facts_version"),
    ),
]


@pytest.mark.parametrize("view", COLUMNS)
async def test_it_has_the_documents_columns(database: Database, view: str) -> None:
    rows = await database.fetch(
        "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0", view
    )

    assert set(COLUMNS[view].split()) <= {row[0] for row in rows}


@pytest.mark.parametrize(("question", "used"), QUESTIONS, ids=lambda part: str(part)[:50])
async def test_asked_by_an_id_it_reads_by_index(
    database: Database, question: str, used: tuple[str, ...]
) -> None:
    async with database.reading() as connection:
        # An empty table is never worth an index; the question is whether one can be used at all.
        await connection.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
        plan = "\n".join(line[0] for line in await connection.fetch(f"EXPLAIN {question}"))

    assert [name for name in used if name not in plan] == []
    assert "Seq Scan" not in plan


@pytest.mark.parametrize("view", sorted(VIEWS))
async def test_nobody_writes_through_it(database: Database, view: str) -> None:
    """Either the login may not, or there is nothing to write to."""
    refusals = (asyncpg.InsufficientPrivilegeError, asyncpg.ObjectNotInPrerequisiteStateError)
    for statement in (f"INSERT INTO {view} DEFAULT VALUES", f"DELETE FROM {view}"):
        with pytest.raises(refusals):
            await database.fetch(statement)


async def test_servers_may_read_them_and_analysts_may_not(database: Database) -> None:
    rights = await database.fetch(
        "SELECT role, view, may FROM unnest($1::text[]) AS view,"
        " unnest('{reader,writer,analyst}'::text[]) AS role,"
        " unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE}'::text[]) AS may"
        " WHERE has_table_privilege('tallystick_' || role, view, may)",
        list(VIEWS),
    )

    assert {tuple(right) for right in rights} == {
        (role, view, "SELECT") for role in ("reader", "writer") for view in VIEWS
    }
