"""`POST /api/v1/payments/{id}/reverse`: void or refund, once, and only the caller's own."""

from dataclasses import replace

import pytest

from tallystick.app import App
from tallystick.identity import FeePlan
from tests.api.conftest import Caller

pytestmark = pytest.mark.anyio
PAYMENTS = "/api/v1/payments"
CARD = {"amount": 10_000, "currency": "INR", "payment_method": "tok_visa"}


async def made(seller: Caller, **more: str) -> str:
    return f"{PAYMENTS}/{(await seller.post(PAYMENTS, CARD | more)).json['id']}"


async def test_void_while_promised_refund_once_it_came_in(seller: Caller) -> None:
    await made(seller)  # what the fees are given back from
    held, paid = await made(seller, capture_method="manual"), await made(seller)

    voided = await seller.post(f"{held}/reverse")
    refunded = await seller.post(f"{paid}/reverse", {"reason": "duplicate"})

    assert (voided.status, voided.json["way"], voided.json["refund"]) == (200, "void", None)
    assert voided.json["payment"] == (await seller.get(held)).json
    assert voided.json["payment"]["status"] == "cancelled"
    assert (refunded.json["way"], refunded.json["payment"]) == ("refund", None)
    assert refunded.json["refund"]["reason"] == "duplicate"
    assert (await seller.get(paid)).json["status"] == "refunded"
    for one in (held, paid):
        again = await seller.post(f"{one}/reverse")
        assert (again.status, again.code) == (409, "payment_not_reversible")


async def test_a_repeat_is_answered_alike(seller: Caller) -> None:
    await made(seller)
    for one in (await made(seller, capture_method="manual"), await made(seller)):
        key = {"Idempotency_Key": f"undo {one}"}
        first = await seller.post(f"{one}/reverse", {"reason": "duplicate"}, **key)
        again = await seller.post(f"{one}/reverse", {"reason": "duplicate"}, **key)
        other = await seller.post(f"{one}/reverse", {"reason": "fraudulent"}, **key)

        assert again.json == first.json
        assert again.headers["idempotency-replayed"] == "true"
        assert "idempotency-replayed" not in first.headers
        assert (other.status, other.code) == (422, "idempotency_key_reused")


async def test_nobody_undoes_what_is_not_his(app: App, seller: Caller) -> None:
    one = await made(seller)
    other = await app.merchants.onboard(f"Other {one}"[:60], None, ["INR"], FeePlan(0))
    _, key = await app.keys.create(other.id, "till")

    refused = await replace(seller, key=key).post(f"{one}/reverse")

    assert (refused.status, refused.code) == (404, "payment_not_found")
    assert (await seller.get(one)).json["status"] == "captured"


@pytest.mark.parametrize(
    "body", [b'{"reason": "abandoned"}', b'{"reason": null}', b'{"amount": 1}', b"[]", b'"x"']
)
async def test_refuses_what_cannot_be_meant(seller: Caller, body: bytes) -> None:
    one = await made(seller)

    refused = await seller.post(f"{one}/reverse", body)

    assert (refused.status, refused.code) == (422, "invalid_fields")
