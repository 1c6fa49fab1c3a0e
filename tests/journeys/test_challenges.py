"""3-D Secure over HTTP: the payer is sent to his bank, and the bank is asked what he said."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from tests.servers.http_client import Answer, Caller
from tests.servers.served import Platform

pytestmark = pytest.mark.anyio

INTENTS = "/api/v1/intents"
BACK = "https://shop.example/orders/7"
QUARTER = timedelta(minutes=15)


@pytest.fixture
async def browser() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def created(platform: Platform, **more: Any) -> tuple[Caller, str]:
    """An intent of the merchant's; its payer, who has the client secret, and its address."""
    body = {"amount": 10_000, "currency": "INR", "return_url": BACK} | more
    intent = await platform.till.post(INTENTS, body)
    assert (intent.status, intent.json["return_url"]) == (201, BACK)
    payer = replace(platform.anybody, api_key=intent.json["client_secret"])
    return payer, f"{INTENTS}/{intent.json['id']}"


async def challenged(platform: Platform, **more: Any) -> tuple[Caller, str, str]:
    """The payer has confirmed: he, the intent's address, and where he is sent."""
    payer, one = await created(platform, **more)
    answer = await payer.post(f"{one}/confirm", {"payment_method": "tok_challenge"})
    assert (answer.status, answer.json["status"]) == (200, "requires_action")
    action = answer.json["next_action"]
    assert action["type"] == "redirect"
    return payer, one, action["redirect_url"]


async def press(browser: aiohttp.ClientSession, url: str, word: str) -> tuple[int, str]:
    async with browser.post(url, data={"answer": word}, allow_redirects=False) as said:
        return said.status, said.headers.get("location", "")


def seen(answer: Answer) -> tuple[str, str | None, Any]:
    found = answer.json
    return found["status"], found["failure_code"], found["next_action"]


async def test_approved(platform: Platform, browser: aiohttp.ClientSession) -> None:
    payer, one, url = await challenged(platform)
    async with browser.get(url) as page:
        assert (page.status, "100.00 INR" in await page.text()) == (200, True)

    assert await press(browser, url, "approve") == (303, f"{BACK}?intent={one[-30:]}")

    assert seen(await payer.get(one)) == ("succeeded", None, None)
    assert seen(await platform.till.get(one)) == ("succeeded", None, None)
    assert await platform.payable() == 9_600


async def test_failed_then_paid_otherwise(
    platform: Platform, browser: aiohttp.ClientSession
) -> None:
    payer, one, url = await challenged(platform)
    await press(browser, url, "fail")

    back = await payer.post(f"{one}/confirm")
    assert seen(back) == ("requires_payment_method", "authentication_failed", None)
    paid = await payer.post(f"{one}/confirm", {"payment_method": "tok_visa"})

    assert seen(paid) == ("succeeded", None, None)
    assert paid.json["payment_id"] != back.json["payment_id"]


async def test_abandoned_until_the_bank_gives_up(
    platform: Platform, browser: aiohttp.ClientSession
) -> None:
    payer, one, url = await challenged(platform)
    await platform.recover()
    assert seen(await payer.get(one))[0] == "requires_action"

    await platform.recover(QUARTER)

    assert (await press(browser, url, "approve"))[0] == 410
    end = ("requires_payment_method", "authentication_expired", None)
    assert seen(await platform.till.get(one)) == end
    assert await platform.payable() == 0


async def test_abandoned_until_the_intent_expires(
    platform: Platform, browser: aiohttp.ClientSession
) -> None:
    soon = (platform.clock.now() + timedelta(minutes=5)).isoformat().replace("+00:00", "Z")
    payer, one, url = await challenged(platform, expires_at=soon)

    await platform.recover(timedelta(minutes=5))

    assert seen(await payer.get(one)) == ("expired", None, None)
    refused = await payer.post(f"{one}/confirm", {"payment_method": "tok_visa"})
    assert (refused.status, refused.code) == (409, "intent_not_confirmable")
    # The payer did not know. What he approves now is given back.
    assert (await press(browser, url, "approve"))[0] == 303
    for _ in range(3):
        await platform.recover(timedelta(minutes=6))
    assert seen(await payer.get(one)) == ("expired", None, None)
    assert await platform.payable() == 0
    assert await platform.clearing() == 0


