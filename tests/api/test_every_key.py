"""Every POST of the document that takes an Idempotency-Key: the same wish is one, another is none.

Sent again with the same key, a wish has no second effect and the same answer; with the same key and
another body, or at another address, it is refused.
"""

import secrets
from collections.abc import Mapping
from typing import Any

import pytest

from tallystick.app import App
from tallystick.identity import Merchant
from tests.api.conftest import Caller
from tests.api.money_posts import API, Wish, World, found_world
from tests.servers.served import require_proven

pytestmark = pytest.mark.anyio

MOVES_MONEY = {
    f"{API}{path}"
    for path in (
        "/transfers", "/transfers/bulk", "/transfers/{transfer_id}/reverse", "/reservations",
        "/reservations/{reservation_id}/settle", "/reservations/{reservation_id}/void", "/intents",
        "/intents/{intent_id}/confirm", "/payments", "/payments/{payment_id}/capture",
        "/payments/{payment_id}/cancel", "/payments/{payment_id}/reverse", "/refunds", "/payouts",
        "/exchanges", "/wallet-transfers", "/holds", "/holds/{hold_id}/capture",
        "/holds/{hold_id}/release", "/escrows",
        "/escrows/{escrow_id}/fund", "/escrows/{escrow_id}/release", "/escrows/{escrow_id}/return",
        "/escrows/{escrow_id}/resolve",
    )
}  # fmt: skip
OTHERWISE: Mapping[str, Any] = {
    "amount": 7,
    "source_amount": 7,
    "balance": 7,
    "rate": "80.5",
    "code": "another",
    "cost_centre": "another",
    "reason": "fraudulent",
}


@pytest.fixture
async def world(app: App, operator: Caller, seller: Caller, merchant: Merchant) -> World:
    return await found_world(app, operator, seller, merchant)


async def test_the_same_wish_is_one_and_another_is_none(app: App, world: World) -> None:
    granted, not_granted = set(), {}
    for path, operation in world.operations.items():
        if operation.method != "POST" or not operation.takes_key:
            continue
        try:
            wish = await world.wish(path)
        except (AssertionError, LookupError) as error:  # nothing there makes such an object
            not_granted[path] = repr(error)
            continue
        key = secrets.token_hex(8)
        first = await world.send(wish, key)
        if first.status >= 300:
            not_granted[path] = f"{wish}: {first.raw!r}"
            continue
        again = await world.send(wish, key)
        assert (again.status, again.json) == (first.status, first.json), path
        assert again.headers["idempotency-replayed"] == "true", path
        another = changed(wish, world) or await world.wish(path)
        other = await world.send(another, key)
        if another == wish:
            not_granted[path] = "there is no other wish"
            continue
        assert (other.status, other.json.get("code")) == (422, "idempotency_key_reused"), (
            f"{another}: {other.raw!r}"
        )
        granted.add(path)

    print(f"{len(granted)} granted, not granted: {not_granted}")  # noqa: T201
    missing = {path: not_granted.get(path) for path in MOVES_MONEY - granted}
    assert not missing, missing
    await require_proven(app)


def changed(wish: Wish, world: World) -> Wish | None:
    """The same with one word changed, at the same address; None when it has no word to change."""
    for name, value in {**OTHERWISE, "account_id": world.ids["inr"]}.items():
        if name in wish.body:
            return Wish(wish.path, {**wish.body, name: value})
    for name, inner in wish.body.items():
        if isinstance(inner, list) and inner and isinstance(inner[0], dict):
            first = changed(Wish(wish.path, inner[0]), world)
            return first and Wish(wish.path, {**wish.body, name: [first.body, *inner[1:]]})
    for name, value in wish.body.items():
        if type(value) is int and value > 1:
            return Wish(wish.path, {**wish.body, name: value - 1})
    return None
