"""Customers and saved payment methods over HTTP; the room's own tests go deeper."""

from dataclasses import replace
from typing import Any

import pytest

from tallystick.app import App
from tallystick.identity import FeePlan, Merchant
from tallystick.platform.ids import typeid
from tests.api.conftest import Caller

pytestmark = pytest.mark.anyio
CUSTOMERS, METHODS = "/api/v1/customers", "/api/v1/payment-methods"
PAYMENTS, INTENTS = "/api/v1/payments", "/api/v1/intents"
ASHA = {
    "reference": "shop-7",
    "name": "Asha Rao",
    "email": "asha@example.com",
    "phone": "+91 98450 12345",
    "metadata": {"tier": "gold"},
}
MONEY = {"amount": 10_000, "currency": "INR"}
VISA = {"token": "tok_visa", "card": {"last4": "4242", "exp_month": 12, "exp_year": 2031}}


@pytest.fixture
async def asha(seller: Caller) -> str:
    """A customer's id."""
    return str((await seller.post(CUSTOMERS, ASHA)).json["id"])


@pytest.fixture
async def rival(app: App, anybody: Caller) -> Caller:
    """Another merchant's till."""
    merchant = await app.merchants.onboard("Rival", None, ["INR"], FeePlan(300))
    return replace(anybody, key=(await app.keys.create(merchant.id, "till"))[1])


async def attached(seller: Caller, customer: str, **said: Any) -> Any:
    answer = await seller.post(METHODS, {"customer_id": customer} | VISA | said)
    assert answer.status == 201, answer.raw
    return answer.json


async def test_a_customer_is_made_changed_listed_and_closed(
    seller: Caller, merchant: Merchant, operator: Caller
) -> None:
    made = await seller.post(CUSTOMERS, ASHA)
    one = f"{CUSTOMERS}/{made.json['id']}"
    changed = await seller.post(one, {"email": None, "name": "Asha R."})
    found = await seller.get(one)
    listed = await seller.get(f"{CUSTOMERS}?reference=shop-7&status=active")
    closed = await seller.post(f"{one}/close")
    again = await seller.post(f"{one}/close")

    assert (made.status, changed.status, closed.status) == (201, 200, 200)
    assert ASHA.items() <= made.json.items()
    assert made.json["merchant"] == {"id": typeid("mer", merchant.id)}
    assert found.json == changed.json
    assert (found.json["name"], found.json["email"], found.json["phone"]) == (
        *("Asha R.", None),
        ASHA["phone"],
    )
    assert listed.json == {"data": [found.json], "next_cursor": None}
    assert closed.json["status"] == "closed"
    assert (again.status, again.code) == (409, "customer_closed")
    assert (await operator.get(one)).json == closed.json


async def test_an_erased_customer_is_nobody(seller: Caller, asha: str) -> None:
    card = await attached(seller, asha)
    erased = (await seller.post(f"{CUSTOMERS}/{asha}/erase")).json
    again = await seller.post(f"{CUSTOMERS}/{asha}/erase")
    method = (await seller.get(f"{METHODS}/{card['id']}")).json

    assert [erased[name] for name in ("name", "email", "phone")] == [None, None, None]
    assert (erased["metadata"], erased["status"]) == ({}, "closed")
    assert (method["status"], method["card"]["last4"]) == ("detached", None)
    assert (again.status, again.code) == (409, "customer_erased")


