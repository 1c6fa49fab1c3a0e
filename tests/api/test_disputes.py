"""Disputes over HTTP: read strictly, shown to their merchant alone, every refusal with a code."""

import json
from base64 import b64encode
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest

from tallystick.app import App
from tallystick.identity import FeePlan
from tallystick.payments.disputes import EVIDENCE_BYTES_MAX
from tallystick.platform.clock import HandClock
from tests.api.conftest import Caller
from tests.api.test_wallets import key
from tests.servers.served import require_proven

pytestmark = pytest.mark.anyio

DISPUTES = "/api/v1/disputes"
PDF = b"%PDF-1.7\nTwo cups of chai"


async def paid(seller: Caller, token: str) -> str:
    body = {"amount": 10_000, "currency": "INR", "payment_method": token}
    answer = await seller.post("/api/v1/payments", body, Idempotency_Key=key())
    assert answer.json["status"] == "captured", answer.raw
    return str(answer.json["id"])


@pytest.fixture
async def dispute(seller: Caller, app: App) -> dict[str, Any]:
    """A dispute of the seller's, who has the money for it."""
    await paid(seller, "tok_visa")
    payment_id = await paid(seller, "tok_disputed")
    assert await app.disputes.feed.read_all() == 1
    listed = await seller.get(f"{DISPUTES}?payment_id={payment_id}&status=needs_response")
    (found,) = listed.json["data"]
    return dict(found)


@pytest.fixture
async def rival(app: App, anybody: Caller) -> Caller:
    """Another merchant's till."""
    other = await app.merchants.onboard("Tea & Co", f"rival_{key()}", ["INR"], FeePlan(300))
    _, secret = await app.keys.create(other.id, "till")
    return replace(anybody, key=secret)


def document(dispute: dict[str, Any], content: bytes = PDF) -> dict[str, Any]:
    return {
        "dispute_id": dispute["id"],
        "kind": "receipt",
        "media_type": "application/pdf",
        "name": "chai.pdf",
        "content": b64encode(content).decode(),
    }


async def handed_in(caller: Caller, body: dict[str, Any], **headers: str) -> Any:
    raw = BytesIO(json.dumps(body).encode())
    kind = {"Content-Type": "application/json", **headers}
    return await caller.send("POST", f"{DISPUTES}/evidence", raw, kind)


async def test_evidence_is_handed_in_and_submitted_once(
    seller: Caller, dispute: dict[str, Any]
) -> None:
    first = await handed_in(seller, document(dispute), Idempotency_Key="paper-1")
    again = await handed_in(seller, document(dispute), Idempotency_Key="paper-1")
    alike = await handed_in(seller, document(dispute))
    assert (first.status, again.json, alike.json) == (201, first.json, first.json)
    assert again.headers["idempotency-replayed"] == "true"
    other = await handed_in(seller, document(dispute, PDF + b"2"), Idempotency_Key="paper-1")
    assert (other.status, other.code) == (422, "idempotency_key_reused")
    (item,) = first.json["evidence"]
    seen = await seller.get(f"{DISPUTES}/{dispute['id']}/evidence/{item['id']}")
    assert seen.json["content"] == b64encode(PDF).decode()
    assert (seen.json["sha256"], seen.json["name"]) == (item["sha256"], "chai.pdf")

    path, said = f"{DISPUTES}/{dispute['id']}/submit", {"explanation": "He drank it."}
    submitted = await seller.post(path, said, Idempotency_Key="dispute-1")
    repeated = await seller.post(path, said, Idempotency_Key="dispute-1")
    other = await seller.post(path, {"explanation": "No."}, Idempotency_Key="dispute-1")
    late = await seller.post(path, said, Idempotency_Key=key())

    assert (submitted.status, submitted.json["status"]) == (200, "under_review")
    assert (submitted.json["explanation"], submitted.json["delivered"]) == ("He drank it.", True)
    assert repeated.json == submitted.json
    assert (other.status, other.code) == (422, "idempotency_key_reused")
    assert (late.status, late.code) == (409, "dispute_not_answerable")


async def test_giving_in_ends_it_and_a_refund_meanwhile_is_refused(
    seller: Caller, dispute: dict[str, Any]
) -> None:
    refund = {"payment_id": dispute["payment_id"]}
    refused = await seller.post("/api/v1/refunds", refund, Idempotency_Key=key())
    assert (refused.status, refused.code) == (409, "payment_disputed")

    path = f"{DISPUTES}/{dispute['id']}/accept"
    answer = await seller.post(path, {}, Idempotency_Key=key())

    assert (answer.status, answer.json["status"]) == (200, "accepted")
    payment = (await seller.get(f"/api/v1/payments/{dispute['payment_id']}")).json
    assert (payment["amount_disputed"], payment["amount_charged_back"]) == (0, 10_000)
    refused = await seller.post("/api/v1/refunds", refund, Idempotency_Key=key())
    assert (refused.status, refused.code) == (409, "payment_not_refundable")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"content": b64encode(b"MZ\x90\x00 a program").decode()}, "evidence_type_mismatch"),
        ({"content": b64encode(b"<html>").decode()}, "evidence_type_mismatch"),
        ({"media_type": "image/png"}, "evidence_type_mismatch"),
        ({"media_type": "text/html"}, "invalid_fields"),
        ({"kind": "gossip"}, "invalid_fields"),
        ({"content": "not base64!"}, "invalid_fields"),
        ({"content": ""}, "invalid_fields"),
        ({"content": 7}, "invalid_fields"),
        ({"name": "x" * 201}, "invalid_fields"),
        ({"dispute_id": "pay_nonsense"}, "invalid_fields"),
        ({"more": 1}, "invalid_fields"),
    ],
)
async def test_what_is_no_document_is_refused(
    seller: Caller, dispute: dict[str, Any], changes: dict[str, Any], code: str
) -> None:
    answer = await handed_in(seller, document(dispute) | changes)

    assert (answer.status, answer.code) == (422, code)
    shown = await seller.get(f"{DISPUTES}/{dispute['id']}")
    assert shown.json["evidence"] == []


