"""Escrows over HTTP: what is asked is read strictly, and every refusal says why."""

import asyncio
import secrets
from dataclasses import replace
from typing import Any

import pytest

from tallystick.app import App
from tallystick.identity import FeePlan, Merchant
from tallystick.platform.ids import typeid
from tests.api.conftest import Caller
from tests.api.hostile_json import NOT_AN_AMOUNT
from tests.api.test_wallets import WALLETS, funded, key, opened

pytestmark = pytest.mark.anyio

ESCROWS = "/api/v1/escrows"
VERBS = ("fund", "release", "return", "cancel", "dispute", "withdraw-dispute")


@pytest.fixture
async def wallet(operator: Caller) -> dict[str, Any]:
    """A user's wallet with 1,000 in it."""
    answer = (await opened(operator)).json
    await funded(operator, answer, 1_000)
    return dict(answer)


def terms_of(wallet: dict[str, Any], merchant: Merchant, amount: int = 600) -> dict[str, Any]:
    return {
        "buyer_wallet_id": wallet["id"],
        "recipients": [{"merchant_id": typeid("mer", merchant.id)}],
        "amount": amount,
        "currency": "INR",
        "description": "A chair for Asha",
    }


async def agreed(operator: Caller, body: dict[str, Any]) -> dict[str, Any]:
    answer = await operator.post(ESCROWS, body, Idempotency_Key=key())
    assert answer.status == 201, answer.raw
    return dict(answer.json)


async def done(caller: Caller, escrow: dict[str, Any], verb: str, **body: Any) -> dict[str, Any]:
    path = f"{ESCROWS}/{escrow['id']}/{verb}"
    answer = await caller.post(path, body, Idempotency_Key=key())
    assert answer.status == 200, answer.raw
    return dict(answer.json)


async def test_its_history_tells_every_step_and_no_secret(
    operator: Caller, merchant: Merchant, wallet: dict[str, Any]
) -> None:
    escrow = await agreed(operator, terms_of(wallet, merchant))
    await done(operator, escrow, "fund")
    await done(operator, escrow, "dispute", reason="It arrived broken")
    ended = await done(operator, escrow, "resolve", release=200, reason="Asha is right")
    assert (ended["status"], ended["released"], ended["returned"]) == ("completed", 200, 400)

    answer = await operator.get(f"{ESCROWS}/{escrow['id']}/events")

    events = answer.json["data"]
    assert [event["event_type"] for event in events] == [
        "escrow.opened",
        "escrow.funded",
        "escrow.disputed",
        "escrow.resolved",
    ]
    assert [event["version"] for event in events] == [1, 2, 3, 4]
    assert b"Asha" not in answer.raw
    assert b"sealed" not in answer.raw


async def test_a_stranger_sees_nothing_and_opens_nothing(
    operator: Caller, app: App, anybody: Caller, merchant: Merchant, wallet: dict[str, Any]
) -> None:
    escrow = await agreed(operator, terms_of(wallet, merchant))
    other = await app.merchants.onboard("Elsewhere", secrets.token_hex(8), ["INR"], FeePlan(0))
    _, secret = await app.keys.create(other.id, "till")
    stranger = replace(anybody, key=secret)
    path = f"{ESCROWS}/{escrow['id']}"

    hidden = [await stranger.get(path), await stranger.get(f"{path}/events")]
    hidden += [await stranger.post(f"{path}/{verb}", {}, Idempotency_Key=key()) for verb in VERBS]
    opening = await stranger.post(ESCROWS, terms_of(wallet, merchant), Idempotency_Key=key())

    assert {(answer.status, answer.code) for answer in hidden} == {(404, "escrow_not_found")}
    assert (opening.status, opening.code) == (403, "escrow_not_yours")
    assert (await stranger.get(ESCROWS)).json["data"] == []


async def test_a_merchant_sees_what_it_takes_part_in(
    operator: Caller, seller: Caller, merchant: Merchant, wallet: dict[str, Any]
) -> None:
    escrow = await agreed(operator, terms_of(wallet, merchant))

    assert [one["id"] for one in (await seller.get(ESCROWS)).json["data"]] == [escrow["id"]]
    assert (await seller.get(f"{ESCROWS}/{escrow['id']}")).json == escrow


async def test_a_recipient_does_not_pay_itself(
    operator: Caller, seller: Caller, merchant: Merchant, wallet: dict[str, Any]
) -> None:
    escrow = await agreed(operator, terms_of(wallet, merchant))
    await done(operator, escrow, "fund")
    path = f"{ESCROWS}/{escrow['id']}"

    for verb, body in (
        ("release", {}),
        ("fund", {}),
        ("resolve", {"release": 600}),
        ("withdraw-dispute", {}),
    ):
        refused = await seller.post(f"{path}/{verb}", body, Idempotency_Key=key())
        assert (refused.status, refused.code) == (403, "escrow_not_yours"), verb

    returned = await done(seller, escrow, "return", amount=100)
    assert (returned["held"], returned["returned"]) == (500, 100)


async def test_only_an_operator_sets_the_fee(
    seller: Caller, merchant: Merchant, wallet: dict[str, Any]
) -> None:
    body = terms_of(wallet, merchant) | {"fee": {"basis_points": 0}}

    refused = await seller.post(ESCROWS, body, Idempotency_Key=key())

    assert (refused.status, refused.code) == (403, "permission_denied")


