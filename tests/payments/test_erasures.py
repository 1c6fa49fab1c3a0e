"""An erased customer's words are nowhere: every column is read, and every seal is tried."""

import json
from collections.abc import Awaitable, Iterator
from contextlib import suppress
from functools import partial
from itertools import product
from typing import Any
from uuid import UUID

import pytest

from tallystick.journal import Change, Journal
from tallystick.payments import PaymentsError
from tallystick.payments.customers import Customers, CustomerTerms, MethodWish
from tallystick.payments.disputes import Disputes, Document
from tallystick.payments.disputes.beats import DisputeBeats
from tallystick.platform.clock import HandClock
from tallystick.platform.postgres.pools import Database
from tests.payments.desk import Desk

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("proven")]

NAME, MAIL = "Asha Rao-Wimmer", "asha.wimmer@example.com"
TEXT = {"customer": {"name": NAME, "email": MAIL}, "metadata": {"gift_for": NAME}}
_COLUMNS = """
SELECT c.table_name, c.column_name FROM information_schema.columns c
  JOIN information_schema.tables t USING (table_schema, table_name)
 WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE'
   AND c.data_type IN ('text', 'json', 'jsonb', 'bytea', 'character varying', 'ARRAY')
"""


async def places_of(words: tuple[str, ...], database: Database, journal: Journal) -> set[str]:
    """The columns in which one of the words can be read, by whoever has the keys there are."""
    subjects = [
        row[0] for row in await database.fetch("SELECT subject_id FROM journal_subject_keys")
    ]
    places = set()
    for table, column in await database.fetch(_COLUMNS):
        rows = await database.fetch(
            f'SELECT "{column}" FROM "{table}" WHERE "{column}" IS NOT NULL'
        )
        for (value,) in rows:
            clear = [value async for value in readings(value, subjects, journal)]
            if any(word in text for word in words for text in clear):
                places.add(f"{table}.{column}")
    return places


async def readings(value: Any, subjects: list[UUID], journal: Journal) -> Any:
    """The value as it stands, and what is sealed in it."""
    yield str(value)
    for text in strings_in(value):
        yield text
        for subject in subjects:
            try:
                opened = await journal.unseal(subject, text)
            except ValueError:  # it is no base64, hence nothing sealed
                break
            if opened is not None:
                yield json.dumps(opened)


