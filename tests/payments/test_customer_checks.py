"""The promises about customers are examined, and found broken when they are."""

from collections.abc import AsyncIterator

import pytest

from tallystick import books, payments
from tallystick.journal import Journal
from tallystick.payments.customers import Customers, CustomerTerms, MethodWish
from tallystick.platform.clock import HandClock
from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.pools import Connection, Database, connect
from tests.payments.desk import Desk

pytestmark = pytest.mark.anyio

# What somebody with the owner's rights might do, and the check that finds him out.
TAMPERINGS = {
    "UPDATE customers SET methods = methods + 1": "customers_methods",
    "UPDATE customers SET default_method_id = id WHERE methods > 0": "customers_methods",
    "DELETE FROM payment_methods": "customers_methods",
    "UPDATE payment_methods SET merchant_id = customer_id": "methods_owned",
    "UPDATE customers SET merchant_id = id": "methods_owned",
    "UPDATE payments SET payment_method = 'tok_mastercard'": "paid_with_saved_methods",
    "UPDATE payments SET customer_id = id": "paid_with_saved_methods",
}


@pytest.fixture
async def owner(owner_address: Address) -> AsyncIterator[Connection]:
    connection = await connect(owner_address, server_settings={"search_path": owner_address.schema})
    yield connection
    await connection.close()


async def broken(desk: Desk) -> set[str]:
    operations = desk.operations
    proof = await books.prove(operations.database, operations.journal, desk.clock, payments.checks)
    return {result.name for result in proof.checks if not result.green}


@pytest.mark.parametrize(("sql", "name"), TAMPERINGS.items())
async def test_what_was_tampered_with_is_found(
    desk: Desk, journal: Journal, database: Database, clock: HandClock,
    owner: Connection, *, sql: str, name: str,
) -> None:  # fmt: skip
    customers = Customers.over(journal, database, clock)
    asha = (await customers.create(desk.merchant, CustomerTerms(name="Asha Rao"))).row.id
    await customers.methods.attach(asha, "tok_visa")
    await desk.pay(token=MethodWish(None, asha, off_session=True))
    assert await broken(desk) == set()

    done = await owner.execute(sql)

    assert not done.endswith(" 0"), "nothing was tampered with"
    assert name in await broken(desk)