def beside(name: str) -> str:
    """A name like this one that nobody has."""
    return name[:-1] + ("1" if name.endswith("0") else "0")


async def test_what_is_refused_says_why(
    operator: Caller, merchant: Merchant, wallet: dict[str, Any]
) -> None:
    good = terms_of(wallet, merchant)
    recipient = good["recipients"][0]
    known = typeid("mer", merchant.id)
    nobody = beside(known)
    cases: list[tuple[dict[str, Any], int, str]] = [
        (good | {"currency": "USD"}, 422, "invalid_fields"),
        (good | {"recipients": []}, 422, "invalid_fields"),
        (good | {"recipients": [recipient, recipient]}, 422, "invalid_fields"),
        (good | {"recipients": [{}]}, 422, "invalid_fields"),
        (good | {"recipients": [recipient | {"wallet_id": wallet["id"]}]}, 422, "invalid_fields"),
        (good | {"recipients": [recipient | {"share": 0}]}, 422, "invalid_fields"),
        (good | {"recipients": [{"wallet_id": wallet["id"]}]}, 422, "invalid_fields"),
        (good | {"parts": [{"name": "all", "amount": 599}]}, 422, "invalid_fields"),
        (good | {"parts": [{"name": "Asha Rao", "amount": 600}]}, 422, "invalid_fields"),
        (good | {"fee": {"basis_points": 10_001}}, 422, "invalid_fields"),
        (good | {"fee": {"fixed_amount": 601}}, 422, "invalid_fields"),
        (good | {"arbiter_id": typeid("mer", merchant.id)}, 422, "invalid_fields"),
        (good | {"arbiter_id": nobody}, 404, "merchant_not_found"),
        (
            good | {"timeout": {"at": "2020-01-01T00:00:00Z", "then": "return"}},
            422,
            "invalid_fields",
        ),
        (good | {"timeout": {"at": "2026-03-03T00:00:00Z", "then": "keep"}}, 422, "invalid_fields"),
        (good | {"unknown": 1}, 422, "invalid_fields"),
        (good | {"buyer_wallet_id": beside(wallet["id"])}, 404, "wallet_not_found"),
    ]
    for body, status, code in cases:
        refused = await operator.post(ESCROWS, body, Idempotency_Key=key())
        assert (refused.status, refused.code) == (status, code), body

    escrow = await agreed(operator, good)
    path = f"{ESCROWS}/{escrow['id']}"
    for verb, more, status, code in (
        ("release", {}, 409, "escrow_not_funded"),
        ("return", {}, 409, "escrow_not_funded"),
        ("resolve", {"release": 1}, 409, "escrow_not_disputed"),
        ("withdraw-dispute", {}, 409, "escrow_not_disputed"),
        ("fund", {"amount": 601}, 422, "escrow_exceeded"),
    ):
        refused = await operator.post(f"{path}/{verb}", more, Idempotency_Key=key())
        assert (refused.status, refused.code) == (status, code), verb


async def test_no_hostile_amount_is_taken(
    operator: Caller, merchant: Merchant, wallet: dict[str, Any]
) -> None:
    escrow = await agreed(operator, terms_of(wallet, merchant))
    path = f"{ESCROWS}/{escrow['id']}"
    await done(operator, escrow, "fund")
    opening = (
        f'{{"buyer_wallet_id": "{wallet["id"]}", "currency": "INR",'
        f'"recipients": [{{"merchant_id": "{typeid("mer", merchant.id)}"}}], "amount": '
    ).encode()

    for amount in NOT_AN_AMOUNT:
        bodies = {ESCROWS: opening + amount + b"}"}
        if amount != b"null":  # all that is held
            bodies |= {
                f"{path}/{verb}": b'{"amount": ' + amount + b"}"
                for verb in ("fund", "release", "return")
            }
        if amount not in (b"0", b"-0"):  # nothing for the recipients is a decision too
            bodies[f"{path}/resolve"] = b'{"release": ' + amount + b"}"
        answers = await asyncio.gather(
            *(operator.post(at, raw, Idempotency_Key=key()) for at, raw in bodies.items())
        )
        assert {answer.status for answer in answers} <= {400, 422}, (amount, answers)

    seen = (await operator.get(path)).json
    assert (seen["status"], seen["held"]) == ("funded", 600)
    assert (await operator.get(f"{WALLETS}/{wallet['id']}")).json["balance"] == 400


async def test_escrows_are_listed_by_state_a_page_at_a_time(
    operator: Caller, seller: Caller, merchant: Merchant, wallet: dict[str, Any]
) -> None:
    made = [await agreed(operator, terms_of(wallet, merchant, 100)) for _ in range(3)]
    await done(operator, made[0], "cancel")

    first = (await seller.get(f"{ESCROWS}?status=open&limit=1")).json
    query = f"{ESCROWS}?status=open&limit=1&cursor={first['next_cursor']}"
    second = (await seller.get(query)).json

    ids = {first["data"][0]["id"], second["data"][0]["id"]}
    assert ids == {escrow["id"] for escrow in made[1:]}
    assert second["next_cursor"] is None
