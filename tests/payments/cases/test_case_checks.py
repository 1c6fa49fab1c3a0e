"""Each promise about cases is examined, and found broken when it is."""

from collections.abc import AsyncIterator

import pytest

from tallystick import books
from tallystick.payments import cases
from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.pools import Connection, connect
from tests.payments.cases.conftest import DAY, CaseDesk

pytestmark = pytest.mark.anyio

# What somebody with the owner's rights might do, and the check that finds him out.
TAMPERINGS = {
    "UPDATE payment_cases SET outcome = 'payment.cancelled' WHERE status = 'resolved'": (
        "cases_resolved_truly"
    ),
    "UPDATE payment_cases SET object_id = id WHERE status = 'resolved'": "cases_resolved_truly",
    "UPDATE payment_cases SET status = 'open', outcome = NULL, resolved_at = NULL": (
        "payment_case_transitions"
    ),
    "DELETE FROM payment_cases WHERE status = 'open'": "payment_case_transitions",
}


@pytest.fixture
async def busy(case_desk: CaseDesk) -> CaseDesk:
    """A case that has ended, and one that has not."""
    await case_desk.lost()
    await case_desk.desk.recover(DAY)
    await case_desk.cases.keeping.keep()
    await case_desk.lost()
    return case_desk


@pytest.fixture
async def owner(owner_address: Address) -> AsyncIterator[Connection]:
    connection = await connect(owner_address, server_settings={"search_path": owner_address.schema})
    # The owner may: that is why the checks look at the rows themselves.
    await connection.execute("SET session_replication_role = replica")
    yield connection
    await connection.close()


async def broken(case_desk: CaseDesk) -> set[str]:
    operations = case_desk.desk.operations
    database, journal, clock = operations.database, operations.journal, operations.clock
    proof = await books.prove(database, journal, clock, cases.checks)
    return {result.name for result in proof.checks if not result.green}


async def test_what_was_not_tampered_with_holds(busy: CaseDesk) -> None:
    assert {case.status for case in await busy.all()} == {"open", "resolved"}
    assert await broken(busy) == set()


@pytest.mark.parametrize(("sql", "name"), TAMPERINGS.items())
async def test_what_was_is_found(busy: CaseDesk, owner: Connection, sql: str, name: str) -> None:
    assert int((await owner.execute(sql)).rpartition(" ")[2]) > 0

    assert name in await broken(busy)


def test_every_check_is_shown_able_to_fail() -> None:
    assert {check.name for check in cases.checks} == set(TAMPERINGS.values())
