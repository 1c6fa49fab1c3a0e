"""Refunds called off over HTTP, on the sandbox and by the hand clock."""

from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from tallystick.platform.settings import Settings
from tests.servers.http_client import Answer
from tests.servers.served import Platform, require_proven
from tests.servers.two_books import require_same_books

pytestmark = pytest.mark.anyio

PAYMENTS, REFUNDS = "/api/v1/payments", "/api/v1/refunds"
CARD = {"amount": 10_000, "currency": "INR", "payment_method": "tok_visa"}
LOST, DONE_AND_UNANSWERED, DECLINED, PENDING = 4_252, 4_251, 4_201, 4_257
SETTLED = timedelta(seconds=31)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"test_clock": "hand"})


async def a_payment(platform: Platform) -> str:
    paid = await platform.till.post(PAYMENTS, CARD)
    assert paid.json["status"] == "captured", paid.raw
    return str(paid.json["id"])


async def a_refund(platform: Platform, payment: str, amount: int, end: str = "pending") -> str:
    made = await platform.till.post(REFUNDS, {"payment_id": payment, "amount": amount})
    assert (made.status, made.json["status"]) == (201, end), made.raw
    return str(made.json["id"])


async def call_off(platform: Platform, refund: str, key: str | None = None) -> Answer:
    return await platform.till.post(f"{REFUNDS}/{refund}/cancel", {}, key=key)


async def shown(platform: Platform, path: str) -> dict[str, Any]:
    return dict((await platform.till.get(path)).json)


async def require_balanced(platform: Platform) -> None:
    await require_proven(platform.app)
    await require_same_books(platform.app, platform.sandbox, platform.clock.now())


async def test_one_that_no_bank_has_is_called_off(platform: Platform) -> None:
    payment = await a_payment(platform)
    refund = await a_refund(platform, payment, LOST)

    early = await call_off(platform, refund)
    platform.clock.advance(SETTLED)
    said = [await call_off(platform, refund, key="once") for _ in range(2)]
    late = await call_off(platform, refund)

    assert (early.status, early.code) == (409, "refund_in_doubt")
    assert int(early.headers["retry-after"]) >= 1
    assert [(one.status, one.json["status"]) for one in said] == [(200, "cancelled")] * 2
    assert [one.replayed for one in said] == [False, True]
    assert (late.status, late.code) == (409, "refund_not_cancellable")
    assert await platform.payable() == 9_600
    found = await shown(platform, f"{PAYMENTS}/{payment}")
    assert (found["status"], found["amount_refunded"]) == ("captured", 0)
    listed = await shown(platform, f"{REFUNDS}?status=cancelled")
    assert [one["id"] for one in listed["data"]] == [refund]
    await require_balanced(platform)


async def test_what_became_of_it_is_told_where_it_has_ended(platform: Platform) -> None:
    payment = await a_payment(platform)
    done = await a_refund(platform, payment, 1_000, "succeeded")
    refused = await a_refund(platform, payment, DECLINED, "failed")
    unanswered = await a_refund(platform, payment, DONE_AND_UNANSWERED)

    said = [await call_off(platform, one) for one in (done, refused, unanswered)]

    assert [(one.status, one.code) for one in said] == [(409, "refund_not_cancellable")] * 3
    ends = [answer.json["detail"].rpartition(" ")[2] for answer in said]
    assert ends == ["succeeded", "failed", "succeeded"]
    await require_balanced(platform)


async def test_what_its_bank_has_in_hand_is_in_doubt(platform: Platform) -> None:
    refund = await a_refund(platform, await a_payment(platform), PENDING)

    said = await call_off(platform, refund)

    assert (said.status, said.code) == (409, "refund_in_doubt")
    platform.clock.advance(timedelta(seconds=61))
    await platform.app.recovery.run_once()
    assert (await shown(platform, f"{REFUNDS}/{refund}"))["status"] == "succeeded"
    await require_balanced(platform)


async def test_a_lost_answer_is_learned_by_calling_it_off(platform: Platform) -> None:
    payment = await a_payment(platform)
    url = f"{platform.sandbox.base_url('hdfc_bank')}/v1/faults"
    fault = {"fault": "lost_reply", "on": "refund"}
    async with aiohttp.request("POST", url, json=fault) as answer:
        assert answer.status == 200
    refund = await a_refund(platform, payment, 3_000)

    said = await call_off(platform, refund)

    assert (said.status, said.code) == (409, "refund_not_cancellable")
    assert (await shown(platform, f"{PAYMENTS}/{payment}"))["amount_refunded"] == 3_000
    await require_balanced(platform)
