"""The same wish again: done once, answered alike; and what is not yours does not exist."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta

import pytest

from tallystick.identity import FeePlan
from tallystick.platform.settings import Settings
from tests.servers.http_client import Answer, Caller
from tests.servers.served import Platform

pytestmark = pytest.mark.anyio


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A caller waits only briefly for the first call with its key."""
    return settings.model_copy(update={"claim_patience_ms": 100})


async def test_every_verb_answers_its_repeat_to_the_byte(platform: Platform) -> None:
    till = platform.till
    manual = {
        "amount": 10_000,
        "currency": "INR",
        "payment_method": "tok_visa",
        "capture_method": "manual",
        "description": "Two cups of chai",
    }
    held = await twice(till, "/api/v1/payments", manual)
    one = f"/api/v1/payments/{held.json['id']}"
    await twice(till, f"{one}/capture", {"amount": 6_000})
    await twice(till, "/api/v1/refunds", {"payment_id": held.json["id"], "amount": 500})
    lost = {"payment_id": held.json["id"], "amount": 4_252}
    refund = await till.post("/api/v1/refunds", lost)
    platform.clock.advance(timedelta(seconds=31))
    await twice(till, f"/api/v1/refunds/{refund.json['id']}/cancel", {})
    other = await twice(till, "/api/v1/payments", manual)
    await twice(till, f"/api/v1/payments/{other.json['id']}/cancel", {})
    intent = await twice(till, "/api/v1/intents", {"amount": 700, "currency": "INR"})
    wish = {"payment_method": "tok_visa"}
    await twice(till, f"/api/v1/intents/{intent.json['id']}/confirm", wish)
    given_up = await twice(till, "/api/v1/intents", {"amount": 800, "currency": "INR"})
    await twice(till, f"/api/v1/intents/{given_up.json['id']}/cancel", {})

    # What has happened since does not change what was answered then.
    again = await till.post("/api/v1/payments", manual, key=str(repeats["/api/v1/payments"]))
    assert again.replayed


async def test_operators_verbs_answer_their_repeats_to_the_byte(platform: Platform) -> None:
    bank = await twice(platform.operator, "/api/v1/accounts", account("platform:one:INR", "debit"))
    cash = await twice(platform.operator, "/api/v1/accounts", account("platform:two:INR", "credit"))
    move = {
        "debit_account_id": bank.json["id"],
        "credit_account_id": cash.json["id"],
        "amount": 500,
        "currency": "INR",
    }
    await twice(platform.operator, "/api/v1/transfers", move)
    await twice(platform.operator, "/api/v1/transfers/bulk", {"transfers": [move, move]})

    assert await platform.balance("platform:one:INR") == 1_500


async def test_a_refusal_is_remembered_too(platform: Platform) -> None:
    till = platform.till
    held = await till.post(
        "/api/v1/payments",
        {
            "amount": 9_000,
            "currency": "INR",
            "payment_method": "tok_visa",
            "capture_method": "manual",
        },
    )
    capture = f"/api/v1/payments/{held.json['id']}/capture"
    refused = await till.post(capture, {"amount": 4_101}, key="declined")
    again = await till.post(capture, {"amount": 4_101}, key="declined")

    assert (refused.status, refused.code) == (again.status, again.code) == (422, "capture_declined")


async def test_another_body_under_the_same_key_is_422(platform: Platform) -> None:
    wish = {"amount": 1_000, "currency": "INR", "payment_method": "tok_visa"}
    await platform.till.post("/api/v1/payments", wish, key="one-wish")

    other = await platform.till.post("/api/v1/payments", wish | {"amount": 1_001}, key="one-wish")
    respaced = await platform.till.post(
        "/api/v1/payments",
        b' { "payment_method" : "tok_visa", "currency":"INR", "amount":1000 }',
        key="one-wish",
    )

    assert (other.status, other.code) == (422, "idempotency_key_reused")
    assert (respaced.status, respaced.replayed) == (201, True), "the meaning is the same"


