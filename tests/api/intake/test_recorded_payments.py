"""What was recorded of a reference, and what the webhook has seen: document 000's three looks."""

import asyncio
import json
from typing import Any

import pytest

from tallystick.identity import FeePlan
from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.pools import connect
from tests.api.intake.conftest import PATH, Bank, Houses, report
from tests.servers.http_client import Caller

pytestmark = pytest.mark.anyio


async def merchant_of(bank: Bank) -> Caller:
    merchant = await bank.app.merchants.onboard("Chai", "merchant_1", ["INR"], FeePlan(300))
    _, key = await bank.app.keys.create(merchant.id, "till")
    return Caller(bank.client, key)


async def test_a_payment_is_shown_as_the_document_has_it(house: Houses) -> None:
    async with house() as bank:
        exact = json.dumps(report()).replace('"VCB"', "0.12345678901234567890").encode()
        recorded = await bank.send(exact)
        desk = await bank.operator()
        answer = await desk.get(f"{PATH}/payment/PAY-2026-001")

    assert answer.status == 200
    assert b'"amount":1000.50,' in answer.raw  # a number, to the cent
    assert b"0.12345678901234567890" in answer.raw  # as the sender wrote it
    shown = answer.json["data"]
    assert shown.pop("metadata")["_tallystick"]["client_ip"] == "127.0.0.1"
    assert shown == {
        "id": recorded.json["data"]["payment_id"],
        "reference_number": "PAY-2026-001",
        "loan_account_number": "LA123456789",
        "cif": "CIF123456",
        "amount": 1000.5,
        "currency": "USD",
        "payment_date": "2026-03-01T10:30:00Z",
        "payment_channel": "online_banking",
        "source": "webhook",
        "created_at": "2026-03-02T09:30:00Z",
    }


async def test_a_reference_is_taken_or_not(house: Houses) -> None:
    async with house() as bank:
        recorded = await bank.send(report())
        desk = await bank.operator()
        taken = await desk.get(f"{PATH}/duplicate/PAY-2026-001")
        free = await desk.get(f"{PATH}/duplicate/PAY-2026-002")

    assert taken.json == {
        "success": True,
        "data": {
            "reference_number": "PAY-2026-001",
            "is_duplicate": True,
            "payment_id": recorded.json["data"]["payment_id"],
        },
    }
    assert free.json["data"] == {
        "reference_number": "PAY-2026-002",
        "is_duplicate": False,
        "payment_id": None,
    }


@pytest.mark.parametrize(
    ("reference", "written"),
    [
        ("INV/2026/1", "INV%2F2026%2f1"),
        ("a b+c", "a%20b+c"),
        ("№ 支払い", "%E2%84%96%20%E6%94%AF%E6%89%95%E3%81%84"),
        ("100%", "100%25"),
        ("stats", "stats"),
    ],
)
async def test_any_reference_can_be_looked_up(house: Houses, reference: str, written: str) -> None:
    async with house() as bank:
        await bank.send(report(reference_number=reference))
        desk = await bank.operator()
        answer = await desk.get(f"{PATH}/payment/{written}")

    assert (answer.status, answer.json["data"]["reference_number"]) == (200, reference)


@pytest.mark.parametrize("written", ["nobody's", "%00", "a%00b", "x" * 300, "%FF"])
async def test_what_nobody_reported_is_404(house: Houses, written: str) -> None:
    async with house() as bank:
        desk = await bank.operator()
        assert (await desk.get(f"{PATH}/payment/{written}")).code == "payment_not_found"
        answer = await desk.get(f"{PATH}/duplicate/{written}")
        assert (answer.status, answer.json["data"]["is_duplicate"]) == (200, False)


async def test_they_are_the_platforms_and_need_a_key(house: Houses) -> None:
    async with house() as bank:
        await bank.send(report())
        till, anybody = await merchant_of(bank), Caller(bank.client)
        for path in ("stats", "duplicate/PAY-2026-001", "payment/PAY-2026-001"):
            unknown = await anybody.get(f"{PATH}/{path}")
            assert (unknown.status, unknown.json["error"]) == (401, "Authentication failed")
            assert (await till.get(f"{PATH}/{path}")).code == "permission_denied"


async def test_the_numbers_are_those_of_what_was_answered(house: Houses) -> None:
    channels = {"vcb": {}, "webhook": {"rate_limit": {"max_requests": 1}}}
    async with house(webhook_channels=channels) as bank:
        desk = await bank.operator()
        before = (await desk.get(f"{PATH}/stats")).json["data"]
        for body in (report(), report(), report(amount=-1), b"{"):
            await bank.send(body, "vcb")
        await bank.send(report(), "vcb", "wrong")
        for _ in range(3):
            await bank.send(report(reference_number="R-2"), "webhook")
        after = (await desk.get(f"{PATH}/stats")).json["data"]

    counted = ("received", "created", "duplicates", "invalid", "unauthenticated", "rate_limited")
    assert [after[name] - before[name] for name in counted] == [8, 2, 1, 2, 1, 2]
    by_channel = {
        name: after["by_channel"].get(name, 0) - before["by_channel"].get(name, 0)
        for name in ("vcb", "webhook")
    }
    assert by_channel == {"vcb": 2, "webhook": 1}
    assert after["average_processing_time_ms"] > 0
    layers = after["deduplication"]
    assert layers["redis_state"] == "disabled"
    asked = {name: layers[name]["lookups"] - before["deduplication"][name]["lookups"] for name in
             ("memory", "redis", "database")}  # fmt: skip
    assert asked == {"memory": 3, "redis": 0, "database": 2}
    assert 0 <= layers["memory"]["hit_rate"] <= 1


async def lines_of(event: str, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    await asyncio.sleep(0.06)  # lines are written together, a moment later
    written = capsys.readouterr()
    lines = [line for line in (written.err + written.out).splitlines() if line.startswith("{")]
    return [line for line in map(json.loads, lines) if line["event"] == event]


async def test_each_report_is_logged_with_the_documents_fields(
    house: Houses, capsys: pytest.CaptureFixture[str]
) -> None:
    async with house() as bank:
        answers = [await bank.send(report(), X_Request_Id="req-7") for _ in range(2)]
        first, again = await lines_of("payment_processed", capsys)

    assert first.pop("timestamp")
    assert first == {
        "event": "payment_processed",
        "level": "info",
        "logger": "tallystick.intake",
        "request_id": "req-7",
        "payment_id": answers[0].json["data"]["payment_id"],
        "reference_number": "PAY-2026-001",
        "amount": "1000.50",
        "source": "webhook",
        "channel": "default",
        "processing_time_ms": first["processing_time_ms"],
        "duplicate": False,
    }
    assert again["duplicate"] is True


async def test_a_report_that_fails_is_logged_with_the_documents_fields(
    house: Houses, owner_address: Address, capsys: pytest.CaptureFixture[str]
) -> None:
    owner = await connect(owner_address, server_settings={"search_path": owner_address.schema})
    async with house(webhook_timeout_ms=300) as bank:
        async with owner.transaction():
            await owner.execute("LOCK TABLE payment_references IN ACCESS EXCLUSIVE MODE")
            answer = await bank.send(report(), X_Request_Id="req-8")
            assert (answer.status, answer.code) == (504, "timed_out")
            told = capsys.readouterr()
        assert (await bank.send(report())).status == 200
    await owner.close()

    text = told.out + told.err
    assert "payment_processing_failed" in text
    for field in (
        "req-8",
        "reference_number",
        "error",
        "Traceback",
        "processing_time_ms",
        "client_ip",
    ):
        assert field in text
