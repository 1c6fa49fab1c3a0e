"""A bank that does not answer: the payment stays open until recovery has learned the truth.

The first answer to a reference goes wrong; the bank's own book knows what was done.
"""

import asyncio
from datetime import timedelta

import pytest

from tests.servers.served import Platform

pytestmark = pytest.mark.anyio

# the bank's behaviour, and what the payment becomes once recovery has asked
ENDS = {
    "tok_charge_then_drop": "captured",
    "tok_charge_then_500": "captured",
    "tok_wrong_schema": "captured",
    "tok_slow": "captured",
    "tok_drop_before": "failed",
    "tok_500": "failed",
    "tok_html": "failed",
}


async def test_an_open_answer_is_pending_until_recovery_has_learned_it(
    platform: Platform,
) -> None:
    till = platform.till
    opened = {
        token: await till.post("/api/v1/payments", automatic(token), key=token) for token in ENDS
    }
    for answer in opened.values():
        assert (answer.status, answer.json["status"]) == (201, "pending"), "never a decline"
    assert await platform.payable() == 0

    await platform.recover()

    for token, end in ENDS.items():
        payment_id = opened[token].json["id"]
        assert (await till.get(f"/api/v1/payments/{payment_id}")).json["status"] == end
        again = await till.post("/api/v1/payments", automatic(token), key=token)
        assert again.replayed
        assert (again.json["id"], again.json["status"]) == (payment_id, end)
    assert await platform.payable() == 4 * 9_600


async def test_an_open_intent_is_processing_until_then(platform: Platform) -> None:
    till = platform.till
    intent = await till.post("/api/v1/intents", {"amount": 10_000, "currency": "INR"})
    one = f"/api/v1/intents/{intent.json['id']}"
    confirmed = await till.post(f"{one}/confirm", {"payment_method": "tok_charge_then_drop"})
    assert (confirmed.status, confirmed.json["status"]) == (200, "processing")

    await platform.recover()

    assert (await till.get(one)).json["status"] == "succeeded"


async def test_a_bank_that_decides_later_is_asked_again(platform: Platform) -> None:
    ends = {"tok_pending": "captured", "tok_pending_then_declined": "failed"}
    opened = {
        token: await platform.till.post("/api/v1/payments", automatic(token)) for token in ends
    }
    assert {answer.json["status"] for answer in opened.values()} == {"pending"}

    await platform.recover()

    for token, end in ends.items():
        found = await platform.till.get(f"/api/v1/payments/{opened[token].json['id']}")
        assert found.json["status"] == end


async def test_a_charge_that_comes_after_we_gave_up_is_paid_back(platform: Platform) -> None:
    """The bank said it knew of nothing, and charged the card afterwards."""
    till = platform.till
    paid = await till.post("/api/v1/payments", automatic("tok_late_charge"))
    one = f"/api/v1/payments/{paid.json['id']}"
    assert paid.json["status"] == "pending"
    cancelled = await till.post(f"{one}/cancel")
    assert (cancelled.status, cancelled.json["status"]) == (200, "cancelled")

    await platform.recover()
    assert (await till.get(one)).json["status"] == "cancelled"

    bank = platform.sandbox.books["hdfc_bank"]
    for _ in range(200):  # it is late on purpose, by 2 s
        await asyncio.sleep(0.05)
        if bank.find(f"{paid.json['id']}-a1"):
            break
    for _ in range(3):
        await platform.recover(after=timedelta(hours=2))

    found = await till.get(one)
    assert (found.json["status"], found.json["amount_refunded"]) == ("refunded", 10_000)
    assert await platform.payable() == 0
    assert await platform.balance("platform:suspense:INR") == 0


async def test_captures_voids_and_refunds_are_recovered_too(platform: Platform) -> None:
    till = platform.till
    manual = automatic("tok_visa") | {"capture_method": "manual"}
    held = await till.post("/api/v1/payments", manual)
    one = f"/api/v1/payments/{held.json['id']}"

    captured = await till.post(f"{one}/capture", {"amount": 4_151})
    assert (captured.status, captured.json["amount_captured"]) == (200, 0)
    await platform.recover()
    assert (await till.get(one)).json["amount_captured"] == 4_151

    await till.post(f"{one}/capture", {"amount": 5_000})
    refund = await till.post("/api/v1/refunds", {"payment_id": held.json["id"], "amount": 4_258})
    assert (refund.status, refund.json["status"]) == (201, "pending")
    await platform.recover()
    assert (await till.get(f"/api/v1/refunds/{refund.json['id']}")).json["status"] == "succeeded"

    other = await till.post("/api/v1/payments", manual | {"amount": 4_351})
    cancelled = await till.post(f"/api/v1/payments/{other.json['id']}/cancel")
    assert cancelled.json["status"] == "authorized"
    await platform.recover()
    found = await till.get(f"/api/v1/payments/{other.json['id']}")
    assert found.json["status"] == "cancelled"


async def test_the_next_verb_does_not_wait_for_recovery(platform: Platform) -> None:
    till = platform.till
    held = await till.post("/api/v1/payments", automatic("tok_visa") | {"capture_method": "manual"})
    capture = f"/api/v1/payments/{held.json['id']}/capture"
    lost = await till.post(capture, {"amount": 4_151})
    assert lost.json["amount_captured"] == 0

    following = await till.post(capture, {"amount": 1_000})

    assert following.json["amount_captured"] == 5_151, "it has asked the bank about the first"


def automatic(token: str) -> dict[str, object]:
    return {"amount": 10_000, "currency": "INR", "payment_method": token}
