"""Saved payment methods: attached, the default, detached; and paying with them off session."""

from dataclasses import dataclass
from typing import Any

import pytest

from tallystick.identity import FeePlan, Merchants
from tallystick.journal import Journal
from tallystick.payments import PaymentsError
from tallystick.payments.customers import (
    CardDetails,
    Customers,
    CustomerTerms,
    MethodWish,
    PaymentMethodRow,
)
from tallystick.payments.customers.model import METHODS_MAX, customer_name, payment_method_name
from tallystick.payments.customers.tokens import masked_handle, saved_kind
from tallystick.payments.errors import Invalid
from tallystick.platform.clock import HandClock
from tallystick.platform.postgres.pools import Database
from tests.payments.desk import Desk, a_key, all_of
from tests.payments.test_customers import code_of, customers

__all__ = ["customers"]  # a fixture
pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("proven")]
VISA, MASTERCARD = "tok_visa", "tok_mastercard"


@dataclass(frozen=True)
class Regular:
    """A customer with a Visa card, which is the default."""

    desk: Desk
    customers: Customers
    card: PaymentMethodRow

    def wish(self, card: PaymentMethodRow | None = None, *, off_session: bool = True) -> MethodWish:
        name = payment_method_name(card.id) if card else None
        return MethodWish(name, self.card.customer_id, off_session)

    async def add(self, token: str, **options: Any) -> PaymentMethodRow:
        return (await self.customers.methods.attach(self.card.customer_id, token, **options)).row

    async def default(self) -> object:
        return (await self.customers.get(self.card.customer_id)).row.default_method_id


@pytest.fixture
async def regular(desk: Desk, customers: Customers) -> Regular:
    made = await customers.create(desk.merchant, CustomerTerms(name="Asha Rao"))
    return Regular(desk, customers, (await customers.methods.attach(made.row.id, VISA)).row)


async def test_the_first_method_is_the_default_until_another_is_made_it(regular: Regular) -> None:
    second = await regular.add(MASTERCARD)
    assert await regular.default() == regular.card.id
    chosen = await regular.customers.methods.set_default(second.id)
    assert chosen.row.default_method_id == await regular.default() == second.id
    third = await regular.add("tok_slow", make_default=True)
    assert await regular.default() == third.id
    await regular.customers.methods.detach(third.id)
    assert await regular.default() is None

    listed = await regular.customers.methods.list_methods(regular.card.customer_id)
    assert {saved.row.id for saved in listed if saved.row.status == "attached"} == {
        regular.card.id,
        second.id,
    }


async def test_only_what_is_safe_is_kept_to_be_shown(regular: Regular) -> None:
    methods = regular.customers.methods
    told = CardDetails(brand="rupay", last4="4242", exp_month=12, exp_year=2031)
    visa = await methods.get(regular.card.id)
    card = await methods.attach(regular.card.customer_id, "tok_x1", card=told)
    upi = await methods.attach(regular.card.customer_id, "upi_x2", upi_handle="asha.rao@okbank")

    assert visa.text == {"card": {"brand": "visa"}}
    assert card.text["card"] == {
        "brand": "rupay", "last4": "4242", "exp_month": 12, "exp_year": 2031,
    }  # fmt: skip
    assert (upi.row.method_kind, upi.text) == ("upi", {"upi_handle": "...o@okbank"})


@pytest.mark.parametrize(
    "token",
    [
        "tok_4111111111111111",
        "tok_x4111111111111111y",
        "tok_4111_1111_1111_1111",
        "upi_4111111111111111",
        "wal_x",
        "visa",
    ],
)
async def test_no_number_passes_for_a_token(regular: Regular, token: str) -> None:
    before = await regular.desk.operations.database.fetchval("SELECT count(*) FROM journal_facts")

    assert await code_of(regular.add(token)) == "invalid_payment_method"
    after = await regular.desk.operations.database.fetchval("SELECT count(*) FROM journal_facts")
    assert after == before


async def test_tokens_with_digits_that_are_no_card_number_pass() -> None:
    assert saved_kind("tok_4111111111111112") == "card"
    assert saved_kind("upi_0123456789") == "upi"
    assert masked_handle("ab@okbank") == "...b@okbank"
    for handle in ("asha", "@okbank", "a b@okbank", "asha@ok bank", "asha@okbank\n", "é@okbank"):
        with pytest.raises(Invalid):
            masked_handle(handle)


async def test_a_token_is_attached_once_and_only_so_many_are(regular: Regular) -> None:
    assert await code_of(regular.add(VISA)) == "payment_method_attached"
    await regular.customers.methods.detach(regular.card.id)
    anew = await regular.add(VISA)
    assert anew.id != regular.card.id
    for number in range(METHODS_MAX - 1):
        await regular.add(f"tok_n{number}")

    assert await code_of(regular.add("tok_more")) == "too_many_payment_methods"


async def test_of_many_at_once_a_token_is_attached_once(regular: Regular) -> None:
    made = await all_of(*(regular.add(MASTERCARD) for _ in range(8)))

    assert sum(isinstance(answer, PaymentMethodRow) for answer in made) == 1


async def test_a_detached_method_stays_detached_and_a_repeat_is_answered(regular: Regular) -> None:
    methods, key = regular.customers.methods, a_key()
    first = await methods.detach(regular.card.id, asked=key)
    again = await methods.detach(regular.card.id, asked=key)

    assert (again.row, again.replayed) == (first.row, True)
    assert await code_of(methods.detach(regular.card.id)) == "payment_method_detached"
    assert await code_of(methods.set_default(regular.card.id)) == "payment_method_detached"


# Paying -----------------------------------------------------------------------------------------


