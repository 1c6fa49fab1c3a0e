"""Escrow over HTTP, from agreement to an empty, closed account. Every journey ends proven."""

import asyncio
import itertools
from datetime import timedelta
from typing import Any

import pytest

from tallystick.books import PLATFORM, account_id, chart
from tallystick.platform.ids import derived_id, typeid
from tests.servers.http_client import Answer
from tests.servers.served import Platform

pytestmark = pytest.mark.anyio

ESCROWS = "/api/v1/escrows"
_keys = itertools.count()


async def posted(platform: Platform, path: str, body: dict[str, Any]) -> Answer:
    return await platform.operator.post(path, body, key=f"escrow-{next(_keys)}")


async def wallet(platform: Platform, name: str, amount: int = 0) -> str:
    """A user's wallet with so much in it; its id."""
    owner = typeid("usr", derived_id(PLATFORM, name))
    body = {"owner_id": owner, "currency": "INR", "tier": "unlimited"}
    opened = (await posted(platform, "/api/v1/wallets", body)).json
    if amount:
        bank = account_id(PLATFORM, chart.bank_code("INR"))
        deposit = {
            "debit_account_id": typeid("acc", bank),
            "credit_account_id": opened["account_id"],
            "amount": amount,
            "currency": "INR",
            "code": "fund",
        }
        assert (await posted(platform, "/api/v1/transfers", deposit)).status == 201
    return str(opened["id"])


async def agreed(platform: Platform, **changes: Any) -> dict[str, Any]:
    """An escrow over 100,000 from Asha to a carpenter's wallet and the merchant, at 2.5 %."""
    body = {
        "buyer_wallet_id": await wallet(platform, "asha", 150_000),
        "recipients": [
            {"wallet_id": await wallet(platform, "carpenter"), "share": 2},
            {"merchant_id": typeid("mer", platform.merchant.id), "share": 1},
        ],
        "amount": 100_000,
        "currency": "INR",
        "fee": {"basis_points": 250},
        "description": "A table for Asha",
    }
    answer = await posted(platform, ESCROWS, body | changes)
    assert answer.status == 201, answer
    return dict(answer.json)


async def step(platform: Platform, escrow: dict[str, Any], verb: str, **body: Any) -> Answer:
    return await posted(platform, f"{ESCROWS}/{escrow['id']}/{verb}", body)


async def look(platform: Platform, escrow: dict[str, Any]) -> dict[str, Any]:
    return dict((await platform.operator.get(f"{ESCROWS}/{escrow['id']}")).json)


async def balance(platform: Platform, wallet_id: str) -> int:
    answer = await platform.operator.get(f"/api/v1/wallets/{wallet_id}")
    return int(answer.json["balance"])


async def require_empty_and_closed(platform: Platform, escrow: dict[str, Any]) -> None:
    account = (await platform.operator.get(f"/api/v1/accounts/{escrow['account_id']}")).json
    assert account["balance"] == 0
    assert account["closed_at"] is not None


async def test_a_table_is_built_in_two_milestones(platform: Platform) -> None:
    parts = [{"name": "design", "amount": 30_000}, {"name": "build", "amount": 70_000}]
    escrow = await agreed(platform, parts=parts)
    assert (escrow["status"], escrow["held"]) == ("open", 0)

    assert (await step(platform, escrow, "fund", amount=40_000)).json["status"] == "open"
    assert (await step(platform, escrow, "fund")).json["status"] == "funded"
    assert await balance(platform, escrow["buyer_wallet_id"]) == 50_000
    first = (await step(platform, escrow, "release", part="design")).json
    ended = (await step(platform, escrow, "release", part="build")).json

    assert [part["released"] for part in first["parts"]] == [True, False]
    assert (ended["status"], ended["held"], ended["fee"]["taken"]) == ("completed", 0, 2_500)
    paid = [one["paid"] for one in ended["recipients"]]
    assert sum(paid) == 97_500
    assert paid == [65_000, 32_500]
    assert await balance(platform, escrow["recipients"][0]["wallet_id"]) == 65_000
    assert await platform.payable() == 32_500
    assert await platform.fees() == 2_500
    await require_empty_and_closed(platform, escrow)


async def test_a_dispute_stops_everything_until_the_arbiter_divides(platform: Platform) -> None:
    escrow = await agreed(platform)
    await step(platform, escrow, "fund")
    disputed = (await step(platform, escrow, "dispute", reason="One leg is short")).json
    assert (disputed["status"], disputed["dispute_reason"]) == ("disputed", "One leg is short")

    for verb in ("release", "return"):
        refused = await step(platform, escrow, verb)
        assert (refused.status, refused.code) == (409, "escrow_disputed")
    ended = (await step(platform, escrow, "resolve", release=60_000)).json

    assert (ended["status"], ended["released"], ended["returned"]) == ("completed", 60_000, 40_000)
    assert sum(one["paid"] for one in ended["recipients"]) == 60_000 - 1_500
    assert await balance(platform, escrow["buyer_wallet_id"]) == 90_000
    await require_empty_and_closed(platform, escrow)


@pytest.mark.parametrize(("rule", "left"), [("release", 50_000), ("return", 150_000)])
async def test_the_end_of_its_time_needs_nobody(platform: Platform, rule: str, left: int) -> None:
    at = platform.clock.now() + timedelta(days=30)
    escrow = await agreed(platform, timeout={"at": at.isoformat(), "then": rule})
    await step(platform, escrow, "fund")
    platform.clock.advance(timedelta(days=30))

    late = await step(platform, escrow, "release")
    (job,) = [job for job in platform.app.jobs if job.name == "escrow_timeouts"]
    await job.run()

    assert (late.status, late.code) == (409, "escrow_timed_out")
    assert (await look(platform, escrow))["status"] == "completed"
    assert await balance(platform, escrow["buyer_wallet_id"]) == left
    await require_empty_and_closed(platform, escrow)


async def test_what_was_paid_in_before_it_was_given_up_comes_back(platform: Platform) -> None:
    escrow = await agreed(platform)
    await step(platform, escrow, "fund", amount=40_000)

    assert (await step(platform, escrow, "cancel")).json["status"] == "cancelled"

    assert await balance(platform, escrow["buyer_wallet_id"]) == 150_000
    await require_empty_and_closed(platform, escrow)


async def test_many_releases_at_once_pay_out_what_is_held_and_no_more(platform: Platform) -> None:
    escrow = await agreed(platform)
    await step(platform, escrow, "fund")

    answers = await asyncio.gather(
        *(step(platform, escrow, "release", amount=30_000) for _ in range(6))
    )

    assert sorted(answer.status for answer in answers) == [200, 200, 200, 422, 422, 422]
    assert {a.code for a in answers if a.status == 422} == {"escrow_exceeded"}
    seen = await look(platform, escrow)
    assert (seen["held"], seen["fee"]["taken"]) == (10_000, 2_250)


async def test_the_same_wish_again_is_answered_as_it_was(platform: Platform) -> None:
    escrow = await agreed(platform)
    await step(platform, escrow, "fund")
    path = f"{ESCROWS}/{escrow['id']}/release"

    first = await platform.operator.post(path, {"amount": 10_000}, key="once")
    await step(platform, escrow, "release")
    again = await platform.operator.post(path, {"amount": 10_000}, key="once")
    other = await platform.operator.post(path, {"amount": 20_000}, key="once")

    assert first.json == again.json
    assert (first.replayed, again.replayed) == (False, True)
    assert (other.status, other.code) == (422, "idempotency_key_reused")
    assert await platform.fees() == 2_500
