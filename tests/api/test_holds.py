"""Holds over HTTP: placed, captured in parts, released, and only by whom they concern."""

import secrets
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tallystick.app import App
from tallystick.identity import FeePlan, Merchant
from tallystick.platform.clock import HandClock
from tallystick.platform.ids import derived_id, typeid
from tests.api.conftest import Caller
from tests.api.hostile_json import NOT_AN_AMOUNT
from tests.api.test_wallets import WALLETS, funded, key, opened

pytestmark = pytest.mark.anyio

HOLDS = "/api/v1/holds"


@pytest.fixture
async def wallet(operator: Caller) -> dict[str, Any]:
    """A user's wallet with 1,000 in it."""
    answer = (await opened(operator)).json
    await funded(operator, answer, 1_000)
    return dict(answer)


def hold_of(wallet: dict[str, Any], merchant: Merchant, amount: int = 600) -> dict[str, Any]:
    return {
        "wallet_id": wallet["id"],
        "to_merchant_id": typeid("mer", merchant.id),
        "amount": amount,
        "currency": "INR",
        "reference": "order-6735",
    }


async def placed(operator: Caller, body: dict[str, Any]) -> dict[str, Any]:
    answer = await operator.post(HOLDS, body, Idempotency_Key=key())
    assert answer.status == 201, answer.raw
    return dict(answer.json)


async def balances(operator: Caller, wallet: dict[str, Any]) -> tuple[int, int, int]:
    seen = (await operator.get(f"{WALLETS}/{wallet['id']}")).json
    return seen["balance"], seen["available_balance"], seen["pending_balance"]


# Journeys ---------------------------------------------------------------------------------------


async def test_a_merchant_captures_what_is_held_for_it_in_parts(
    operator: Caller, seller: Caller, merchant: Merchant, wallet: dict[str, Any]
) -> None:
    hold = await placed(operator, hold_of(wallet, merchant))
    path = f"{HOLDS}/{hold['id']}"
    assert (hold["status"], hold["remaining"], hold["reference"]) == ("active", 600, "order-6735")
    assert await balances(operator, wallet) == (1_000, 400, 600)

    part = await seller.post(f"{path}/capture", {"amount": 100}, Idempotency_Key=key())
    assert (part.status, part.json["status"], part.json["captured"]) == (200, "active", 100)
    body = {"amount": 200, "final": True}
    last = await seller.post(f"{path}/capture", body, Idempotency_Key=key())

    assert (last.json["status"], last.json["captured"], last.json["returned"]) == (
        "captured",
        300,
        300,
    )
    assert await balances(operator, wallet) == (700, 700, 0)
    lines = (await operator.get(f"{WALLETS}/{wallet['id']}/transactions")).json["data"]
    assert [(line["type"], line["amount"]) for line in lines] == [
        ("DEBIT", 200),
        ("DEBIT", 100),
        ("CREDIT", 1_000),
    ]


async def test_a_released_hold_gives_all_back(
    operator: Caller, seller: Caller, merchant: Merchant, wallet: dict[str, Any]
) -> None:
    hold = await placed(operator, hold_of(wallet, merchant))
    wish = key()
    done = await seller.post(f"{HOLDS}/{hold['id']}/release", Idempotency_Key=wish)
    again = await seller.post(f"{HOLDS}/{hold['id']}/release", Idempotency_Key=wish)
    late = await seller.post(f"{HOLDS}/{hold['id']}/capture", Idempotency_Key=key())

    assert (done.status, done.json["status"]) == (200, "released")
    assert again.json == done.json
    assert again.headers["idempotency-replayed"] == "true"
    assert (late.status, late.code) == (409, "hold_not_active")
    assert await balances(operator, wallet) == (1_000, 1_000, 0)


async def test_a_hold_runs_out(
    operator: Caller, app: App, merchant: Merchant, wallet: dict[str, Any], opening_clock: HandClock
) -> None:
    hold = await placed(operator, hold_of(wallet, merchant))
    opening_clock.advance(timedelta(days=7))

    refused = await operator.post(f"{HOLDS}/{hold['id']}/capture", Idempotency_Key=key())
    assert (refused.status, refused.code) == (409, "hold_expired")
    while await app.holds.expire_due():
        pass
    assert (await operator.get(f"{HOLDS}/{hold['id']}")).json["status"] == "expired"
    assert await balances(operator, wallet) == (1_000, 1_000, 0)


async def test_holds_are_listed_by_wallet_and_state(
    operator: Caller, seller: Caller, merchant: Merchant, wallet: dict[str, Any]
) -> None:
    made = [await placed(operator, hold_of(wallet, merchant, 100)) for _ in range(3)]
    await seller.post(f"{HOLDS}/{made[0]['id']}/release", Idempotency_Key=key())
    query = f"{HOLDS}?wallet_id={wallet['id']}&status=active&limit=1"

    first = (await operator.get(query)).json
    second = (await operator.get(f"{query}&cursor={first['next_cursor']}")).json

    ids = {first["data"][0]["id"], second["data"][0]["id"]}
    assert ids == {hold["id"] for hold in made[1:]}
    assert second["next_cursor"] is None
    assert len((await seller.get(HOLDS)).json["data"]) == 3


# Whose ------------------------------------------------------------------------------------------


