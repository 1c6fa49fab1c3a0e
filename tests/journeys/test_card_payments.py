"""A card payment, from the merchant's wish to the payer's refund."""

from datetime import timedelta

import pytest

from tests.servers.served import Platform

pytestmark = pytest.mark.anyio


async def test_from_intent_to_capture_and_refund(platform: Platform) -> None:
    till = platform.till
    wish = {
        "amount": 10_000,
        "currency": "INR",
        "capture_method": "manual",
        "customer": {"name": "Asha Rao", "email": "asha@example.com"},
        "metadata": {"order_id": "6735"},
    }

    intent = await till.post("/api/v1/intents", wish)
    assert (intent.status, intent.json["status"]) == (201, "requires_payment_method")
    one = f"/api/v1/intents/{intent.json['id']}"

    confirmed = await till.post(f"{one}/confirm", {"payment_method": "tok_visa"})
    assert (confirmed.status, confirmed.json["status"]) == (200, "requires_capture")
    payment = f"/api/v1/payments/{confirmed.json['payment_id']}"
    held = (await till.get(payment)).json
    assert (held["status"], held["amount_capturable"], held["route"]) == (
        *("authorized", 10_000),
        "hdfc_bank",
    )
    assert held["customer"]["name"] == "Asha Rao"
    assert await platform.payable() == 0

    captured = await till.post(f"{payment}/capture")
    assert (captured.status, captured.json["status"]) == (200, "captured")
    assert (captured.json["amount_captured"], captured.json["fee"]) == (10_000, 400)
    assert (await till.get(one)).json["status"] == "succeeded"
    assert await platform.payable() == 9_600

    refund = await till.post(
        "/api/v1/refunds", {"payment_id": captured.json["id"], "amount": 2_500}
    )
    assert (refund.status, refund.json["status"]) == (201, "succeeded")
    assert (await till.get(f"/api/v1/refunds/{refund.json['id']}")).json == refund.json
    assert (await till.get(payment)).json["status"] == "partially_refunded"

    rest = await till.post("/api/v1/refunds", {"payment_id": captured.json["id"], "amount": 7_100})
    assert rest.json["status"] == "succeeded"
    assert await platform.payable() == 0
    assert await platform.fees() == 400
    assert await platform.clearing() == 400


async def test_a_payment_made_directly_is_captured_at_once(platform: Platform) -> None:
    paid = await platform.till.post(
        "/api/v1/payments", {"amount": 1_250, "currency": "USD", "payment_method": "tok_mastercard"}
    )

    assert (paid.status, paid.json["status"], paid.json["fee"]) == (201, "captured", 138)
    assert await platform.payable("USD") == 1_112
    assert await platform.fees("USD") == 138
    assert await platform.clearing(currency="USD") == 1_250


async def test_captures_in_parts_cost_what_one_capture_costs(platform: Platform) -> None:
    till = platform.till
    held = await till.post("/api/v1/payments", manual(10_000))
    capture = f"/api/v1/payments/{held.json['id']}/capture"

    first = await till.post(capture, {"amount": 3_000})
    assert (first.json["status"], first.json["amount_capturable"]) == ("captured", 7_000)
    too_much = await till.post(capture, {"amount": 7_001})
    assert (too_much.status, too_much.code) == (422, "capture_exceeds_authorization")
    last = await till.post(capture, {"amount": 5_000, "final": True})
    assert (last.json["amount_captured"], last.json["amount_capturable"]) == (8_000, 0)
    more = await till.post(capture, {"amount": 1})
    assert (more.status, more.code) == (409, "payment_not_capturable")

    assert last.json["fee"] == 340
    assert await platform.payable() == 7_660


async def test_a_cancelled_payment_is_void_at_the_bank(platform: Platform) -> None:
    till = platform.till
    held = await till.post("/api/v1/payments", manual(10_000))
    one = f"/api/v1/payments/{held.json['id']}"

    cancelled = await till.post(f"{one}/cancel", {"reason": "duplicate"})
    assert (cancelled.status, cancelled.json["status"]) == (200, "cancelled")
    late = await till.post(f"{one}/capture")
    assert (late.status, late.code) == (409, "payment_not_capturable")
    again = await till.post(f"{one}/cancel")
    assert (again.status, again.code) == (409, "payment_not_cancellable")

    assert await platform.payable() == 0


async def test_a_cancelled_intent_voids_what_its_payment_holds(platform: Platform) -> None:
    till = platform.till
    wish = manual(4_900) | {"payment_method": "tok_visa"}
    intent = await till.post("/api/v1/intents", wish)
    one = f"/api/v1/intents/{intent.json['id']}"
    confirmed = await till.post(f"{one}/confirm")

    cancelled = await till.post(f"{one}/cancel", {"reason": "abandoned"})

    assert (cancelled.json["status"], cancelled.json["cancellation_reason"]) == (
        "cancelled",
        "abandoned",
    )
    payment = await till.get(f"/api/v1/payments/{confirmed.json['payment_id']}")
    assert payment.json["status"] == "cancelled"


async def test_what_nobody_captures_runs_out_and_is_let_go(platform: Platform) -> None:
    held = await platform.till.post("/api/v1/payments", manual(10_000))

    await platform.recover(after=timedelta(days=7, seconds=1))

    found = await platform.till.get(f"/api/v1/payments/{held.json['id']}")
    assert found.json["status"] == "expired"


async def test_every_step_is_told_as_an_event(platform: Platform) -> None:
    till = platform.till
    held = await till.post("/api/v1/payments", manual(10_000), x_request_id="order-6735")
    one = f"/api/v1/payments/{held.json['id']}"
    await till.post(f"{one}/capture")
    await till.post("/api/v1/refunds", {"payment_id": held.json["id"], "amount": 100})

    events = (await till.get(f"{one}/events")).json["data"]

    assert [event["event_type"] for event in events] == [
        "payment.initiated",
        "payment.attempt_sending",
        "payment.authorized",
        "payment.capture_sending",
        "payment.captured",
        "payment.refund_sending",
        "payment.partially_refunded",
    ]
    assert [event["version"] for event in events] == [1, 2, 3, 4, 5, 6, 7]
    assert {event["aggregate_id"] for event in events} == {held.json["id"]}
    assert events[0]["metadata"]["request_id"] == "order-6735"


async def test_the_lines_of_an_account_add_up_to_its_balance(platform: Platform) -> None:
    till = platform.till
    for amount in (1_000, 2_000, 3_000):
        await till.post("/api/v1/payments", automatic(amount))
    held = await till.post("/api/v1/payments", automatic(5_000))
    await till.post("/api/v1/refunds", {"payment_id": held.json["id"]})

    account = f"/api/v1/accounts/{platform.payable_id()}"
    lines = []
    page = (await till.get(f"{account}/entries?limit=2")).json
    while True:
        lines += page["data"]
        if page["next_cursor"] is None:
            break
        page = (await till.get(f"{account}/entries?limit=2&cursor={page['next_cursor']}")).json

    assert len({line["id"] for line in lines}) == len(lines) == 6
    moved = [line for line in lines if line["kind"] != "reserve"]
    assert sum(line["amount"] for line in moved) == await platform.payable()
    assert lines[-1]["balance_after"] == await platform.payable()


def automatic(amount: int) -> dict[str, object]:
    return {"amount": amount, "currency": "INR", "payment_method": "tok_visa"}


def manual(amount: int) -> dict[str, object]:
    return automatic(amount) | {"capture_method": "manual"}
