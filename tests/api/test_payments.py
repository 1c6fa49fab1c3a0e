"""Intents, payments and refunds over HTTP; the rooms' own tests go deeper."""

from dataclasses import replace
from uuid import UUID

import pytest

from tallystick.app import App
from tallystick.identity import FeePlan, Merchant
from tallystick.platform.ids import typeid
from tests.api.conftest import Caller

pytestmark = pytest.mark.anyio
INTENTS, PAYMENTS, REFUNDS = "/api/v1/intents", "/api/v1/payments", "/api/v1/refunds"
MONEY = {"amount": 10_000, "currency": "INR"}
CARD = {"payment_method": "tok_visa"}


async def test_a_payment_is_made_captured_and_refunded(seller: Caller, merchant: Merchant) -> None:
    made = (await seller.post(PAYMENTS, MONEY | CARD | {"capture_method": "manual"})).json
    one = f"{PAYMENTS}/{made['id']}"
    part = (await seller.post(f"{one}/capture", {"amount": 4_000})).json
    rest = (await seller.post(f"{one}/capture")).json
    refund = await seller.post(REFUNDS, {"payment_id": made["id"], "amount": 2_500})
    found = (await seller.get(one)).json
    events = (await seller.get(f"{one}/events")).json["data"]

    assert (made["status"], made["amount_authorized"], made["amount_capturable"]) == (
        "authorized", 10_000, 10_000,
    )  # fmt: skip
    assert made["merchant"] == {"id": typeid("mer", merchant.id)}
    assert (part["status"], part["amount_captured"]) == ("captured", 4_000)
    assert (rest["amount_captured"], rest["amount_capturable"]) == (10_000, 0)
    assert (refund.status, refund.json["status"], refund.json["amount"]) == (
        201, "succeeded", 2_500,
    )  # fmt: skip
    assert (await seller.get(f"{REFUNDS}/{refund.json['id']}")).json == refund.json
    assert (found["status"], found["amount_refunded"]) == ("partially_refunded", 2_500)
    assert [event["version"] for event in events] == list(range(1, len(events) + 1))
    assert events[0]["event_type"] == "payment.initiated"
    assert {event["aggregate_id"] for event in events} == {made["id"]}


async def test_an_intent_is_created_confirmed_and_succeeds(seller: Caller) -> None:
    body = MONEY | {"customer": {"name": "Asha", "email": "asha@example.com"}}
    created = await seller.post(INTENTS, body)
    one = f"{INTENTS}/{created.json['id']}"
    confirmed = await seller.post(f"{one}/confirm", CARD)
    found = (await seller.get(one)).json

    assert (created.status, created.json["status"]) == (201, "requires_payment_method")
    assert created.json["customer"]["name"] == "Asha"
    assert created.json["client_secret"].startswith(f"{created.json['id']}_secret_")
    assert (confirmed.status, confirmed.json["status"]) == (200, "succeeded")
    assert found == confirmed.json
    assert (await seller.get(f"{PAYMENTS}/{found['payment_id']}")).json["intent_id"] == found["id"]


async def test_a_repeated_call_answers_alike(seller: Caller, merchant: Merchant) -> None:
    for path, body in (
        (PAYMENTS, MONEY | CARD),
        (PAYMENTS, MONEY | {"payment_method": "tok_chargeDeclined"}),
        (INTENTS, MONEY | CARD),
    ):
        key = f"{merchant.id} {path} {body}"[:255]
        first = await seller.post(path, body, Idempotency_Key=key)
        again = await seller.post(path, body, Idempotency_Key=key)
        assert (again.status, again.raw) == (first.status, first.raw)
        assert again.headers["idempotency-replayed"] == "true"