async def test_a_merchant_sees_no_hold_that_is_not_its_business(
    operator: Caller, app: App, anybody: Caller, merchant: Merchant, wallet: dict[str, Any]
) -> None:
    hold = await placed(operator, hold_of(wallet, merchant))
    other = await app.merchants.onboard("Elsewhere", secrets.token_hex(8), ["INR"], FeePlan(0))
    _, secret = await app.keys.create(other.id, "till")
    stranger = replace(anybody, key=secret)

    hidden = [
        await stranger.get(f"{HOLDS}/{hold['id']}"),
        await stranger.post(f"{HOLDS}/{hold['id']}/capture", Idempotency_Key=key()),
        await stranger.post(f"{HOLDS}/{hold['id']}/release", Idempotency_Key=key()),
    ]
    placing = await stranger.post(HOLDS, hold_of(wallet, other), Idempotency_Key=key())

    assert {(answer.status, answer.code) for answer in hidden} == {(404, "hold_not_found")}
    assert (placing.status, placing.code) == (404, "wallet_not_found")
    assert (await stranger.get(HOLDS)).json["data"] == []


async def test_the_payer_does_not_release_what_it_promised(
    operator: Caller, app: App, seller: Caller
) -> None:
    own = (await seller.post(WALLETS, {"currency": "INR"}, Idempotency_Key=key())).json
    await funded(operator, own, 1_000)
    other = await app.merchants.onboard("Elsewhere", secrets.token_hex(8), ["INR"], FeePlan(0))
    hold = (await seller.post(HOLDS, hold_of(own, other), Idempotency_Key=key())).json

    refused = await seller.post(f"{HOLDS}/{hold['id']}/release", Idempotency_Key=key())

    assert (refused.status, refused.code) == (403, "hold_not_yours")
    assert (await seller.get(f"{HOLDS}/{hold['id']}")).json["status"] == "active"


# Refused ----------------------------------------------------------------------------------------


async def test_what_is_refused_says_why(
    operator: Caller, merchant: Merchant, wallet: dict[str, Any]
) -> None:
    good = hold_of(wallet, merchant)
    cases: list[tuple[dict[str, Any], int, str]] = [
        (good | {"amount": 1_001}, 422, "insufficient_funds"),
        (good | {"amount": 1_000_001}, 422, "daily_limit_exceeded"),
        (good | {"currency": "USD"}, 422, "invalid_fields"),
        (good | {"to_wallet_id": wallet["id"]}, 422, "invalid_fields"),
        (good | {"expires_at": "2020-01-01T00:00:00Z"}, 422, "invalid_fields"),
        (good | {"reference": "Asha Rao"}, 422, "invalid_fields"),
        (
            good | {"to_merchant_id": typeid("mer", derived_id(merchant.id, "another"))},
            404,
            "merchant_not_found",
        ),
    ]
    for body, status, code in cases:
        refused = await operator.post(HOLDS, body, Idempotency_Key=key())
        assert (refused.status, refused.code) == (status, code), body
    hold = await placed(operator, good)
    path = f"{HOLDS}/{hold['id']}/capture"
    over = await operator.post(path, {"amount": 601}, Idempotency_Key=key())
    assert (over.status, over.code) == (422, "hold_exceeded")


async def test_no_hostile_amount_is_taken(
    operator: Caller, merchant: Merchant, wallet: dict[str, Any]
) -> None:
    hold = await placed(operator, hold_of(wallet, merchant))
    for amount in NOT_AN_AMOUNT:
        raw = (
            (
                f'{{"wallet_id": "{wallet["id"]}",'
                f'"to_merchant_id": "{typeid("mer", merchant.id)}",'
                '"currency": "INR", "amount": '
            ).encode()
            + amount
            + b"}"
        )
        answers = [await operator.post(HOLDS, raw, Idempotency_Key=key())]
        if amount != b"null":  # all that is left
            path = f"{HOLDS}/{hold['id']}/capture"
            answers.append(
                await operator.post(path, b'{"amount": ' + amount + b"}", Idempotency_Key=key())
            )
        assert {answer.status for answer in answers} <= {400, 422}, (amount, answers)
    assert await balances(operator, wallet) == (1_000, 400, 600)


async def test_after_all_of_this_the_books_prove(app: App) -> None:
    proof = await app.prove()

    assert [check.name for check in proof.checks if not check.green] == []


async def test_what_a_hold_stands_on_is_not_ended_past_it(
    operator: Caller, wallet: dict[str, Any], merchant: Merchant
) -> None:
    hold = await placed(operator, hold_of(wallet, merchant))
    reservations = await operator.get(f"/api/v1/reservations?account_id={wallet['account_id']}")
    (reservation,) = reservations.json["data"]
    path = f"/api/v1/reservations/{reservation['id']}"

    for verb in ("void", "settle"):
        refused = await operator.post(f"{path}/{verb}", Idempotency_Key=key())
        assert (refused.status, refused.code) == (409, "reservation_kept")
    for verb in ("close", "freeze", "thaw"):
        account = f"/api/v1/accounts/{wallet['account_id']}/{verb}"
        refused = await operator.post(account, Idempotency_Key=key())
        assert (refused.status, refused.code) == (409, "account_kept")
    assert (await operator.get(f"{HOLDS}/{hold['id']}")).json["status"] == "active"
