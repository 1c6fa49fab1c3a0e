"""Customers: known, changed, closed for good, erased; told apart from other merchants'."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tallystick.identity import FeePlan, Merchant, Merchants
from tallystick.journal import Journal, JournalError
from tallystick.payments import PaymentsError
from tallystick.payments.customers import Customers, CustomersWanted, CustomerTerms
from tallystick.platform.clock import HandClock
from tallystick.platform.ids import new_id
from tallystick.platform.postgres.pools import Database
from tests.payments.desk import Desk, a_key, all_of

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("proven")]

ASHA = CustomerTerms(
    reference="shop-7",
    name="Asha Rao",
    email="asha@example.com",
    phone="+91 98450 12345",
    metadata={"tier": "gold"},
)


@pytest.fixture
def customers(journal: Journal, database: Database, clock: HandClock) -> Customers:
    return Customers.over(journal, database, clock)


@pytest.fixture
async def other(journal: Journal, database: Database, clock: HandClock, desk: Desk) -> Merchant:
    """Another merchant, who knows nobody."""
    merchants = Merchants(journal, database, clock)
    return await merchants.onboard("Rival", "rival", ["INR"], FeePlan())


async def code_of(asked: object) -> str:
    """The code with which this is refused."""
    with pytest.raises(PaymentsError) as refused:
        await asked  # type: ignore[misc]
    return refused.value.code


async def test_a_customer_is_made_changed_and_found_again(desk: Desk, customers: Customers) -> None:
    made = await customers.create(desk.merchant, ASHA)
    changes = CustomerTerms(email=None, phone="+91 1", metadata={"tier": "plain"})
    changed = await customers.update(made.row.id, changes)
    found = await customers.get(made.row.id, merchant_id=desk.merchant.id)

    assert (made.row.status, made.row.reference, made.row.methods) == ("active", "shop-7", 0)
    assert made.text["name"] == "Asha Rao"
    assert found == changed
    assert found.text == {"name": "Asha Rao", "phone": "+91 1", "metadata": {"tier": "plain"}}
    assert found.row.reference == "shop-7"


async def test_nothing_personal_stands_in_the_log_in_clear(
    desk: Desk, customers: Customers, database: Database
) -> None:
    made = await customers.create(desk.merchant, ASHA)
    await customers.methods.attach(made.row.id, "upi_a1", upi_handle="asha.rao@okbank")

    said = await database.fetch("SELECT data::text FROM journal_facts")
    rows = await database.fetch("SELECT c::text FROM customers c UNION ALL SELECT m::text"
                                " FROM payment_methods m")  # fmt: skip
    everything = " ".join(record[0].lower() for record in [*said, *rows])
    for word in ("asha", "example.com", "98450", "gold", "okbank"):
        assert word not in everything


async def test_a_reference_is_one_customers_of_a_merchant_until_he_is_closed(
    desk: Desk, customers: Customers, other: Merchant
) -> None:
    first = await customers.create(desk.merchant, ASHA)
    taken = await code_of(customers.create(desk.merchant, ASHA))
    nameless = await customers.create(desk.merchant, CustomerTerms())
    moved = await code_of(customers.update(nameless.row.id, CustomerTerms(reference="shop-7")))
    elsewhere = await customers.create(other, ASHA)
    await customers.close(first.row.id)
    second = await customers.create(desk.merchant, ASHA)

    assert (taken, moved) == ("customer_reference_taken", "customer_reference_taken")
    assert elsewhere.row.reference == second.row.reference == "shop-7"


async def test_of_many_at_once_one_gets_the_reference(desk: Desk, customers: Customers) -> None:
    made = await all_of(*(customers.create(desk.merchant, ASHA) for _ in range(8)))

    refused = [answer.code for answer in made if isinstance(answer, PaymentsError)]
    assert refused == ["customer_reference_taken"] * 7


async def test_what_is_another_merchants_is_not_there(
    desk: Desk, customers: Customers, other: Merchant
) -> None:
    made = await customers.create(desk.merchant, ASHA)
    method = await customers.methods.attach(made.row.id, "tok_visa")
    one, card = made.row.id, method.row.id

    for asked in (
        customers.get(one, merchant_id=other.id),
        customers.update(one, CustomerTerms(name="X"), merchant_id=other.id),
        customers.close(one, merchant_id=other.id),
        customers.erase(one, merchant_id=other.id),
        customers.methods.attach(one, "tok_mastercard", merchant_id=other.id),
        customers.methods.list_methods(one, merchant_id=other.id),
    ):
        assert await code_of(asked) == "customer_not_found"
    for asked in (
        customers.methods.get(card, merchant_id=other.id),
        customers.methods.detach(card, merchant_id=other.id),
        customers.methods.set_default(card, merchant_id=other.id),
    ):
        assert await code_of(asked) == "payment_method_not_found"
    assert (await customers.get(one)).text["name"] == "Asha Rao"


async def test_a_closed_customer_stays_closed_and_has_no_method(
    desk: Desk, customers: Customers
) -> None:
    one = (await customers.create(desk.merchant, ASHA)).row.id
    card = (await customers.methods.attach(one, "tok_visa")).row.id
    closed = await customers.close(one)

    assert (closed.row.status, closed.row.methods, closed.row.default_method_id) == (
        *("closed", 0),
        None,
    )
    assert (await customers.methods.get(card)).row.status == "detached"
    assert closed.text["name"] == "Asha Rao"
    for asked in (
        customers.close(one),
        customers.update(one, CustomerTerms(name="X")),
        customers.methods.attach(one, "tok_visa"),
    ):
        assert await code_of(asked) == "customer_closed"
    assert await code_of(customers.methods.set_default(card)) == "customer_closed"


async def test_an_erased_customer_has_no_text_anywhere(
    desk: Desk, customers: Customers, journal: Journal
) -> None:
    made = await customers.create(desk.merchant, ASHA)
    method = await customers.methods.attach(made.row.id, "tok_visa")
    erased = await customers.erase(made.row.id)

    assert (erased.row.status, erased.text, erased.row.sealed) == ("closed", {}, None)
    assert (await customers.methods.get(method.row.id)).text == {}
    assert made.row.sealed is not None
    assert await journal.unseal(made.row.id, made.row.sealed) is None
    assert await code_of(customers.erase(made.row.id)) == "customer_erased"


async def test_an_erasure_that_was_cut_short_is_finished_by_the_next(
    desk: Desk, customers: Customers, journal: Journal
) -> None:
    one = (await customers.create(desk.merchant, ASHA)).row.id
    await customers.methods.attach(one, "tok_visa")
    await journal.erase(one)  # and here the house fell

    left = await customers.get(one)
    assert (left.row.status, left.text) == ("active", {})
    assert await code_of(customers.update(one, CustomerTerms(name="X"))) == "customer_erased"
    assert await code_of(customers.methods.attach(one, "tok_x")) == "customer_erased"
    assert (await customers.erase(one)).row.status == "closed"


async def test_a_key_that_stood_for_another_customer_erases_nobody(
    desk: Desk, customers: Customers
) -> None:
    first = await customers.create(desk.merchant, CustomerTerms(name="Asha Rao"))
    second = await customers.create(desk.merchant, CustomerTerms(name="Ravi Rao"))
    await customers.erase(first.row.id, asked=a_key("erase", "again", b"first"))

    with pytest.raises(JournalError) as refused:
        await customers.erase(second.row.id, asked=a_key("erase", "again", b"second"))

    assert refused.value.code == "idempotency_key_reused"
    assert (await customers.get(second.row.id)).text == {"name": "Ravi Rao"}


async def test_a_closed_customer_may_still_be_erased(desk: Desk, customers: Customers) -> None:
    made = await customers.create(desk.merchant, ASHA)
    closed = await customers.close(made.row.id)
    erased = await customers.erase(made.row.id)

    assert erased.row.closed_at == closed.row.closed_at
    assert erased.row.erased_at is not None


async def test_a_repeat_is_answered_as_the_first_call_was(desk: Desk, customers: Customers) -> None:
    key = a_key()
    made = await customers.create(desk.merchant, ASHA, asked=key)
    await customers.update(made.row.id, CustomerTerms(name="Asha R."))
    again = await customers.create(desk.merchant, ASHA, asked=key)

    assert (again.row, again.text["name"], again.replayed) == (made.row, "Asha Rao", True)
    with pytest.raises(JournalError, match="another request body"):
        await customers.create(desk.merchant, ASHA, asked=a_key(key=key.key, body=b"other"))

    for verb in (customers.close, customers.erase):
        key = a_key()
        first = await verb(made.row.id, asked=key)
        repeat = await verb(made.row.id, asked=key)
        assert (repeat.row, repeat.replayed) == (first.row, True)


async def test_changes_at_once_are_all_made(desk: Desk, customers: Customers) -> None:
    one = (await customers.create(desk.merchant, ASHA)).row.id
    fields: dict[str, Any] = {
        "name": "A",
        "email": "a@example.com",
        "phone": "+91 2",
        "description": "regular",
    }
    await asyncio.gather(
        *(customers.update(one, CustomerTerms(**{name: said})) for name, said in fields.items())
    )

    assert (await customers.get(one)).text == fields | {"metadata": {"tier": "gold"}}


async def test_pages_meet_every_customer_once(
    desk: Desk, customers: Customers, other: Merchant, clock: HandClock
) -> None:
    made = set()
    for number in range(5):
        clock.advance(timedelta(milliseconds=number % 2))
        made.add((await customers.create(desk.merchant, CustomerTerms(name=f"{number}"))).row.id)
    await customers.create(other, CustomerTerms())

    met, cursor = [], None
    while True:
        page = await customers.list_customers(
            CustomersWanted(desk.merchant.id), cursor=cursor, limit=2
        )
        met += [saved.row.id for saved in page.rows]
        if (cursor := page.next_cursor) is None:
            break
    everybody = await customers.list_customers(CustomersWanted(status="active"))

    assert len(met) == 5
    assert set(met) == made
    assert len(everybody.rows) == 6
    assert (await customers.list_customers(CustomersWanted(reference="no"))).rows == ()


@pytest.mark.parametrize("reference", ["", "a b", "x" * 65, "a\nb", "né", "a\x00"])
async def test_a_reference_that_cannot_be_is_refused(
    desk: Desk, customers: Customers, reference: str
) -> None:
    asked = customers.create(desk.merchant, CustomerTerms(reference=reference))

    assert await code_of(asked) == "invalid_customer"


async def test_nobody_is_found_by_an_id_that_nobody_has(
    desk: Desk, customers: Customers, clock: HandClock
) -> None:
    assert await code_of(customers.get(new_id(clock.now(), 1))) == "customer_not_found"