async def test_the_largest_document_is_taken_and_one_byte_more_is_not(
    seller: Caller, dispute: dict[str, Any]
) -> None:
    largest = await handed_in(seller, document(dispute, PDF.ljust(EVIDENCE_BYTES_MAX)))
    larger = await handed_in(seller, document(dispute, PDF.ljust(EVIDENCE_BYTES_MAX + 1)))
    huge = await handed_in(seller, document(dispute, PDF.ljust(EVIDENCE_BYTES_MAX + 9_000)))

    assert largest.status == 201
    assert (larger.status, larger.code) == (422, "evidence_too_large")
    assert huge.status == 413


async def test_an_eleventh_document_is_one_too_many(
    seller: Caller, dispute: dict[str, Any]
) -> None:
    for number in range(10):
        assert (await handed_in(seller, document(dispute, PDF + b"%d" % number))).status == 201

    answer = await handed_in(seller, document(dispute))

    assert (answer.status, answer.code) == (409, "evidence_full")


async def test_others_do_not_see_it(
    rival: Caller, operator: Caller, seller: Caller, dispute: dict[str, Any]
) -> None:
    one = f"{DISPUTES}/{dispute['id']}"
    answers = [
        await rival.get(one),
        await rival.get(f"{one}/evidence/evd_01kjpy44e0fh0r68j79jejabkn"),
        await handed_in(rival, document(dispute)),
        await rival.post(f"{one}/submit", {"explanation": "x"}, Idempotency_Key=key()),
        await rival.post(f"{one}/accept", {}, Idempotency_Key=key()),
        await seller.get(f"{DISPUTES}/dsp_nonsense"),
    ]

    assert {(answer.status, answer.code) for answer in answers} == {(404, "dispute_not_found")}
    assert (await rival.get(DISPUTES)).json["data"] == []
    assert (await operator.get(one)).json == (await seller.get(one)).json


async def test_a_dispute_from_the_banks_switch_to_its_end(
    seller: Caller, operator: Caller, app: App, opening_clock: HandClock
) -> None:
    payment_id = await paid(seller, "tok_visa")
    await paid(seller, "tok_visa")
    switch = f"{app.rails.routes[0].base_url}/v1/authorizations/{payment_id}-a1/disputes"
    body = {"amount": 4_000, "reason": "not_as_described", "evidence_due_after_s": 3_600}
    async with seller.session.post(switch, json=body) as answer:
        assert answer.status == 200, await answer.read()

    await app.disputes.feed.read_all()
    (found,) = (await operator.get(f"{DISPUTES}?payment_id={payment_id}")).json["data"]
    one = f"{DISPUTES}/{found['id']}"
    assert (found["status"], found["amount"], found["fee"]) == ("needs_response", 4_000, 0)
    payment = (await seller.get(f"/api/v1/payments/{payment_id}")).json
    assert (payment["status"], payment["amount_disputed"]) == ("captured", 4_000)

    # The bank closes it an hour later, and we ask when its time is over.
    opening_clock.advance(timedelta(hours=1))
    late = await seller.post(f"{one}/submit", {"explanation": "late"}, Idempotency_Key=key())
    assert (late.status, late.code) == (409, "dispute_deadline_passed")
    await app.disputes.look_at_due()

    assert (await seller.get(one)).json["status"] == "expired"
    refund = {"payment_id": payment_id}
    answer_ = await seller.post("/api/v1/refunds", refund, Idempotency_Key=key())
    assert (answer_.status, answer_.json["amount"]) == (201, 6_000)
    await require_proven(app)


async def test_pages_go_on_where_they_ended_and_a_wrong_cursor_is_refused(
    seller: Caller, app: App
) -> None:
    for _ in range(3):
        await paid(seller, "tok_disputed")
    await app.disputes.feed.read_all()

    first = (await seller.get(f"{DISPUTES}?limit=2")).json
    second = (await seller.get(f"{DISPUTES}?limit=2&cursor={first['next_cursor']}")).json
    wrong = await seller.get(f"{DISPUTES}?cursor=AAAA")
    unknown = await seller.get(f"{DISPUTES}?status=settled")

    seen = [row["id"] for row in (*first["data"], *second["data"])]
    assert (len(seen), len(set(seen)), second["next_cursor"]) == (3, 3, None)
    assert (wrong.status, wrong.code) == (422, "invalid_cursor")
    assert (unknown.status, unknown.code) == (422, "invalid_fields")