async def test_a_saved_method_pays_off_session_by_its_token(regular: Regular) -> None:
    other = await regular.add(MASTERCARD)
    by_name = await regular.desk.pay(token=regular.wish(other))
    by_default = await regular.desk.pay(token=regular.wish())

    assert [by_name.status, by_default.status] == ["captured", "captured"]
    assert (by_name.payment_method, by_name.method_said) == (
        MASTERCARD,
        payment_method_name(other.id),
    )
    assert (by_default.payment_method_id, by_default.customer_id, by_default.off_session) == (
        *(regular.card.id, regular.card.customer_id),
        True,
    )


async def test_a_detached_method_pays_nothing_and_a_repeat_still_answers(regular: Regular) -> None:
    key, desk = a_key(), regular.desk
    wish = regular.wish(regular.card)
    paid = await desk.pay(token=wish, asked=key)
    await regular.customers.methods.detach(regular.card.id)
    again = await desk.pay(token=wish, asked=key)

    assert again.id == paid.id
    assert await code_of(desk.pay(token=wish)) == "payment_method_detached"
    missing = await code_of(desk.pay(token=regular.wish()))
    assert missing == "payment_method_missing"


async def test_what_is_not_the_customers_own_is_refused(
    regular: Regular, journal: Journal, database: Database, clock: HandClock
) -> None:
    customers_, desk = regular.customers, regular.desk
    rival = await Merchants(journal, database, clock).onboard("R", "rival", ["INR"], FeePlan())
    stranger = (await customers_.create(rival, CustomerTerms())).row.id
    theirs = (await customers_.methods.attach(stranger, VISA)).row
    neighbour = (await customers_.create(desk.merchant, CustomerTerms())).row.id
    next_door = (await customers_.methods.attach(neighbour, VISA)).row
    upi = await regular.add("upi_a1")
    mine, name = regular.card.customer_id, payment_method_name

    for wish, code in (
        (MethodWish(name(theirs.id), mine), "payment_method_not_found"),
        (MethodWish(name(theirs.id), stranger), "customer_not_found"),
        (MethodWish(name(next_door.id), mine), "payment_method_foreign"),
        (MethodWish(name(regular.card.id)), "customer_missing"),
        (MethodWish(name(mine), mine), "payment_method_not_found"),
        (MethodWish("pm_nothing", mine), "invalid_payment_method"),
        (MethodWish(name(upi.id), mine), "invalid_payment_method"),
        (MethodWish(VISA, off_session=True), "payment_method_not_saved"),
        (MethodWish(VISA, mine, off_session=True), "payment_method_not_saved"),
        (MethodWish(VISA, stranger), "customer_not_found"),
        (MethodWish(off_session=True), "customer_missing"),
        (MethodWish(), "payment_method_missing"),
    ):
        assert await code_of(desk.pay(token=wish)) == code, wish
    await customers_.close(neighbour)
    closed = await code_of(desk.pay(token=MethodWish(VISA, neighbour)))
    assert closed == "customer_closed"
    assert customer_name(mine).startswith("cus_")


async def test_a_token_given_on_session_is_known_to_be_the_customers(regular: Regular) -> None:
    wish = MethodWish(MASTERCARD, regular.card.customer_id)
    paid = await regular.desk.pay(token=wish)

    assert (paid.customer_id, paid.payment_method_id, paid.off_session) == (
        *(regular.card.customer_id, None),
        False,
    )


async def test_an_intent_is_confirmed_with_the_customers_default_or_another(
    regular: Regular,
) -> None:
    intents, merchant = regular.desk.intents, regular.desk.merchant
    other = await regular.add(MASTERCARD)
    waiting = MethodWish(None, regular.card.customer_id)
    wish: dict[str, Any] = {"amount_minor": 500, "currency": "INR"}
    first = await intents.create(merchant, payment_method=waiting, **wish)
    second = await intents.create(
        merchant,
        payment_method=regular.wish(other, off_session=False),
        **wish,
    )
    assert (first.row.status, first.row.customer_id) == (
        "requires_payment_method",
        regular.card.customer_id,
    )
    assert second.row.payment_method == payment_method_name(other.id)

    paid = await intents.confirm(merchant, first.row.id, off_session=True)
    named = await intents.confirm(merchant, second.row.id)

    assert [paid.row.status, named.row.status] == ["succeeded", "succeeded"]
    assert paid.row.payment_method == payment_method_name(regular.card.id)
    assert paid.row.payment_id is not None
    payment = (await regular.desk.payments.get(paid.row.payment_id)).row
    assert (payment.payment_method, payment.off_session) == (VISA, True)


async def test_an_intent_does_not_outlive_its_methods_detachment(regular: Regular) -> None:
    intents, merchant = regular.desk.intents, regular.desk.merchant
    wish = regular.wish(regular.card, off_session=False)
    made = await intents.create(merchant, amount_minor=500, currency="INR", payment_method=wish)
    await regular.customers.methods.detach(regular.card.id)

    assert await code_of(intents.confirm(merchant, made.row.id)) == "payment_method_detached"
    saved = await code_of(
        intents.confirm(merchant, made.row.id, payment_method=VISA, off_session=True)
    )
    assert saved == "payment_method_not_saved"
    paid = await intents.confirm(merchant, made.row.id, payment_method=VISA)
    assert (paid.row.status, paid.row.payment_method) == ("succeeded", VISA)
    refused = await code_of(
        intents.create(merchant, amount_minor=500, currency="INR", payment_method=wish)
    )
    assert refused == "payment_method_detached"
    with pytest.raises(PaymentsError, match="cannot be confirmed"):
        await intents.confirm(merchant, made.row.id)
