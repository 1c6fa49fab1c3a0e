"""Banks that go wrong with payouts, by their switches: each is paid once, and its wallet knows."""

import asyncio
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from tests.journeys.test_payouts import PAYOUTS, a_wallet, holds, pay_out, topped_up
from tests.servers.served import Platform
from tests.servers.two_payout_books import require_same_payouts

pytestmark = pytest.mark.anyio


async def switch_on(platform: Platform, **switch: Any) -> None:
    url = f"{platform.sandbox.base_url('hdfc_bank')}/v1/faults"
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, json=switch | {"on": "payout"}) as said,
    ):
        assert said.status == 200, await said.text()


@pytest.mark.parametrize(
    ("fault", "at_once"),
    [
        ("lost_reply", "pending"),
        ("late_success", "pending"),
        ("duplicate", "paid"),
        ("disorder", "paid"),
    ],
)
async def test_whatever_goes_wrong_it_is_paid_once(
    platform: Platform, fault: str, at_once: str
) -> None:
    wallet = await a_wallet(platform)
    await topped_up(platform, wallet)
    await switch_on(platform, fault=fault, times=2)

    answers = await asyncio.gather(*[pay_out(platform, wallet, amount=10_000) for _ in range(2)])
    assert {answer.json["status"] for answer in answers} == {at_once}
    assert await holds(platform, wallet) == (50_000 - 20_000 * (at_once == "paid"), 30_000)
    for _ in range(3):  # "not found" is not believed before its time
        platform.clock.advance(timedelta(seconds=61))
        await platform.app.payouts.look_at_due()

    for answer in answers:
        found = (await platform.operator.get(f"{PAYOUTS}/{answer.json['id']}")).json
        assert (found["status"], found["failure_message"]) == ("paid", None)
    assert await holds(platform, wallet) == (30_000, 30_000)
    await require_same_payouts(platform.app, platform.sandbox, platform.clock.now())
