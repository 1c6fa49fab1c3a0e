"""Lookups stay quick however many payments there are, and however many ask at once."""

import asyncio
from uuid import uuid4

import pytest

from tallystick.intake import Lookups, Recording, lookup_store
from tallystick.intake.lookups import JOINT_ROWS_MAX
from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.pools import Connection, connect
from tests.intake.staging.table import plain

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("owner", ["loan_account_number", "cif"])
async def test_a_page_is_read_from_its_index(
    recording: Recording, owner_address: Address, owner: str
) -> None:
    connection = await connect(owner_address, server_settings={"search_path": owner_address.schema})
    await _record_by_sql(connection, loans=500, payments=6000)
    for sql, arguments in (
        (lookup_store._FIRST_PAGES, [["LA7"], [50], [0]]),
        (lookup_store._LATER_PAGE, ["LA7", 50, 0, plain(2026, 2, 20), uuid4()]),
    ):
        rows = await connection.fetch(f"EXPLAIN {sql.format(owner=owner)}", *arguments)
        plan = "\n".join(row[0] for row in rows)
        # Empty months may well be read whole.
        assert "Seq Scan on recorded_payments_2026_02" not in plan, plan
        assert f"recorded_payments_2026_02_{owner}" in plan, plan
    await connection.close()


async def test_first_pages_keep_their_plan(recording: Recording, owner_address: Address) -> None:
    connection = await connect(owner_address, server_settings={"search_path": owner_address.schema})
    await _record_by_sql(connection, loans=500, payments=6000)
    sql = lookup_store._FIRST_PAGES.format(owner="cif")
    statement = await connection.prepare(sql)
    for _ in range(10):
        assert len(await statement.fetch(["C7"], [50], [0])) == 12
    kept = await connection.fetchval(
        "SELECT generic_plans FROM pg_prepared_statements WHERE statement = $1", sql
    )
    await connection.close()
    assert kept == 5  # the first five are PostgreSQL's trials


async def test_many_who_ask_at_once_are_each_told_their_own(
    recording: Recording, owner_address: Address
) -> None:
    connection = await connect(owner_address, server_settings={"search_path": owner_address.schema})
    await _record_by_sql(connection, loans=20, payments=6000)
    await connection.close()
    lookups = Lookups(recording.database)
    asked = [
        (f"LA{loan}", limit, offset)
        for loan in (*range(25), 3)  # five have never paid, and one is asked for twice
        for limit, offset in ((1, 0), (7, 0), (7, 100), (JOINT_ROWS_MAX, 40), (10, 295))
    ]

    pages = await asyncio.gather(
        *(
            lookups.list_payments(
                "loan_account_number", number, place=None, limit=limit, offset=offset
            )
            for number, limit, offset in asked
        )
    )

    for (number, limit, offset), page in zip(asked, pages, strict=True):
        loan = int(number[2:])
        paid = [n for n in range(6000, 0, -1) if n % 20 == loan]
        expected = [f"R{n}" for n in paid[offset : offset + limit]]
        assert [row.reference_number for row in page.rows] == expected, (number, limit, offset)
        assert (page.next_place is not None) == (len(paid) > offset + limit)


async def _record_by_sql(connection: Connection, *, loans: int, payments: int) -> None:
    await connection.execute(
        "INSERT INTO recorded_payments (reference_number, loan_account_number, cif, amount,"
        " payment_date, source, currency)"
        f" SELECT 'R' || n, 'LA' || n % {loans}, 'C' || n % {loans}, 1,"
        " timestamp '2026-01-01' + n * interval '10 minutes', 'staging', 'USD'"
        f" FROM generate_series(1, {payments}) AS n"
    )
    await connection.execute("ANALYZE recorded_payments")
