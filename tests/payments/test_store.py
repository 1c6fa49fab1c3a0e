"""The tables are the rows, and the indexes serve the questions they were made for."""

from datetime import UTC, datetime

import pytest

from tallystick.payments import checks, projections
from tallystick.payments.list_store import EVERYTHING, _Question
from tallystick.payments.model import PaymentRow
from tallystick.platform.ids import new_id
from tallystick.platform.postgres.pools import Database

pytestmark = pytest.mark.anyio

QUESTIONS = {
    "disputes_merchant": (
        "SELECT * FROM disputes WHERE merchant_id = $$00000000-0000-7000-8000-000000000001$$"
        " ORDER BY created_at DESC, id DESC LIMIT 10"
    ),
    "disputes_latest": "SELECT * FROM disputes ORDER BY created_at DESC, id DESC LIMIT 10",
    "disputes_provider": (
        "SELECT provider_dispute_id FROM disputes"
        " WHERE route = 'hdfc_bank' AND provider_dispute_id = ANY('{one,two}')"
    ),
    "disputes_payment": (
        "SELECT * FROM disputes WHERE payment_id = $$00000000-0000-7000-8000-000000000001$$"
    ),
    "disputes_due": "SELECT id FROM disputes WHERE due_at <= now() ORDER BY due_at LIMIT 10",
    "payments_merchant_status_date": (
        "SELECT * FROM payments WHERE merchant_id = $$00000000-0000-7000-8000-000000000001$$"
        " AND status = 'captured' ORDER BY created_at DESC, id DESC LIMIT 10"
    ),
    "payments_active": (
        "SELECT id FROM payments WHERE status IN ('pending', 'authorized') AND created_at < now()"
    ),
    "payments_captured": (
        "SELECT merchant_id, amount_minor, status, created_at FROM payments"
        " WHERE merchant_id = $$00000000-0000-7000-8000-000000000001$$ AND status = 'captured'"
        " AND amount_minor > 10"
    ),
    "payments_due": "SELECT id FROM payments WHERE due_at <= now() ORDER BY due_at LIMIT 10",
    "refunds_due": "SELECT id FROM refunds WHERE due_at <= now() ORDER BY due_at LIMIT 10",
    "intents_due": "SELECT id FROM intents WHERE due_at <= now() ORDER BY due_at LIMIT 10",
    "payments_unknown": "SELECT id FROM payments WHERE operation->>'unknown' = 'true'",
    "refunds_unknown": "SELECT id FROM refunds WHERE operation->>'unknown' = 'true'",
    "payment_cases_latest": "SELECT * FROM payment_cases ORDER BY created_at DESC, id DESC LIMIT 9",
    "payment_cases_open": (
        "SELECT * FROM payment_cases WHERE status = 'open' ORDER BY created_at DESC, id DESC"
    ),
    "payment_cases_watched": (
        "SELECT * FROM payment_cases WHERE watch_at <= now() ORDER BY watch_at LIMIT 100"
    ),
    "payment_reserves_payment": (
        "SELECT id FROM payment_reserves"
        " WHERE payment_id = $$00000000-0000-7000-8000-000000000001$$ AND status = 'held'"
    ),
    "intents_customer": (
        "SELECT id FROM intents WHERE customer_id = $$00000000-0000-7000-8000-000000000001$$"
    ),
    "payments_customer": (
        "SELECT coalesce(intent_id, id) FROM payments"
        " WHERE customer_id = $$00000000-0000-7000-8000-000000000001$$"
    ),
    "payment_reserves_due": (
        "SELECT id FROM payment_reserves WHERE due_at <= now() ORDER BY due_at LIMIT 10"
    ),
    "fee_plans_standing": (
        "SELECT * FROM fee_plans WHERE owner_id = $$00000000-0000-7000-8000-000000000001$$"
        " AND currency = 'INR' AND method = 'any' AND valid_from <= now()"
    ),
    "refunds_merchant_status_date": (
        "SELECT * FROM refunds WHERE merchant_id = $$00000000-0000-7000-8000-000000000001$$"
        " AND status = 'failed' ORDER BY created_at DESC, id DESC LIMIT 10"
    ),
    "refunds_advanced": (
        "SELECT DISTINCT merchant_id, currency FROM refunds WHERE advance_minor > 0"
    ),
    "refunds_payment": (
        "SELECT id FROM refunds WHERE payment_id = $$00000000-0000-7000-8000-000000000001$$"
    ),
    "customers_reference": (
        "SELECT * FROM customers WHERE merchant_id = $$00000000-0000-7000-8000-000000000001$$"
        " AND reference = 'shop-7' AND status = 'active'"
    ),
    "customers_merchant_date": (
        "SELECT * FROM customers WHERE merchant_id = $$00000000-0000-7000-8000-000000000001$$"
        " ORDER BY created_at DESC, id DESC LIMIT 10"
    ),
    "customers_date": "SELECT * FROM customers ORDER BY created_at DESC, id DESC LIMIT 10",
    "payment_methods_customer": (
        "SELECT * FROM payment_methods"
        " WHERE customer_id = $$00000000-0000-7000-8000-000000000001$$"
        " ORDER BY attached_at DESC, id DESC"
    ),
    "payment_methods_wallet": (
        "SELECT * FROM payment_methods"
        " WHERE merchant_id = $$00000000-0000-7000-8000-000000000001$$ AND token = 'wal_x'"
        " AND method_kind = 'wallet' AND status = 'attached'"
    ),
    "intents_merchant_status_date": (
        "SELECT * FROM intents WHERE merchant_id = $$00000000-0000-7000-8000-000000000001$$"
        " AND status = 'succeeded' ORDER BY created_at DESC, id DESC LIMIT 10"
    ),
}


@pytest.mark.parametrize("projection", projections, ids=lambda p: p.table)
async def test_a_rows_fields_are_its_tables_columns_in_their_order(
    database: Database, projection: object
) -> None:
    table, row = projection.table, projection.row  # type: ignore[attr-defined]
    columns = await database.fetch(
        "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass($1)"
        " AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        table,
    )

    assert tuple(column[0] for column in columns) == row.__struct_fields__


@pytest.mark.parametrize("index", QUESTIONS)
async def test_every_index_is_used(database: Database, index: str) -> None:
    async with database.reading() as connection:
        # An empty table is never worth an index; the question is which one fits.
        await connection.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
        plan = await connection.fetch(f"EXPLAIN {QUESTIONS[index]}")

    assert index in "\n".join(line[0] for line in plan)


async def test_no_index_stands_without_a_question(database: Database) -> None:
    indexes = await database.fetch(
        "SELECT indexname FROM pg_indexes WHERE schemaname = current_schema()"
        " AND tablename = ANY($1) AND indexname NOT LIKE '%_pkey'",
        [projection.table for projection in projections],
    )

    assert {row[0] for row in indexes} == set(QUESTIONS)


async def test_a_page_merges_the_walks_of_all_states(database: Database) -> None:
    """Each arm along the index and in its order: nothing is sorted, nothing read in vain."""
    merchant_id = new_id(datetime(2026, 3, 2, tzinfo=UTC), 1)
    statuses = ["captured", "failed", "refunded"]
    question = _Question(PaymentRow, merchant_id, statuses, EVERYTHING)
    sql, *values = question.page(None, 11)
    async with database.reading() as connection:
        await connection.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
        plan = "\n".join(line[0] for line in await connection.fetch(f"EXPLAIN {sql}", *values))

    assert "Merge Append" in plan
    assert plan.count("payments_merchant_status_date") == len(statuses)


def test_checks_promise_something() -> None:
    assert all(check.promise[0].islower() for check in checks)
