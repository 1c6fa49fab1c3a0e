"""Each promise about disputes is examined, and found broken when it is."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from tallystick import books
from tallystick.payments import disputes
from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.pools import Connection, connect
from tests.payments.disputes.dispute_desk import DisputeDesk

pytestmark = pytest.mark.anyio

# What somebody with the owner's rights might do, and the check that finds him out.
TAMPERINGS = {
    "UPDATE disputes SET amount_minor = amount_minor - 1": "disputes_set_aside",
    "UPDATE disputes SET fee_minor = 0": "disputes_set_aside",
    "DELETE FROM ledger_transfers WHERE code = 'dispute'": "disputes_set_aside",
    "UPDATE ledger_transfers SET amount = 1 WHERE code = 'dispute_lost'": "disputes_closed",
    "UPDATE ledger_transfers SET code = 'dispute_lost' WHERE code = 'dispute_won'": (
        "disputes_closed"
    ),
    "UPDATE disputes SET closed_at = now() WHERE closed_at IS NULL": "disputes_held",
    "UPDATE payments SET disputed_minor = 0": "disputes_of_payments",
    "UPDATE payments SET charged_back_minor = 0": "disputes_of_payments",
    "UPDATE payments SET refunded_minor = 1 WHERE disputed_minor > 0": "disputes_of_payments",
    "UPDATE disputes SET provider_dispute_id = 'one'": "disputes_once",
    "DELETE FROM dispute_documents": "dispute_documents",
    "UPDATE dispute_documents SET sealed = '\\x00'": "dispute_documents",
    "UPDATE disputes SET status = 'lost' WHERE status = 'accepted'": "dispute_transitions",
    "DELETE FROM disputes WHERE status = 'won'": "dispute_transitions",
}


@pytest.fixture
async def busy(counter: DisputeDesk) -> DisputeDesk:
    """A dispute that is open, one that is contested, one won, one given in."""
    await counter.desk.pay(100_000)
    await counter.disputed()
    won = await counter.disputed()
    await counter.contested(won)
    await counter.turn(timedelta(minutes=1))
    accepted = await counter.disputed()
    await counter.disputes.accept(accepted.id)
    await counter.contested(await counter.disputed())
    return counter


@pytest.fixture
async def owner(owner_address: Address) -> AsyncIterator[Connection]:
    connection = await connect(owner_address, server_settings={"search_path": owner_address.schema})
    # The owner may: that is why the checks look at the rows themselves.
    await connection.execute("SET session_replication_role = replica")
    for table, constraint in (
        ("disputes", "disputes_closed_at_an_instant"),
        ("payments", "payments_disputed_captured"),
        ("payments", "payments_refunded_captured_authorized"),
    ):
        await connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {constraint}")
    yield connection
    await connection.close()


async def broken(counter: DisputeDesk) -> set[str]:
    operations, clock = counter.desk.operations, counter.desk.clock
    proof = await books.prove(operations.database, operations.journal, clock, disputes.checks)
    return {result.name for result in proof.checks if not result.green}


async def test_an_honest_book_is_green(busy: DisputeDesk) -> None:
    assert await broken(busy) == set()


@pytest.mark.parametrize(("sql", "name"), TAMPERINGS.items())
async def test_what_was_tampered_with_is_found(
    busy: DisputeDesk, owner: Connection, sql: str, name: str
) -> None:
    done = await owner.execute(sql)

    assert not done.endswith(" 0"), "nothing was tampered with"
    assert name in await broken(busy)


async def test_a_dispute_that_nobody_looks_at_is_found(busy: DisputeDesk) -> None:
    busy.desk.clock.advance(timedelta(hours=23))
    assert "disputes_looked_at" not in await broken(busy)

    busy.desk.clock.advance(timedelta(days=2))

    assert "disputes_looked_at" in await broken(busy)


async def test_every_check_is_shown_able_to_fail() -> None:
    names = {check.name for check in disputes.checks}

    assert names == {*TAMPERINGS.values(), "disputes_looked_at"}