async def test_the_form_is_sent_twice(platform: Platform, browser: aiohttp.ClientSession) -> None:
    payer, one, url = await challenged(platform)

    answers = await asyncio.gather(*(press(browser, url, "approve") for _ in range(8)))
    learned = await asyncio.gather(*(payer.get(one) for _ in range(8)))

    assert {status for status, _ in answers} == {303}
    assert {answer.json["status"] for answer in learned} <= {"succeeded", "requires_action"}
    assert seen(await payer.get(one))[0] == "succeeded"
    assert await platform.payable() == 9_600


async def test_two_browsers_disagree(platform: Platform, browser: aiohttp.ClientSession) -> None:
    payer, one, url = await challenged(platform)
    async with aiohttp.ClientSession() as other:
        await press(browser, url, "fail")
        await press(other, url, "approve")

    assert seen(await payer.get(one))[:2] == ("requires_payment_method", "authentication_failed")
    assert await platform.payable() == 0


async def test_going_back_without_an_answer_changes_nothing(platform: Platform) -> None:
    payer, one, url = await challenged(platform)

    for caller in (payer, platform.till):
        for answer in (await caller.get(one), await caller.post(f"{one}/confirm")):
            assert answer.status == 200
            assert seen(answer)[0] == "requires_action"
            assert answer.json["next_action"]["redirect_url"] == url


async def test_a_payer_sees_and_moves_his_own_intent_alone(platform: Platform) -> None:
    payer, one = await created(
        platform, metadata={"margin": "40 %"}, customer={"name": "Asha"}, description="tea"
    )
    stranger, other = await created(platform)

    shown = (await payer.get(one)).json
    assert (shown["metadata"], shown["customer"], shown["description"]) == ({}, None, "tea")
    assert (await platform.till.get(one)).json["metadata"] == {"margin": "40 %"}
    for path in (other, f"{INTENTS}/int_{'0' * 26}", f"{INTENTS}/7"):
        assert (await payer.get(path)).code == "intent_not_found"
        assert (await payer.post(f"{path}/confirm")).code == "intent_not_found"
    assert (await stranger.get(one)).code == "intent_not_found"
    for more in ({"return_url": "https://evil.example"}, {"off_session": True}):
        refused = await payer.post(f"{one}/confirm", {"payment_method": "tok_visa"} | more)
        assert (refused.status, refused.code) == (403, "permission_denied")
    for path in (f"{one}/cancel", INTENTS, "/api/v1/payments"):
        answer = await payer.post(path, {})
        assert (answer.status, answer.code) == (401, "invalid_api_key")
    assert seen(await platform.till.get(one))[0] == "requires_payment_method"


async def test_a_tampered_secret_opens_nothing(platform: Platform) -> None:
    payer, one = await created(platform)
    secret = payer.api_key or ""
    last = "a" if secret[-1] != "a" else "b"

    for text in (secret[:-1] + last, secret[:-1], secret + "x", secret.partition("_secret_")[0]):
        for answer in (
            await replace(payer, api_key=text).get(one),
            await replace(payer, api_key=text).post(f"{one}/confirm"),
        ):
            assert (answer.status, answer.code) == (401, "invalid_client_secret")
            assert secret not in answer.raw.decode()


async def test_payers_and_merchants_keys_are_not_mixed_up(platform: Platform) -> None:
    payer, one = await created(platform)
    card = {"payment_method": "tok_challenge"}

    first = await payer.post(f"{one}/confirm", card, key="same")
    again = await payer.post(f"{one}/confirm", card, key="same")
    merchants = await platform.till.post(f"{one}/confirm", card, key="same")

    assert (again.raw, again.replayed) == (first.raw, True)
    assert (merchants.status, merchants.code) == (409, "intent_not_confirmable")


async def test_the_secret_is_never_logged(
    platform: Platform, capfd: pytest.CaptureFixture[str]
) -> None:
    payer, one, _ = await challenged(platform)
    await payer.get(one)
    await replace(payer, api_key=f"{payer.api_key}x").get(one)
    await asyncio.sleep(0.1)  # the access log writes a little later

    out, err = capfd.readouterr()
    assert one in err, "the access log is what this test looks at"
    assert (payer.api_key or "").rpartition("_")[2] not in out + err