async def test_what_the_state_forbids_is_409(seller: Caller) -> None:
    paid = (await seller.post(PAYMENTS, MONEY | CARD)).json["id"]
    intent = (await seller.post(INTENTS, MONEY | CARD)).json["id"]
    await seller.post(f"{INTENTS}/{intent}/cancel")

    for path, code in (
        (f"{PAYMENTS}/{paid}/capture", "payment_not_capturable"),
        (f"{PAYMENTS}/{paid}/cancel", "payment_not_cancellable"),
        (f"{INTENTS}/{intent}/confirm", "intent_not_confirmable"),
        (f"{INTENTS}/{intent}/cancel", "intent_not_cancellable"),
    ):
        answer = await seller.post(path)
        assert (answer.status, answer.code) == (409, code)


async def test_what_is_too_much_is_422(seller: Caller) -> None:
    held = (await seller.post(PAYMENTS, MONEY | CARD | {"capture_method": "manual"})).json["id"]
    paid = (await seller.post(PAYMENTS, MONEY | CARD)).json["id"]
    capture = await seller.post(f"{PAYMENTS}/{held}/capture", {"amount": 10_001})
    refund = await seller.post(REFUNDS, {"payment_id": paid, "amount": 10_001})
    currency = await seller.post(PAYMENTS, MONEY | CARD | {"currency": "USD"})

    assert (capture.status, capture.code) == (422, "capture_exceeds_authorization")
    assert (refund.status, refund.code) == (422, "refund_exceeds_captured")
    assert (currency.status, currency.code) == (422, "currency_not_enabled")


async def test_another_merchants_objects_are_not_there(app: App, seller: Caller) -> None:

    payment = (await seller.post(PAYMENTS, MONEY | CARD)).json["id"]
    intent = (await seller.post(INTENTS, MONEY | CARD)).json["id"]
    refund = (await seller.post(REFUNDS, {"payment_id": payment, "amount": 1})).json["id"]
    other = await app.merchants.onboard("Other", None, ["INR"], FeePlan())
    _, key = await app.keys.create(other.id, "till")
    stranger = replace(seller, key=key)

    for path in (
        f"{PAYMENTS}/{payment}",
        f"{PAYMENTS}/{payment}/events",
        f"{INTENTS}/{intent}",
        f"{REFUNDS}/{refund}",
    ):
        assert (await stranger.get(path)).status == 404
        assert (await seller.get(path)).status == 200
    for path in (
        f"{PAYMENTS}/{payment}/capture",
        f"{PAYMENTS}/{payment}/cancel",
        f"{INTENTS}/{intent}/confirm",
        f"{INTENTS}/{intent}/cancel",
        f"{REFUNDS}/{refund}/cancel",
    ):
        assert (await stranger.post(path)).status == 404
    assert (await stranger.post(REFUNDS, {"payment_id": payment})).code == "payment_not_found"


class TestActingFor:
    async def test_an_operator_names_the_merchant(
        self, operator: Caller, seller: Caller, merchant: Merchant
    ) -> None:
        for name in (typeid("mer", merchant.id), str(merchant.id), merchant.external_id):
            made = await operator.post(PAYMENTS, MONEY | CARD | {"merchant": name})
            assert made.status == 201
            assert (await seller.get(f"{PAYMENTS}/{made.json['id']}")).status == 200

    async def test_an_operator_must_name_one(self, operator: Caller) -> None:
        assert (await operator.post(PAYMENTS, MONEY | CARD)).code == "merchant_missing"
        for name in ("nobody", typeid("mer", UUID(int=7 << 64))):
            answer = await operator.post(PAYMENTS, MONEY | CARD | {"merchant": name})
            assert (answer.status, answer.code) == (404, "merchant_not_found")

    async def test_a_merchant_acts_for_itself_alone(
        self, app: App, seller: Caller, merchant: Merchant
    ) -> None:
        other = await app.merchants.onboard("Other", None, ["INR"], FeePlan())
        own = MONEY | {"merchant": merchant.external_id}

        assert (await seller.post(INTENTS, own)).status == 201
        for name in (typeid("mer", other.id), "merchant_of_nobody"):
            answer = await seller.post(INTENTS, MONEY | {"merchant": name})
            assert answer.code == "merchant_not_found"