def strings_in(value: Any) -> Iterator[str]:
    """Every text of at least the length of a seal in a column's value."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, str) and value[:1] in "[{":
        with suppress(json.JSONDecodeError):  # a key in bytes may begin like this
            value = json.loads(value)
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from strings_in(part)
    elif isinstance(value, str) and len(value) >= 40:
        yield value


@pytest.fixture
def customers(journal: Journal, database: Database, clock: HandClock) -> Customers:
    return Customers.over(journal, database, clock)


async def known_everywhere(desk: Desk, customers: Customers) -> tuple[UUID, UUID]:
    """A customer whose words stand wherever there is room for them, and one of his payments."""
    customer = await customers.create(desk.merchant, CustomerTerms(name=NAME, email=MAIL))
    customer_id = customer.row.id
    await customers.methods.attach(customer_id, "tok_visa", upi_handle=None)
    wish = MethodWish("tok_disputed", customer_id)
    paid = await desk.payments.create(
        desk.merchant, amount_minor=10_000, currency="INR", payment_method=wish, text=TEXT
    )
    intent = await desk.intents.create(
        desk.merchant,
        amount_minor=10_000,
        currency="INR",
        text=TEXT,
        payment_method=MethodWish(None, customer_id),
    )
    confirmed = await desk.intents.confirm(desk.merchant, intent.row.id)
    assert confirmed.row.payment_id is not None
    await desk.refunds.create(
        confirmed.row.payment_id, amount_minor=100, text={"description": f"for {NAME}"}
    )
    disputes = Disputes(DisputeBeats(desk.operations))
    await disputes.feed.read_all()
    (dispute,) = (await disputes.list_disputes(None, payment_id=paid.row.id)).rows
    letter = Document(
        kind="other", media_type="text/plain", content=b"Dear Sir", name=f"{NAME}.txt"
    )
    await disputes.documents.add(dispute.id, letter)
    await disputes.submit(dispute.id, explanation=f"{MAIL} wrote to us.")
    return customer_id, confirmed.row.payment_id


async def test_nothing_that_was_said_of_him_can_be_read_any_more(
    desk: Desk, customers: Customers, database: Database, journal: Journal
) -> None:
    customer_id, payment_id = await known_everywhere(desk, customers)
    before = await places_of((NAME, MAIL), database, journal)
    assert {
        *("customers.sealed", "intents.sealed", "payments.sealed", "refunds.sealed"),
        *("disputes.sealed", "dispute_documents.sealed", "journal_facts.data"),
    } <= before, before
    money = await desk.payable()

    await customers.erase(customer_id)

    assert await places_of((NAME, MAIL), database, journal) == set()
    assert await desk.payable() == money
    payment = await desk.payments.get(payment_id)
    assert (payment.row.amount_minor, payment.text) == (10_000, {})


def erase_just_before(
    monkeypatch: pytest.MonkeyPatch, customers: Customers, customer_id: UUID, kind: str
) -> None:
    """The customer is erased when all is decided, and a fact of this kind is to be recorded."""
    record = Journal.record

    async def erased_first(journal: Journal, change: Change, **more: Any) -> Any:
        if any(fact.kind == kind for fact in change.facts):
            monkeypatch.undo()
            await customers.erase(customer_id)
        return await record(journal, change, **more)

    monkeypatch.setattr(Journal, "record", erased_first)


# With a token, or with the customer's default.
@pytest.mark.parametrize("scene", [*product(("pay", "intend", "confirm"), ("tok_visa", None))])
async def test_who_pays_at_that_very_moment_is_refused_and_leaves_no_word(
    desk: Desk,
    customers: Customers,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    scene: tuple[str, str | None],
) -> None:
    (verb, token), journal = scene, desk.operations.journal
    customer_id, _ = await known_everywhere(desk, customers)
    wish = MethodWish(token, customer_id)
    terms: dict[str, Any] = {"amount_minor": 10_000, "currency": "INR"}
    intend = partial(desk.intents.create, desk.merchant, **terms, text=TEXT)
    asked: Awaitable[Any]
    if verb == "pay":
        asked = desk.payments.create(desk.merchant, **terms, payment_method=wish, text=TEXT)
    elif verb == "intend":
        asked = intend(payment_method=wish)
    else:
        made = await intend(payment_method=wish)
        back = "https://shop.example/back"
        asked = desk.intents.confirm(desk.merchant, made.row.id, return_url=back)
    kind = "intent.created" if verb == "intend" else "payment.initiated"
    erase_just_before(monkeypatch, customers, customer_id, kind)

    with pytest.raises(PaymentsError) as refused:
        await asked

    assert refused.value.code in ("customer_closed", "payment_method_missing")
    assert await places_of((NAME, MAIL), database, journal) == set()


async def test_what_is_said_afterwards_does_not_hide_that_the_rest_is_gone(
    desk: Desk, customers: Customers
) -> None:
    customer_id, payment_id = await known_everywhere(desk, customers)
    await customers.erase(customer_id)

    text = {"description": "as asked by telephone"}
    refund = await desk.refunds.create(payment_id, amount_minor=100, text=text)

    assert (await desk.refunds.get(refund.row.id)).text == text
    assert (await desk.payments.get(payment_id)).text == {}


async def test_another_customers_words_stay(
    desk: Desk, customers: Customers, database: Database, journal: Journal
) -> None:
    erased = (await customers.create(desk.merchant, CustomerTerms(name="Ravi"))).row.id
    await known_everywhere(desk, customers)
    before = await places_of((NAME, MAIL), database, journal)

    await customers.erase(erased)

    assert await places_of((NAME, MAIL), database, journal) == before