async def test_a_method_is_attached_shown_safely_made_default_and_detached(
    seller: Caller, asha: str
) -> None:
    card = await attached(seller, asha)
    upi = await attached(seller, asha, token="upi_a1", card=None, upi_handle="asha.rao@okbank")
    chosen = await seller.post(f"{METHODS}/{upi['id']}/default")
    detached = await seller.post(f"{METHODS}/{upi['id']}/detach")
    listed = (await seller.get(f"{METHODS}?customer_id={asha}")).json
    left = (await seller.get(f"{METHODS}?customer_id={asha}&status=attached")).json
    customer = (await seller.get(f"{CUSTOMERS}/{asha}")).json

    assert card["card"] == {"brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2031}
    assert (upi["type"], upi["card"], upi["upi"]) == ("upi", None, {"handle": "...o@okbank"})
    assert chosen.json["default_payment_method"] == upi["id"]
    assert (detached.json["status"], detached.json["id"]) == ("detached", upi["id"])
    assert [one["id"] for one in left["data"]] == [card["id"]]
    assert len(listed["data"]) == 2
    assert (customer["default_payment_method"], customer["payment_methods"]) == (None, 1)
    assert "tok_visa" not in str(listed)


async def test_a_saved_method_pays_later_and_a_detached_one_does_not(
    seller: Caller, asha: str
) -> None:
    card = await attached(seller, asha)
    wish = MONEY | {"customer_id": asha, "off_session": True}
    by_default = await seller.post(PAYMENTS, wish)
    named = await seller.post(PAYMENTS, wish | {"payment_method": card["id"]})
    events = (await seller.get(f"{PAYMENTS}/{named.json['id']}/events")).json["data"]
    intent = await seller.post(INTENTS, MONEY | {"customer_id": asha})
    confirmed = await seller.post(f"{INTENTS}/{intent.json['id']}/confirm", {"off_session": True})
    await seller.post(f"{METHODS}/{card['id']}/detach")
    late = await seller.post(PAYMENTS, wish | {"payment_method": card["id"]})
    none = await seller.post(PAYMENTS, wish)

    assert (by_default.status, by_default.json["status"]) == (201, "captured")
    assert [one.json["payment_method"] for one in (by_default, named)] == [card["id"]] * 2
    assert (named.json["customer_id"], named.json["off_session"]) == (asha, True)
    assert events[0]["data"]["off_session"] is True
    assert (confirmed.json["status"], confirmed.json["payment_method"]) == ("succeeded", card["id"])
    assert (confirmed.json["customer_id"], intent.json["payment_method"]) == (asha, None)
    assert (late.status, late.code) == (409, "payment_method_detached")
    assert (none.status, none.code) == (422, "payment_method_missing")


async def test_what_cannot_be_paid_with_is_told_apart(
    seller: Caller, asha: str, rival: Caller
) -> None:
    card = (await attached(seller, asha))["id"]
    neighbour = (await seller.post(CUSTOMERS, {})).json["id"]
    stranger = (await rival.post(CUSTOMERS, {})).json["id"]

    for said, status, code in (
        ({"payment_method": card}, 422, "customer_missing"),
        ({"payment_method": card, "customer_id": neighbour}, 422, "payment_method_foreign"),
        ({"payment_method": card, "customer_id": stranger}, 404, "customer_not_found"),
        ({"payment_method": "pm_x", "customer_id": asha}, 422, "invalid_payment_method"),
        ({"payment_method": "tok_4111111111111111"}, 422, "invalid_payment_method"),
        ({"payment_method": "tok_visa", "off_session": True}, 422, "payment_method_not_saved"),
        ({"customer_id": neighbour}, 422, "payment_method_missing"),
        ({"off_session": True}, 422, "invalid_fields"),
        ({}, 422, "invalid_fields"),
    ):
        answer = await seller.post(PAYMENTS, MONEY | said)
        assert (answer.status, answer.code) == (status, code), said
    theirs = await rival.post(PAYMENTS, MONEY | {"payment_method": card, "customer_id": stranger})
    assert (theirs.status, theirs.code) == (404, "payment_method_not_found")


async def test_what_is_another_merchants_is_not_there(
    seller: Caller, asha: str, rival: Caller
) -> None:
    card = (await attached(seller, asha))["id"]

    for path in (f"{CUSTOMERS}/{asha}", f"{METHODS}?customer_id={asha}", f"{METHODS}/{card}"):
        assert (await rival.get(path)).status == 404
    for path, body in (
        (f"{CUSTOMERS}/{asha}", {"name": "X"}),
        (f"{CUSTOMERS}/{asha}/close", {}),
        (f"{CUSTOMERS}/{asha}/erase", {}),
        (METHODS, {"customer_id": asha, "token": "tok_mastercard"}),
        (f"{METHODS}/{card}/default", {}),
        (f"{METHODS}/{card}/detach", {}),
    ):
        assert (await rival.post(path, body)).status == 404
    assert (await rival.get(CUSTOMERS)).json["data"] == []
    assert (await seller.get(f"{METHODS}/{card}")).json["status"] == "attached"


async def test_a_repeated_call_answers_alike(seller: Caller, asha: str) -> None:
    card = (await attached(seller, asha))["id"]
    spare = (await attached(seller, asha, token="tok_mastercard"))["id"]

    for number, (path, body) in enumerate(
        (
            (CUSTOMERS, {"name": "Ravi"}),
            (CUSTOMERS, {"reference": "shop-8"}),
            (f"{CUSTOMERS}/{asha}", {"name": "Asha R."}),
            (METHODS, {"customer_id": asha, "token": "tok_slow"}),
            (f"{METHODS}/{spare}/default", {}),
            (f"{METHODS}/{card}/detach", {}),
            (f"{CUSTOMERS}/{asha}/close", {}),
            (f"{CUSTOMERS}/{asha}/erase", {}),
        )
    ):
        first = await seller.post(path, body, Idempotency_Key=f"wish {number}")
        again = await seller.post(path, body, Idempotency_Key=f"wish {number}")
        assert first.status < 300, first.raw
        assert (again.status, again.raw) == (first.status, first.raw)
        assert again.headers["idempotency-replayed"] == "true"
    other = await seller.post(CUSTOMERS, {"name": "Other"}, Idempotency_Key="wish 0")
    assert (other.status, other.code) == (422, "idempotency_key_reused")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""), ("name", " "), ("name", "a\u0007b"), ("name", "x" * 201), ("name", 7),
        ("email", "asha"), ("email", "a b@c"), ("email", f"a@{'b' * 300}"), ("phone", "call me"),
        ("phone", "1"), ("reference", "a b"), ("reference", ""), ("reference", "é"),
        ("metadata", {"": "x"}), ("metadata", {"a": 1}), ("metadata", "x"), ("status", "closed"),
        ("id", "cus_1"), ("merchant_id", "mer_1"), ("default_payment_method", "pm_1"),
    ],
)  # fmt: skip
async def test_a_field_that_cannot_be_is_refused(
    seller: Caller, asha: str, field: str, value: Any
) -> None:
    for path in (CUSTOMERS, f"{CUSTOMERS}/{asha}"):
        answer = await seller.post(path, {field: value})
        assert (answer.status, answer.code) == (422, "invalid_fields")
        assert str(answer.json["errors"][0]["field"]).startswith(field)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"token": "4111111111111111"}, "invalid_fields"),
        ({"token": "tok_4111111111111111"}, "invalid_payment_method"),
        ({"token": "xyz_01kjpy44e0fh0r68j79jejabkn"}, "invalid_fields"),
        ({"token": "wal_4111111111111111"}, "invalid_payment_method"),
        ({"token": "tok_x", "card": {"last4": "4111111111111111"}}, "invalid_fields"),
        ({"token": "tok_x", "card": {"number": "4111111111111111"}}, "invalid_fields"),
        ({"token": "tok_x", "card": {"exp_month": 13}}, "invalid_fields"),
        ({"token": "tok_x", "upi_handle": "asha@okbank"}, "invalid_payment_method"),
        ({"token": "upi_x", "card": {"last4": "4242"}}, "invalid_payment_method"),
        ({"token": "upi_x", "upi_handle": "4111111111111111"}, "invalid_fields"),
        ({"token": "tok_x", "make_default": "yes"}, "invalid_fields"),
        ({}, "invalid_fields"),
    ],
)
async def test_no_number_is_taken_for_a_token(
    seller: Caller, asha: str, said: dict[str, Any], code: str
) -> None:
    answer = await seller.post(METHODS, {"customer_id": asha} | said)

    assert (answer.status, answer.code) == (422, code)
    assert "4111" not in answer.raw.decode()


async def test_an_operator_names_the_merchant_and_sees_everybody(
    operator: Caller, seller: Caller, merchant: Merchant, asha: str
) -> None:
    nameless = await operator.post(CUSTOMERS, {"name": "Ravi"})
    made = await operator.post(CUSTOMERS, {"name": "Ravi", "merchant": typeid("mer", merchant.id)})
    seen = (await operator.get(f"{CUSTOMERS}?limit=100")).json
    own = (await seller.get(f"{CUSTOMERS}?limit=1")).json
    rest = (await seller.get(f"{CUSTOMERS}?limit=1&cursor={own['next_cursor']}")).json
    bad = await seller.get(f"{CUSTOMERS}?cursor=x")
    elsewhere = await seller.get(f"/api/v1/disputes?cursor={own['next_cursor']}")

    assert (nameless.status, nameless.code) == (422, "merchant_missing")
    assert {one["id"] for one in seen["data"]} >= {asha, made.json["id"]}
    assert {one["id"] for one in own["data"] + rest["data"]} == {asha, made.json["id"]}
    assert (bad.status, bad.code) == (422, "invalid_cursor")
    assert (elsewhere.status, elsewhere.code) == (422, "invalid_cursor")