async def test_while_the_first_call_runs_a_repeat_is_409_in_the_end(platform: Platform) -> None:
    wish = {"amount": 1_000, "currency": "INR", "payment_method": "tok_slow"}
    first = asyncio.create_task(platform.till.post("/api/v1/payments", wish, key="slow"))
    await asyncio.sleep(0.05)

    meanwhile = await platform.till.post("/api/v1/payments", wish, key="slow")

    assert (meanwhile.status, meanwhile.code) == (409, "idempotency_key_in_use")
    assert int(meanwhile.headers["retry-after"]) >= 1
    assert (await first).json["status"] == "pending"
    await platform.recover()
    settled = await platform.till.post("/api/v1/payments", wish, key="slow")
    assert (settled.status, settled.replayed, settled.json["status"]) == (201, True, "captured")


async def test_a_key_belongs_to_its_merchant_and_its_verb(platform: Platform) -> None:
    other = await another_merchant(platform)
    wish = {"amount": 1_000, "currency": "INR", "payment_method": "tok_visa"}

    mine = await platform.till.post("/api/v1/payments", wish, key="shared")
    theirs = await other.post("/api/v1/payments", wish, key="shared")
    intent = await platform.till.post(
        "/api/v1/intents", {"amount": 1_000, "currency": "INR"}, key="shared"
    )

    assert [a.status for a in (mine, theirs, intent)] == [201, 201, 201]
    assert not theirs.replayed
    assert not intent.replayed
    assert mine.json["id"] != theirs.json["id"]


async def test_what_belongs_to_another_merchant_does_not_exist(platform: Platform) -> None:
    other = await another_merchant(platform)
    till = platform.till
    wish = {"amount": 1_000, "currency": "INR", "payment_method": "tok_visa"}
    payment = (await till.post("/api/v1/payments", wish)).json["id"]
    intent = (await till.post("/api/v1/intents", wish)).json["id"]
    back = {"payment_id": payment, "amount": 500}
    refund = (await till.post("/api/v1/refunds", back)).json["id"]

    looks = [
        f"/api/v1/payments/{payment}",
        f"/api/v1/payments/{payment}/events",
        f"/api/v1/intents/{intent}",
        f"/api/v1/refunds/{refund}",
        f"/api/v1/accounts/{platform.payable_id()}",
        f"/api/v1/accounts/{platform.payable_id()}/entries",
    ]
    verbs = [
        (f"/api/v1/payments/{payment}/capture", {}),
        (f"/api/v1/payments/{payment}/cancel", {}),
        (f"/api/v1/intents/{intent}/confirm", {"payment_method": "tok_visa"}),
        (f"/api/v1/intents/{intent}/cancel", {}),
        ("/api/v1/refunds", back),
        (f"/api/v1/refunds/{refund}/cancel", {}),
    ]
    answers = [await other.get(path) for path in looks]
    answers += [await other.post(path, body) for path, body in verbs]

    assert [answer.status for answer in answers] == [404] * len(answers)
    assert all(answer.code.endswith("_not_found") for answer in answers)
    assert [(await till.get(path)).status for path in looks] == [200] * len(looks)


repeats: dict[str, int] = {}


async def twice(caller: Caller, path: str, body: Mapping[str, object]) -> Answer:
    """Ask, ask again with the same key, and compare to the byte; the first answer."""
    number = repeats[path] = repeats.get(path, 0) + 1
    first = await caller.post(path, body, key=str(number))
    again = await caller.post(path, body, key=str(number))
    assert first.status in (200, 201), first.raw
    assert not first.replayed
    assert again.replayed, path
    assert (again.status, again.raw) == (first.status, first.raw)
    return first


async def another_merchant(platform: Platform) -> Caller:
    merchant = await platform.app.merchants.onboard("Next door", None, ["INR"], FeePlan(100))
    _, key = await platform.app.keys.create(merchant.id, "till")
    return Caller(platform.till.client, key)


def account(code: str, side: str) -> dict[str, object]:
    return {"code": code, "currency": "INR", "normal_side": side, "overdraft_limit": None}
