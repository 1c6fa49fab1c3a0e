"""Wallets, their tiers and movements over HTTP."""

import secrets

import pytest

from tallystick.books import PLATFORM, account_id, chart
from tallystick.identity import Merchant
from tallystick.platform.ids import derived_id, typeid
from tests.api.conftest import Answer, Caller
from tests.api.hostile_json import NOT_AN_AMOUNT

pytestmark = pytest.mark.anyio

WALLETS = "/api/v1/wallets"
TIERS = "/api/v1/wallet-tiers"
BANK = typeid("acc", account_id(PLATFORM, chart.bank_code("INR")))


def somebody() -> str:
    """A user whom nobody has seen before."""
    return typeid("usr", derived_id(PLATFORM, secrets.token_hex(8)))


def key() -> str:
    return secrets.token_hex(16)


async def opened(operator: Caller, owner_id: str | None = None, **terms: str) -> Answer:
    body = {"owner_id": owner_id or somebody(), "currency": "INR"} | terms
    answer = await operator.post(WALLETS, body, Idempotency_Key=key())
    assert answer.status == 201, answer.raw
    return answer


async def funded(operator: Caller, wallet: dict[str, str], amount: int) -> None:
    body = {
        "debit_account_id": BANK,
        "credit_account_id": wallet["account_id"],
        "amount": amount,
        "currency": "INR",
        "code": "fund",
    }
    answer = await operator.post("/api/v1/transfers", body, Idempotency_Key=key())
    assert answer.status == 201, answer.raw


# Journeys ---------------------------------------------------------------------------------------


async def test_a_wallet_from_opening_to_closing(operator: Caller) -> None:
    owner_id = somebody()
    wallet = (await opened(operator, owner_id)).json
    path = f"{WALLETS}/{wallet['id']}"
    assert (wallet["owner_id"], wallet["status"], wallet["tier"]) == (owner_id, "active", "basic")

    await funded(operator, wallet, 1_250)
    seen = (await operator.get(path)).json
    assert (seen["balance"], seen["available_balance"], seen["pending_balance"]) == (
        1_250,
        1_250,
        0,
    )

    frozen = await operator.post(f"{path}/freeze", {"stops": "all"}, Idempotency_Key=key())
    assert (frozen.status, frozen.json["frozen"]) == (200, "all")
    thawed = await operator.post(f"{path}/unfreeze", Idempotency_Key=key())
    assert thawed.json["status"] == "active"
    refused = await operator.post(f"{path}/close", Idempotency_Key=key())
    assert (refused.status, refused.code) == (422, "wallet_not_empty")

    back = {
        "debit_account_id": wallet["account_id"],
        "credit_account_id": BANK,
        "amount": 1_250,
        "currency": "INR",
        "code": "back",
    }
    await operator.post("/api/v1/transfers", back, Idempotency_Key=key())
    closed = await operator.post(f"{path}/close", Idempotency_Key=key())
    assert (closed.status, closed.json["status"]) == (200, "closed")


async def test_transactions_by_cursor_are_debits_and_credits(operator: Caller) -> None:
    wallet = (await opened(operator)).json
    for amount in (100, 200, 300):
        await funded(operator, wallet, amount)
    path = f"{WALLETS}/{wallet['id']}/transactions"

    first = (await operator.get(f"{path}?limit=2")).json
    rest = (await operator.get(f"{path}?limit=2&cursor={first['next_cursor']}")).json

    rows = first["data"] + rest["data"]
    assert [(row["type"], row["amount"], row["balance_after"]) for row in rows] == [
        ("CREDIT", 300, 600),
        ("CREDIT", 200, 300),
        ("CREDIT", 100, 100),
    ]
    assert rest["next_cursor"] is None
    assert {row["wallet_id"] for row in rows} == {wallet["id"]}


async def test_wallets_of_one_owner_are_listed(operator: Caller) -> None:
    owner_id = somebody()
    first = (await opened(operator, owner_id)).json
    await opened(operator)
    second = (await opened(operator, owner_id, currency="USD")).json

    one = (await operator.get(f"{WALLETS}?owner_id={owner_id}&limit=1")).json
    two = (
        await operator.get(f"{WALLETS}?owner_id={owner_id}&limit=1&cursor={one['next_cursor']}")
    ).json

    assert {one["data"][0]["id"], two["data"][0]["id"]} == {first["id"], second["id"]}
    assert two["next_cursor"] is None


async def test_tiers_are_listed_set_and_assigned(operator: Caller, seller: Caller) -> None:
    body = {"name": "gold", "currency": "INR", "daily": 5, "monthly": None, "balance": None}
    done = await operator.post(TIERS, body, Idempotency_Key=key())
    wallet = (await opened(operator)).json
    path = f"{WALLETS}/{wallet['id']}/tier"
    assigned = await operator.post(path, {"tier": "gold"}, Idempotency_Key=key())
    missing = await operator.post(path, {"tier": "iron"}, Idempotency_Key=key())

    assert (done.status, done.json) == (200, body)
    assert "idempotency-replayed" not in done.headers
    assert body in (await seller.get(TIERS)).json["data"]
    assert assigned.json["tier"] == "gold"
    assert (missing.status, missing.code) == (422, "wallet_tier_not_found")
    refused = await seller.post(TIERS, body, Idempotency_Key=key())
    assert (refused.status, refused.code) == (403, "permission_denied")


