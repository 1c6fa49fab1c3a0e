"""Lookups stay quick however many payments there are: their indexes carry every page."""

from uuid import uuid4

import pytest

from tallystick.intake import Recording, lookup_store
from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.pools import connect
from tests.intake.staging.table import plain

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("owner", ["loan_account_number", "cif"])
async def test_a_page_is_read_from_its_index(
    recording: Recording, owner_address: Address, owner: str
) -> None:
    connection = await connect(owner_address, server_settings={"search_path": owner_address.schema})
    await connection.execute(
        "INSERT INTO recorded_payments (reference_number, loan_account_number, cif, amount,"
        " payment_date, source, currency) SELECT 'R' || n, 'LA' || n % 500, 'C' || n % 500, 1,"
        " timestamp '2026-01-01' + n * interval '10 minutes', 'staging', 'USD'"
        " FROM generate_series(1, 6000) AS n"
    )
    await connection.execute("ANALYZE recorded_payments")
    for sql, arguments in (
        (lookup_store._FIRST, ["LA7", 50, 0]),
        (lookup_store._NEXT, ["LA7", 50, 0, plain(2026, 2, 20), uuid4()]),
    ):
        rows = await connection.fetch(f"EXPLAIN {sql.format(owner=owner)}", *arguments)
        plan = "\n".join(row[0] for row in rows)
        # Empty months may well be read whole.
        assert "Seq Scan on recorded_payments_2026_02" not in plan, plan
        assert f"recorded_payments_2026_02_{owner}" in plan, plan
    await connection.close()
