"""Many clients and one payment: whoever comes second is told so, and no money is there twice."""

import asyncio
from itertools import combinations_with_replacement
from typing import Any

import pytest

from tests.servers.served import Platform

pytestmark = pytest.mark.anyio

PAYMENTS, REFUNDS = "/api/v1/payments", "/api/v1/refunds"
CARD = {"amount": 10_000, "currency": "INR", "payment_method": "tok_visa"}
VERBS: dict[str, dict[str, Any]] = {
    "capture": {"amount": 6_000},
    "cancel": {},
    "reverse": {},
}
AT_ONCE = 64


async def test_64_refunds_at_once_never_give_back_more_than_was_captured(
    platform: Platform,
) -> None:
    await platform.till.post(PAYMENTS, CARD)
    payment = (await platform.till.post(PAYMENTS, CARD)).json["id"]
    body = {"payment_id": payment, "amount": 1_500}

    answers = await asyncio.gather(*(platform.till.post(REFUNDS, body) for _ in range(AT_ONCE)))

    given = [answer for answer in answers if answer.status == 201]
    refused = {answer.json["code"] for answer in answers if answer.status != 201}
    shown = (await platform.till.get(f"{PAYMENTS}/{payment}")).json
    assert (len(given), shown["amount_refunded"], shown["status"]) == (
        *(6, 9_000),
        "partially_refunded",
    )
    assert refused <= {"refund_exceeds_captured", "payment_busy", "conflict"}, refused


@pytest.mark.parametrize("verbs", [*combinations_with_replacement(VERBS, 2)], ids="+".join)
async def test_two_clients_with_one_authorization(
    platform: Platform, verbs: tuple[str, str]
) -> None:
    for _ in range(4):
        held = await platform.till.post(PAYMENTS, CARD | {"capture_method": "manual"})
        one = f"{PAYMENTS}/{held.json['id']}"

        answers = await asyncio.gather(
            *(platform.till.post(f"{one}/{verb}", VERBS[verb]) for verb in verbs)
        )

        assert {answer.status for answer in answers} <= {200, 201, 409, 422}, answers
        shown = (await platform.till.get(one)).json
        done = sum(answer.status < 300 for answer in answers)
        assert done >= 1, answers
        kept = shown["amount_captured"] - shown["amount_refunded"]
        assert kept in (0, 6_000), shown
        assert (shown["status"] == "cancelled") <= (shown["amount_captured"] == 0)
