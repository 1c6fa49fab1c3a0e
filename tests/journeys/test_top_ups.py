"""Top-ups as the API shows them: to whom, by the page, and why one waits."""

import pytest

from tallystick.identity import FeePlan
from tests.journeys.test_payouts import PAYMENTS, a_wallet, read_on, topped_up
from tests.servers.http_client import Caller
from tests.servers.served import Platform

pytestmark = pytest.mark.anyio

TOP_UPS = "/api/v1/top-ups"


async def test_it_is_shown_to_whoever_had_the_money(platform: Platform) -> None:
    wallet, other = await a_wallet(platform), await a_wallet(platform)
    paid = await topped_up(platform, wallet)
    await topped_up(platform, other)

    page = await platform.till.get(f"{TOP_UPS}?wallet_id={wallet}")
    first = await platform.operator.get(f"{TOP_UPS}?limit=1")
    rest = await platform.operator.get(f"{TOP_UPS}?cursor={first.json['next_cursor']}")

    (shown,) = page.json["data"]
    assert (shown["payment_id"], shown["status"]) == (paid.json["id"], "credited")
    assert (shown["amount"], shown["failure_code"], shown["next_try_at"]) == (
        50_000,
        None,
        None,
    )
    assert (await platform.till.get(f"{TOP_UPS}/{shown['id']}")).json == shown
    seen = [one["wallet_id"] for one in (*first.json["data"], *rest.json["data"])]
    assert (sorted(seen), rest.json["next_cursor"]) == (sorted([wallet, other]), None)


async def test_to_another_merchant_it_is_not_there(platform: Platform) -> None:
    await topped_up(platform, await a_wallet(platform))
    (shown,) = (await platform.operator.get(TOP_UPS)).json["data"]
    app = platform.app
    rival = await app.merchants.onboard("Rival", "merchant_456", ["INR"], FeePlan(0))
    _, key = await app.keys.create(rival.id, "till")
    till = Caller(platform.till.client, key)

    assert (await till.get(TOP_UPS)).json["data"] == []
    said = await till.get(f"{TOP_UPS}/{shown['id']}")
    assert (said.status, said.code) == (404, "top_up_not_found")


async def test_one_that_waits_says_why_in_words_for_customers(platform: Platform) -> None:
    wallet = await a_wallet(platform)
    body = {"amount": 50_000, "currency": "INR", "payment_method": "tok_visa"}
    await platform.till.post(PAYMENTS, body | {"wallet_id": wallet})
    await platform.operator.post(f"/api/v1/wallets/{wallet}/freeze", {"stops": "all"})

    await read_on(platform)

    (shown,) = (await platform.till.get(f"{TOP_UPS}?status=waiting")).json["data"]
    assert shown["failure_code"] == "wallet_frozen"
    assert shown["failure_message"] == ("The account does not take part in payments at present.")
