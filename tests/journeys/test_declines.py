"""A bank's no is an answer, told in our words; another route is tried where that may help."""

import pytest

from tests.servers.served import Platform

pytestmark = pytest.mark.anyio

REASONS = (
    ("tok_declined", "card_declined"),
    ("tok_insufficient_funds", "insufficient_funds"),
    ("tok_expired_card", "expired_card"),
    ("tok_stolen_card", "stolen_card"),
    ("tok_limit_exceeded", "card_limit_exceeded"),
    ("tok_nobody_knows_this", "invalid_card"),
)


async def test_a_decline_is_a_failed_payment_with_its_reason(platform: Platform) -> None:
    for token, code in REASONS:
        paid = await platform.till.post("/api/v1/payments", payment(token))

        assert (paid.status, paid.json["status"], paid.json["failure_code"]) == (
            *(201, "failed"),
            code,
        )
        assert paid.json["route"] == "hdfc_bank", "a final decline is tried nowhere else"
    assert await platform.payable() == 0


async def test_after_a_decline_the_intent_takes_another_card(platform: Platform) -> None:
    till = platform.till
    intent = await till.post("/api/v1/intents", {"amount": 1_250, "currency": "INR"})
    confirm = f"/api/v1/intents/{intent.json['id']}/confirm"

    first = await till.post(confirm, {"payment_method": "tok_insufficient_funds"})
    assert (first.status, first.json["status"]) == (200, "requires_payment_method")
    assert first.json["failure_code"] == "insufficient_funds"

    second = await till.post(confirm, {"payment_method": "tok_mastercard"})
    assert (second.json["status"], second.json["failure_code"]) == ("succeeded", None)
    assert second.json["payment_id"] != first.json["payment_id"]


async def test_what_one_bank_cannot_do_the_other_may(platform: Platform) -> None:
    paid = await platform.till.post("/api/v1/payments", payment("tok_issuer_down"))

    assert (paid.json["status"], paid.json["route"]) == ("captured", "icici_bank")
    assert await platform.clearing("icici_bank") == 12_000
    assert await platform.clearing("hdfc_bank") == 0
    events = await platform.till.get(f"/api/v1/payments/{paid.json['id']}/events")
    told = [event["event_type"] for event in events.json["data"]]
    assert told.count("payment.attempt_sending") == 2
    assert told.count("payment.attempt_declined") == 1


async def test_a_busy_bank_is_no_reason_to_charge_twice(platform: Platform) -> None:
    # Busy is said to the first order of each reference, so the second bank says it too.
    paid = await platform.till.post("/api/v1/payments", payment("tok_429"))

    assert (paid.json["status"], paid.json["failure_code"]) == ("failed", "route_busy")
    assert await platform.payable() == 0


async def test_an_amount_only_the_second_bank_declines_goes_to_the_first(
    platform: Platform,
) -> None:
    paid = await platform.till.post(
        "/api/v1/payments", payment("tok_visa") | {"amount": 15_000_000}
    )
    assert (paid.json["status"], paid.json["route"]) == ("captured", "hdfc_bank")

    above = await platform.till.post(
        "/api/v1/payments", payment("tok_visa") | {"amount": 20_000_001}
    )
    assert (above.status, above.code) == (422, "route_unavailable")


async def test_when_no_bank_reaches_the_issuer_the_payment_fails(platform: Platform) -> None:
    paid = await platform.till.post("/api/v1/payments", payment("tok_issuer_down_everywhere"))

    assert (paid.json["status"], paid.json["failure_code"]) == ("failed", "issuer_unavailable")
    assert paid.json["route"] == "icici_bank"


async def test_a_capture_a_void_and_a_refund_may_be_declined_too(platform: Platform) -> None:
    till = platform.till
    held = await till.post("/api/v1/payments", payment("tok_visa") | {"capture_method": "manual"})
    one = f"/api/v1/payments/{held.json['id']}"

    captured = await till.post(f"{one}/capture", {"amount": 4_101})
    assert (captured.status, captured.code) == (422, "capture_declined")
    taken = await till.post(f"{one}/capture", {"amount": 5_000})
    assert taken.json["status"] == "captured"
    refund = await till.post("/api/v1/refunds", {"payment_id": held.json["id"], "amount": 4_201})
    assert (refund.status, refund.json["status"]) == (201, "failed")
    assert refund.json["failure_code"] == "card_declined"
    assert (await till.get(one)).json["amount_refunded"] == 0

    manual = payment("tok_visa") | {"capture_method": "manual", "amount": 4_301}
    stuck = await till.post("/api/v1/payments", manual)
    cancelled = await till.post(f"/api/v1/payments/{stuck.json['id']}/cancel")
    assert (cancelled.status, cancelled.code) == (422, "cancel_declined")


def payment(token: str) -> dict[str, object]:
    return {"amount": 12_000, "currency": "INR", "payment_method": token}
