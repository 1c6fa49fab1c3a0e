"""The tables are the rows, and the indexes serve the questions they were made for."""

import pytest

from tallystick.payments import checks, projections
from tallystick.payments.store import _page_sql
from tallystick.platform.postgres.pools import Database

pytestmark = pytest.mark.anyio

QUESTIONS = {
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
    "refunds_payment": (
        "SELECT id FROM refunds WHERE payment_id = $$00000000-0000-7000-8000-000000000001$$"
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


async def test_a_page_walks_the_index_of_each_state(database: Database) -> None:
    sql = _page_sql(projections[1].row, "payments")
    async with database.reading() as connection:
        await connection.execute("SET LOCAL enable_seqscan = off")
        plan = await connection.fetch(
            "EXPLAIN "
            + sql.replace("$1", "$$00000000-0000-7000-8000-000000000001$$")
            .replace("$2", "ARRAY['captured', 'failed']")
            .replace("$3", "now()")
            .replace("$4", "$$00000000-0000-7000-8000-000000000001$$")
            .replace("$5", "10")
        )

    assert "payments_merchant_status_date" in "\n".join(line[0] for line in plan)


def test_checks_promise_something() -> None:
    assert all(check.promise[0].islower() for check in checks)
