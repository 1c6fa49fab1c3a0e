"""Fee plans over HTTP: set by operators, each seen by its merchant, strictly read."""

import secrets
from datetime import timedelta
from typing import Any

import pytest

from tallystick.identity import Merchant
from tallystick.platform.clock import HandClock
from tallystick.platform.ids import typeid
from tests.api.conftest import Caller

pytestmark = pytest.mark.anyio
PLANS, PREVIEW, PAYMENTS = "/api/v1/fee-plans", "/api/v1/fee-plans/preview", "/api/v1/payments"
WISH = {"amount": 10_000, "currency": "INR"}
PLAN = {"currency": "INR", "basis_points": 200, "fixed_amount": 300, "tax_basis_points": 1_800}
NOT_BASIS_POINTS: tuple[Any, ...] = (-1, 10_001, 1.5, "1", True, None, [], 10**30)
NOT_PARTS: tuple[Any, ...] = (-1, 10**15 + 1, 1.0, "1", False, {})
RESERVE = {"reserve_basis_points": 1_000, "reserve_days": 7}


@pytest.fixture
async def plan(operator: Caller, merchant: Merchant, opening_clock: HandClock) -> dict[str, Any]:
    """The merchant's own: 2 % and INR 3.00, 18 % tax, 10 % reserve."""
    opening_clock.advance(timedelta(seconds=1))
    body = PLAN | RESERVE | {"merchant": typeid("mer", merchant.id)}
    answer = await operator.post(PLANS, body)
    assert answer.status == 201, answer.raw
    made: dict[str, Any] = answer.json
    return made


async def test_a_plan_is_set_seen_previewed_and_charged(
    operator: Caller, seller: Caller, merchant: Merchant, plan: dict[str, Any]
) -> None:
    assert plan["id"].startswith("fpl_")
    assert (plan["merchant"], plan["method"]) == (typeid("mer", merchant.id), "any")
    assert (plan["cap_amount"], plan["on_refund"]) == (None, "kept")
    for caller in (operator, seller):
        assert (await caller.get(f"{PLANS}/{plan['id']}")).json == plan
    assert (await seller.get(PLANS)).json == {"data": [plan], "next_cursor": None}

    said = (await seller.post(PREVIEW, WISH)).json
    assert (said["fee"], said["tax"], said["reserve"], said["payable"]) == (500, 90, 1_000, 8_410)
    assert said["plan_id"] == plan["id"]
    assert said["terms"].items() <= plan.items()

    paid = (await seller.post(PAYMENTS, WISH | {"payment_method": "tok_visa"})).json
    assert (paid["fee"], paid["fee_tax"], paid["reserve"]) == (500, 90, 1_000)


async def test_merchants_set_no_plans_and_see_only_their_own(
    operator: Caller, seller: Caller, plan: dict[str, Any]
) -> None:
    refused = await seller.post(PLANS, PLAN)
    assert (refused.status, refused.code) == (403, "permission_denied")

    default = (await operator.post(PLANS, PLAN | {"currency": "JPY"})).json
    assert default["merchant"] is None
    hidden = await seller.get(f"{PLANS}/{default['id']}")
    assert (hidden.status, hidden.code) == (404, "fee_plan_not_found")
    assert (await seller.get(PLANS)).json["data"] == [plan]
    others = await seller.get(f"{PLANS}?merchant=somebody_else")
    assert (others.status, others.code) == (404, "merchant_not_found")


async def test_plans_are_listed_by_the_page(
    operator: Caller, merchant: Merchant, opening_clock: HandClock, plan: dict[str, Any]
) -> None:
    name = typeid("mer", merchant.id)
    opening_clock.advance(timedelta(seconds=1))
    later = (await operator.post(PLANS, PLAN | {"merchant": name, "method": "card"})).json

    first = (await operator.get(f"{PLANS}?merchant={name}&limit=1")).json
    rest = (await operator.get(f"{PLANS}?merchant={name}&cursor={first['next_cursor']}")).json

    assert (first["data"], rest["data"], rest["next_cursor"]) == ([later], [plan], None)
    foreign = await operator.get(f"/api/v1/exchange-rates?cursor={first['next_cursor']}")
    assert (foreign.status, foreign.code) == (422, "invalid_cursor")


async def test_a_repeat_is_answered_as_before(operator: Caller) -> None:
    key, body = secrets.token_hex(8), PLAN | {"currency": "EUR"}
    first = await operator.post(PLANS, body, Idempotency_Key=key)
    again = await operator.post(PLANS, body, Idempotency_Key=key)

    assert again.json == first.json
    assert again.headers["idempotency-replayed"] == "true"
    other = await operator.post(PLANS, body | {"basis_points": 1}, Idempotency_Key=key)
    assert (other.status, other.code) == (422, "idempotency_key_reused")


@pytest.mark.parametrize(
    ("fault", "field"),
    [
        *(
            ({name: value}, name)
            for name in ("basis_points", "tax_basis_points")
            for value in NOT_BASIS_POINTS
        ),
        *(
            ({name: value}, name)
            for name in ("fixed_amount", "minimum_amount", "cap_amount")
            for value in NOT_PARTS
        ),
        ({"reserve_basis_points": 1}, "reserve_days"),
        ({"reserve_days": 1}, "reserve_days"),
        (RESERVE | {"reserve_days": 3_651}, "reserve_days"),
        ({"minimum_amount": 2, "cap_amount": 1}, "cap_amount"),
        ({"method": "cash"}, "method"),
        ({"on_refund": "doubled"}, "on_refund"),
        ({"currency": "XXX"}, "currency"),
        ({"currency": "inr"}, "currency"),
        ({"valid_from": "yesterday"}, "valid_from"),
        ({"merchant": "no such name"}, "merchant"),
        ({"fee": 1}, "fee"),
    ],
)
async def test_the_field_that_is_wrong_is_named(
    operator: Caller, fault: dict[str, Any], field: str
) -> None:
    answer = await operator.post(PLANS, PLAN | fault)

    assert (answer.status, answer.code) == (422, "invalid_fields")
    assert [error["field"] for error in answer.json["errors"]] == [field]


async def test_a_preview_is_for_a_merchant_and_its_currencies(
    operator: Caller, seller: Caller, merchant: Merchant
) -> None:
    nobody = await operator.post(PREVIEW, WISH)
    assert (nobody.status, nobody.code) == (422, "merchant_missing")
    named = await operator.post(PREVIEW, WISH | {"merchant": typeid("mer", merchant.id)})
    assert (named.status, named.json["plan_id"]) == (200, None)
    foreign = await seller.post(PREVIEW, WISH | {"currency": "KWD"})
    assert (foreign.status, foreign.code) == (422, "currency_not_enabled")
    huge = await seller.post(PREVIEW, WISH | {"amount": 10**15})
    parts = (huge.json[name] for name in ("fee", "tax", "reserve", "payable"))
    assert sum(parts) == 10**15


@pytest.mark.parametrize("plan_id", ["fpl_1", "pay_01kjpy44e0fh0r68j79jejabkn", "%00", "..."])
async def test_what_is_no_plan_is_not_found(operator: Caller, plan_id: str) -> None:
    answer = await operator.get(f"{PLANS}/{plan_id}")
    assert (answer.status, answer.code) == (404, "fee_plan_not_found")
