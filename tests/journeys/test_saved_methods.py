"""A customer leaves a card with a merchant, and pays with it later without being there."""

import pytest

from tests.servers.served import Platform

pytestmark = pytest.mark.anyio
CUSTOMERS, METHODS = "/api/v1/customers", "/api/v1/payment-methods"
PAYMENTS, INTENTS = "/api/v1/payments", "/api/v1/intents"


async def test_a_card_that_was_saved_pays_until_it_is_detached(platform: Platform) -> None:
    till = platform.till
    asha = (await till.post(CUSTOMERS, {"reference": "shop-7", "name": "Asha Rao"})).json["id"]
    first = await till.post(
        METHODS, {"customer_id": asha, "token": "tok_visa", "card": {"last4": "4242"}}
    )
    assert (first.status, first.json["card"]["brand"]) == (201, "visa")

    wish = {"amount": 10_000, "currency": "INR", "customer_id": asha, "off_session": True}
    paid = await till.post(PAYMENTS, wish)
    assert (paid.status, paid.json["status"]) == (201, "captured")
    assert (paid.json["payment_method"], paid.json["customer_id"]) == (first.json["id"], asha)
    assert await platform.payable() == 9_600

    second = await till.post(
        METHODS, {"customer_id": asha, "token": "tok_insufficient_funds", "make_default": True}
    )
    declined = await till.post(PAYMENTS, wish)
    assert (declined.json["status"], declined.json["failure_code"]) == (
        *("failed", "insufficient_funds"),
    )
    named = await till.post(PAYMENTS, wish | {"payment_method": first.json["id"]})
    assert named.json["status"] == "captured"

    for card in (first, second):
        gone = await till.post(f"{METHODS}/{card.json['id']}/detach")
        assert (gone.status, gone.json["status"]) == (200, "detached")
        late = await till.post(PAYMENTS, wish | {"payment_method": card.json["id"]})
        assert (late.status, late.code) == (409, "payment_method_detached")
    assert (await till.post(PAYMENTS, wish)).code == "payment_method_missing"
    refund = await till.post("/api/v1/refunds", {"payment_id": named.json["id"]})
    assert (refund.status, refund.json["status"]) == (201, "succeeded")


async def test_an_intent_of_a_customer_is_paid_off_session(platform: Platform) -> None:
    till = platform.till
    asha = (await till.post(CUSTOMERS, {"name": "Asha Rao"})).json["id"]
    await till.post(METHODS, {"customer_id": asha, "token": "tok_declined"})
    good = await till.post(METHODS, {"customer_id": asha, "token": "tok_visa"})
    intent = await till.post(INTENTS, {"amount": 10_000, "currency": "INR", "customer_id": asha})
    confirm = f"{INTENTS}/{intent.json['id']}/confirm"

    declined = await till.post(confirm, {"off_session": True})
    assert (declined.json["status"], declined.json["failure_code"]) == (
        *("requires_payment_method", "card_declined"),
    )
    paid = await till.post(confirm, {"off_session": True, "payment_method": good.json["id"]})
    assert (paid.status, paid.json["status"]) == (200, "succeeded")

    await till.post(f"{CUSTOMERS}/{asha}/erase")
    for path in (f"{CUSTOMERS}/{asha}", f"{PAYMENTS}/{paid.json['payment_id']}"):
        assert "Asha" not in (await till.get(path)).raw.decode()
    late = await till.post(
        PAYMENTS, {"amount": 10_000, "currency": "INR", "customer_id": asha, "off_session": True}
    )
    assert (late.status, late.code) == (409, "customer_closed")
