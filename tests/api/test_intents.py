"""Intents over HTTP: what may be said of their end, their payer's way, and who may say it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tallystick.app import App
from tallystick.identity import Merchant, Permission
from tallystick.platform.clock import HandClock
from tests.api.conftest import Caller

pytestmark = pytest.mark.anyio
INTENTS = "/api/v1/intents"
MONEY = {"amount": 10_000, "currency": "INR"}
ASKED = {"payment_method": "tok_challenge"}


async def test_an_intent_ends_when_its_merchant_says(
    seller: Caller, opening_clock: HandClock
) -> None:
    at = opening_clock.now() + timedelta(hours=3)

    made = await seller.post(INTENTS, MONEY | {"expires_at": at.isoformat()})

    assert (made.status, made.json["expires_at"]) == (201, at.isoformat().replace("+00:00", "Z"))


@pytest.mark.parametrize(
    ("expires_at", "code"),
    [
        ("2026-03-02T09:30:00Z", "invalid_expires_at"),
        ("1970-01-01T00:00:00Z", "invalid_expires_at"),
        ("2026-12-31T00:00:00Z", "invalid_expires_at"),
        ("9999-12-30T00:00:00Z", "invalid_expires_at"),
        ("2026-03-03", "invalid_fields"),
        ("2026-03-03T09:30:00", "invalid_fields"),
        ("2026-02-30T09:30:00Z", "invalid_fields"),
        ("tomorrow", "invalid_fields"),
        (1_772_500_000, "invalid_fields"),
        ("", "invalid_fields"),
    ],
)
async def test_an_intent_ends_in_the_future_and_soon_enough(
    seller: Caller, expires_at: object, code: str
) -> None:
    refused = await seller.post(INTENTS, MONEY | {"expires_at": expires_at})

    assert (refused.status, refused.code) == (422, code)


@pytest.mark.parametrize(
    ("return_url", "code"),
    [
        ("http://shop.example/", "invalid_return_url"),
        ("javascript:alert(1)", "invalid_return_url"),
        ("https://asha@shop.example/", "invalid_return_url"),
        ("https://shop.example/\r\nset-cookie: a=b", "invalid_return_url"),
        ("", "invalid_return_url"),
        ("https://shop.example/" + "a" * 2_048, "invalid_fields"),
        (["https://shop.example/"], "invalid_fields"),
        (7, "invalid_fields"),
    ],
)
async def test_a_payer_is_not_sent_just_anywhere(
    seller: Caller, return_url: object, code: str
) -> None:
    one = f"{INTENTS}/{(await seller.post(INTENTS, MONEY)).json['id']}"

    for path, body in ((INTENTS, MONEY), (f"{one}/confirm", ASKED)):
        refused = await seller.post(path, body | {"return_url": return_url})
        assert (refused.status, refused.code) == (422, code)
    assert (await seller.get(one)).json["status"] == "requires_payment_method"


async def test_where_the_payer_is_asked_is_told_wherever_the_intent_is(seller: Caller) -> None:
    made = (await seller.post(INTENTS, MONEY | {"return_url": "http://localhost:3000/paid"})).json
    assert made["next_action"] is None

    asked = (await seller.post(f"{INTENTS}/{made['id']}/confirm", ASKED)).json
    found = (await seller.get(f"{INTENTS}/{made['id']}")).json
    (listed,) = (await seller.get(f"{INTENTS}?status=requires_action")).json["data"]

    assert asked["status"] == "requires_action"
    assert asked["next_action"]["redirect_url"].startswith("http://127.0.0.1:")
    assert asked == found == listed


async def test_a_payer_confirms_with_the_secret_alone(seller: Caller) -> None:
    made = (await seller.post(INTENTS, MONEY)).json
    payer = replace(seller, key=made["client_secret"])

    paid = await payer.post(f"{INTENTS}/{made['id']}/confirm", {"payment_method": "tok_visa"})

    assert (paid.status, paid.json["status"]) == (200, "succeeded")
    assert (await payer.get(f"{INTENTS}/{made['id']}")).json["status"] == "succeeded"
    assert (await payer.get(INTENTS)).code == "invalid_api_key"


async def test_a_payer_sees_nothing_of_the_customer(seller: Caller) -> None:
    customer = (await seller.post("/api/v1/customers", {"name": "Asha Rao"})).json["id"]
    told = {"customer_id": customer, "customer": {"name": "Asha Rao"}, "metadata": {"order": "7"}}
    made = (await seller.post(INTENTS, MONEY | told)).json
    payer = replace(seller, key=made["client_secret"])

    seen = (await payer.get(f"{INTENTS}/{made['id']}")).json

    assert (made["customer_id"], made["customer"]["name"]) == (customer, "Asha Rao")
    assert (seen["customer_id"], seen["customer"], seen["metadata"]) == (None, None, {})


async def test_a_key_that_may_only_read_gets_no_secret_to_pay_with(
    app: App, merchant: Merchant, seller: Caller
) -> None:
    made = (await seller.post(INTENTS, MONEY)).json
    _, key = await app.keys.create(merchant.id, "accountant", [Permission.READ])
    reader = replace(seller, key=key)

    found = (await reader.get(f"{INTENTS}/{made['id']}")).json
    (listed,) = (await reader.get(INTENTS)).json["data"]

    assert found["client_secret"] is None
    assert listed["client_secret"] is None
    assert (await seller.get(f"{INTENTS}/{made['id']}")).json == made


async def test_a_secret_counts_in_the_header_alone(seller: Caller) -> None:
    made = (await seller.post(INTENTS, MONEY)).json
    nobody = replace(seller, key=None)
    one, secret = f"{INTENTS}/{made['id']}", made["client_secret"]

    assert (await nobody.get(f"{one}?client_secret={secret}")).code == "api_key_missing"
    answer = await nobody.post(f"{one}/confirm", {"client_secret": secret})
    assert answer.code == "api_key_missing"


async def test_one_that_was_tried_too_often_is_refused_and_stays_so(seller: Caller) -> None:
    made = await seller.post(INTENTS, MONEY)
    confirm, declined = f"{INTENTS}/{made.json['id']}/confirm", {"payment_method": "tok_declined"}
    for _ in range(10):
        assert (await seller.post(confirm, declined)).status == 200

    first = await seller.post(confirm, declined, Idempotency_Key="once more")
    again = await seller.post(confirm, declined, Idempotency_Key="once more")

    assert (first.status, first.code) == (again.status, again.code) == (409, "too_many_attempts")
    assert first.json["customer_message"] == "The time for this is over. Please start again."