# Once -------------------------------------------------------------------------------------------


async def test_the_same_key_opens_once_and_another_key_is_told(operator: Caller) -> None:
    body = {"owner_id": somebody(), "currency": "INR"}
    wish = key()
    first = await operator.post(WALLETS, body, Idempotency_Key=wish)
    again = await operator.post(WALLETS, body, Idempotency_Key=wish)
    other = await operator.post(WALLETS, body, Idempotency_Key=key())

    assert again.json == first.json
    assert again.headers["idempotency-replayed"] == "true"
    assert (other.status, other.code) == (409, "wallet_exists")
    reused = await operator.post(WALLETS, body | {"currency": "USD"}, Idempotency_Key=wish)
    assert (reused.status, reused.code) == (422, "idempotency_key_reused")


async def test_a_stale_etag_changes_nothing(operator: Caller) -> None:
    wallet = await opened(operator)
    path = f"{WALLETS}/{wallet.json['id']}"
    seen = wallet.headers["etag"]
    assert seen == f'"{wallet.json["version"]}"'
    await funded(operator, wallet.json, 1)

    stale = await operator.post(f"{path}/freeze", Idempotency_Key=key(), If_Match=seen)
    now = (await operator.get(path)).headers["etag"]
    fresh = await operator.post(f"{path}/freeze", Idempotency_Key=key(), If_Match=now)

    assert (stale.status, stale.code) == (412, "stale_version")
    assert fresh.status == 200
    assert fresh.headers["etag"] == (await operator.get(path)).headers["etag"]
    odd = await operator.post(f"{path}/unfreeze", Idempotency_Key=key(), If_Match="W/1")
    assert (odd.status, odd.code) == (422, "invalid_fields")


# Whose ------------------------------------------------------------------------------------------


async def test_a_merchant_opens_and_sees_its_own_wallet_and_no_other(
    operator: Caller, seller: Caller, merchant: Merchant
) -> None:
    own = await seller.post(WALLETS, {"currency": "INR"}, Idempotency_Key=key())
    foreign = (await opened(operator)).json

    assert own.status == 201
    assert own.json["owner_id"] == typeid("mer", merchant.id)
    assert own.json["tier"] == "unlimited"
    assert [wallet["id"] for wallet in (await seller.get(WALLETS)).json["data"]] == [own.json["id"]]
    for path in (foreign["id"], f"{foreign['id']}/transactions"):
        hidden = await seller.get(f"{WALLETS}/{path}")
        assert (hidden.status, hidden.code) == (404, "wallet_not_found")
    elsewhere = await seller.get(f"{WALLETS}?owner_id={foreign['owner_id']}")
    assert elsewhere.json == {"data": [], "next_cursor": None}
    for body in ({"owner_id": somebody(), "currency": "INR"}, {"currency": "INR", "tier": "basic"}):
        refused = await seller.post(WALLETS, body, Idempotency_Key=key())
        assert (refused.status, refused.code) == (403, "permission_denied")
    for verb in ("freeze", "unfreeze", "close"):
        refused = await seller.post(f"{WALLETS}/{own.json['id']}/{verb}", Idempotency_Key=key())
        assert refused.status == 403


# Hostile ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"currency": "INR"}, "owner_id"),
        ({"owner_id": "usr_x", "currency": "INR"}, "owner_id"),
        ({"owner_id": "acc_01kjpy44e0fh0r68j79jejabkn", "currency": "INR"}, "owner_id"),
        ({"owner_id": 7, "currency": "INR"}, "owner_id"),
        ({"owner_id": "usr_01kjpy44e0fh0r68j79jejabkn", "currency": "XTS"}, "currency"),
        ({"owner_id": "usr_01kjpy44e0fh0r68j79jejabkn", "currency": "INR", "tier": "A"}, "tier"),
        ({"owner_id": "usr_01kjpy44e0fh0r68j79jejabkn", "currency": "INR", "x": 1}, "x"),
    ],
)
async def test_a_field_that_cannot_be_is_named(
    operator: Caller, body: dict[str, object], field: str
) -> None:
    refused = await operator.post(WALLETS, body, Idempotency_Key=key())

    assert (refused.status, refused.code) == (422, "invalid_fields")
    assert [error["field"] for error in refused.json["errors"]] == [field]


async def test_ids_and_cursors_that_are_none_of_ours_are_told_so(operator: Caller) -> None:
    wallet = (await opened(operator)).json
    for text in ("wal_x", "x" * 300, "%00", typeid("wal", PLATFORM)):
        assert (await operator.get(f"{WALLETS}/{text}")).code == "wallet_not_found"
    for path in (WALLETS, f"{WALLETS}/{wallet['id']}/transactions"):
        assert (await operator.get(f"{path}?cursor=abc")).code == "invalid_cursor"


async def test_no_hostile_limit_is_taken(operator: Caller) -> None:
    for amount in set(NOT_AN_AMOUNT) - {b"0", b"-0", b"null"}:  # those say something here
        raw = (
            b'{"name": "hostile", "currency": "INR", "monthly": null, "balance": null, "daily": '
            + amount
            + b"}"
        )
        answer = await operator.post(TIERS, raw, Idempotency_Key=key())
        assert answer.status in (400, 422), (amount, answer.raw)
