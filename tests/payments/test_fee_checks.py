"""Fees are proven: whoever tampers with a plan, a payment or a posting is found out."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tallystick import books, payments
from tallystick.payments.fees.store import CHECKS
from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.pools import Connection, connect
from tests.payments.desk import Desk
from tests.payments.test_advances import lending
from tests.payments.test_fee_plans import FULL, set_plan

pytestmark = pytest.mark.anyio

# What somebody with the owner's rights might do, and the check that finds him out.
TAMPERINGS = {
    "UPDATE fee_plans SET percent_bp = 100": "fees_as_planned",
    "UPDATE fee_plans SET cap_minor = 1": "fees_as_planned",
    "UPDATE fee_plans SET on_refund = 'kept'": "fees_as_planned",
    "DELETE FROM fee_plans": "fees_as_planned",
    "UPDATE payments SET fee_terms = NULL": "fees_in_all",
    "UPDATE payments SET fee_minor = fee_minor + 1": "fees_in_all",
    "UPDATE payments SET charges = NULL": "fees_in_all",
    "UPDATE refunds SET fee_minor = 0, tax_minor = 0": "fees_in_all",
    "UPDATE ledger_transfers SET code = 'fee' WHERE code = 'fee_tax'": "fees_posted",
    "UPDATE ledger_transfers SET amount = amount + 1 WHERE code = 'reserve'": "fees_posted",
    "UPDATE ledger_transfers SET credit = debit WHERE code = 'fee'": "fees_posted",
    "UPDATE ledger_accounts SET credits_posted = debits_posted + 1"
    " WHERE code LIKE 'merchant:%:advance:%'": "advances_repaid",
    "UPDATE payment_reserves SET amount_minor = 1": "reserves_moved",
    "UPDATE payment_reserves SET status = 'released'": "reserves_moved",
    "UPDATE journal_facts SET data = jsonb_set(data::jsonb, '{fee_minor}', '1')"
    " WHERE kind = 'payment.captured'": "fees_by_terms",
    "UPDATE journal_facts SET data = jsonb_set(data::jsonb, '{tax_minor}', '0')"
    " WHERE kind = 'payment.captured'": "fees_by_terms",
    "UPDATE journal_facts SET data = jsonb_set(data::jsonb, '{reserve_minor}', '9')"
    " WHERE kind = 'payment.captured'": "fees_by_terms",
    "UPDATE journal_facts SET data = jsonb_set(data::jsonb, '{fee_percent_bp}', '1')"
    " WHERE kind = 'payment.initiated'": "fees_by_terms",
}


class TestChecks:
    @pytest.fixture
    async def owner(self, owner_address: Address) -> AsyncIterator[Connection]:
        path = {"search_path": owner_address.schema}
        connection = await connect(owner_address, server_settings=path)
        await connection.execute("SET session_replication_role = replica")
        await connection.execute(
            "ALTER TABLE ledger_transfers DROP CONSTRAINT IF EXISTS ledger_transfers_check"
        )
        yield connection
        await connection.close()

    @pytest.mark.parametrize(("sql", "name"), TAMPERINGS.items())
    async def test_what_was_tampered_with_is_found(
        self, desk: Desk, owner: Connection, sql: str, name: str
    ) -> None:
        await set_plan(desk, 200, fixed_minor=300, cap_minor=100_000, **FULL)
        paid = await desk.pay(10_000)
        await desk.refund(paid, amount_minor=4_000)
        held = await desk.hold(10_000)
        await desk.capture(held, amount_minor=6_000)
        await desk.capture(held)
        await lending(desk).operations.advances._open(paid, 100)

        done = await owner.execute(sql)

        assert not done.endswith(" 0"), "nothing was tampered with"
        assert name in await broken(desk)

    async def test_every_check_of_fees_is_shown_able_to_fail(self) -> None:
        assert set(TAMPERINGS.values()) == {check.name for check in CHECKS}

    async def test_the_page_explains_every_check(self) -> None:
        page = Path(__file__).parents[2] / "docs" / "explanation" / "fees.md"
        text = page.read_text(encoding="utf-8")

        for check in CHECKS:
            assert f"| `{check.name}` | {check.promise}" in text


async def broken(desk: Desk) -> set[str]:
    operations = desk.operations
    proof = await books.prove(operations.database, operations.journal, desk.clock, payments.checks)
    return {result.name for result in proof.checks if not result.green}
