"""Each promise of the room is examined, and found broken when it is."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from tallystick import books, payments
from tallystick.books import CheckFunction
from tallystick.payments import cases, disputes
from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.pools import Connection, connect
from tests.payments.desk import Desk
from tests.payments.test_customer_checks import TAMPERINGS as CUSTOMER_TAMPERINGS
from tests.payments.test_fee_checks import TAMPERINGS as FEE_TAMPERINGS
from tests.payments.test_wallet_payments import TAMPERINGS as WALLET_TAMPERINGS

pytestmark = pytest.mark.anyio

# What somebody with the owner's rights might do, and the check that finds him out.
TAMPERINGS = {
    "UPDATE payments SET captured_minor = 0 WHERE status = 'captured'": "captures_in_all",
    "UPDATE payments SET refunded_minor = 1 WHERE status = 'captured'": "refunds_in_all",
    "UPDATE payments SET refunded_minor = 20000 WHERE refunded_minor > 0": "payment_limits",
    "UPDATE payments SET status = 'refunded' WHERE status = 'captured'": "payment_transitions",
    "UPDATE intents SET status = 'cancelled'": "intent_transitions",
    "UPDATE refunds SET status = 'failed'": "refund_transitions",
    "UPDATE refunds SET amount_minor = amount_minor - 1": "refunds_reserved",
    "UPDATE ledger_reservations SET state = 'open'": "refunds_reserved",
    "UPDATE ledger_transfers SET amount = amount - 1 WHERE code = 'fee'": "captures_posted",
    "DELETE FROM ledger_transfers WHERE code = 'capture'": "captures_posted",
    "UPDATE journal_facts SET kind = 'payment.captured' WHERE kind = 'payment.authorized'": (
        "payment_transitions"
    ),
    "UPDATE ledger_transfers SET amount = amount - 1 WHERE code = 'late_failure'": (
        "late_failures_posted"
    ),
    "DELETE FROM payments WHERE status = 'failed'": "payment_transitions",
}


@pytest.fixture
async def busy_desk(desk: Desk) -> Desk:
    """A desk with a payment of every sort on its books."""
    await desk.pay(5_000)
    partly = await desk.pay(10_000)
    await desk.refund(partly, amount_minor=2_000)
    await desk.pay(token="tok_declined")
    await desk.payments.late_failures.record((await desk.pay(4_000)).id, "recalled")
    await desk.hold(3_000)
    wish = await desk.intents.create(desk.merchant, amount_minor=1_000, currency="INR")
    await desk.intents.confirm(desk.merchant, wish.row.id, payment_method="tok_visa")
    return desk


@pytest.fixture
async def owner(owner_address: Address) -> AsyncIterator[Connection]:
    connection = await connect(owner_address, server_settings={"search_path": owner_address.schema})
    # The owner may: that is why the checks look at the rows themselves.
    await connection.execute("SET session_replication_role = replica")
    for table in ("payments", "intents", "refunds"):
        await connection.execute(
            f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS payments_refunded_captured_authorized,"
            " DROP CONSTRAINT IF EXISTS payments_disputed_captured"
        )
    yield connection
    await connection.close()


async def broken(desk: Desk) -> set[str]:
    operations = desk.operations
    proof = await books.prove(operations.database, operations.journal, desk.clock, payments.checks)
    return {result.name for result in proof.checks if not result.green}


async def test_an_honest_book_is_green(busy_desk: Desk) -> None:
    assert await broken(busy_desk) == set()


@pytest.mark.parametrize(("sql", "name"), TAMPERINGS.items())
async def test_what_was_tampered_with_is_found(
    busy_desk: Desk, owner: Connection, sql: str, name: str
) -> None:
    done = await owner.execute(sql)

    assert not done.endswith(" 0"), "nothing was tampered with"
    assert name in await broken(busy_desk)


async def test_an_answer_unknown_for_more_than_a_day_is_found(busy_desk: Desk) -> None:
    await busy_desk.pay(token="tok_slow")
    busy_desk.clock.advance(timedelta(hours=23, minutes=59))
    assert "unknown_outcomes" not in await broken(busy_desk)

    busy_desk.clock.advance(timedelta(minutes=2))

    assert "unknown_outcomes" in await broken(busy_desk)


async def test_every_check_is_shown_able_to_fail() -> None:
    told_there = {check.name for room in (disputes, cases) for check in room.checks}
    names = {check.name for check in payments.checks if not isinstance(check, CheckFunction)}
    names -= told_there

    all_tamperings = (TAMPERINGS, FEE_TAMPERINGS, CUSTOMER_TAMPERINGS, WALLET_TAMPERINGS)
    found = {name for tamperings in all_tamperings for name in tamperings.values()}
    assert names == {*found, "unknown_outcomes"}
