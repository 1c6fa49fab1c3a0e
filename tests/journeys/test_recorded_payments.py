"""A payment made elsewhere, told by a signed webhook: document 000's example to the letter."""

import hashlib
import hmac
import json
from datetime import UTC, datetime

import pytest

from tallystick.intake import ensure_partitions
from tallystick.platform.clock import HandClock
from tallystick.platform.postgres.address import Address
from tallystick.platform.settings import secret
from tests.servers.http_client import Answer
from tests.servers.served import Platform

pytestmark = pytest.mark.anyio

WEBHOOK = "/api/v1/payments/webhook"
EXAMPLE = b"""{
  "reference_number": "PAY-2024-001",
  "loan_account_number": "LA123456789",
  "cif": "CIF123456",
  "amount": 1000.50,
  "payment_date": "2024-01-15T10:30:00Z",
  "payment_channel": "online_banking",
  "metadata": {
    "transaction_id": "TXN-001",
    "bank_code": "VCB"
  }
}"""


@pytest.fixture
def clock() -> HandClock:
    """The day of the example."""
    return HandClock(datetime(2024, 1, 15, 10, 31, tzinfo=UTC))


@pytest.fixture(autouse=True)
async def months(owner_address: Address, clock: HandClock) -> None:
    """The months around that day, as the maintenance job makes them."""
    await ensure_partitions(owner_address, clock.now())


def sign(body: bytes, key: str) -> str:
    return f"sha256={hmac.new(key.encode(), body, hashlib.sha256).hexdigest()}"


async def told(platform: Platform, body: bytes, signature: str | None = None) -> Answer:
    """As a bank's system sends it: signed, and without any key of ours."""
    header = signature or sign(body, secret(platform.app.settings.webhook_auth_secret))
    return await platform.anybody.post(WEBHOOK, body, x_signature=header)


async def test_the_example_is_recorded_and_posted(platform: Platform) -> None:
    answer = await told(platform, EXAMPLE)

    assert answer.status == 200
    assert answer.json.keys() == {"success", "data", "processing_time_ms"}
    assert answer.json["success"] is True
    assert answer.json["data"].keys() == {"status", "payment_id"}
    assert answer.json["data"]["status"] == "created"
    row = await platform.app.recording.find_payment("PAY-2024-001")
    assert row is not None
    assert str(row.id) == answer.json["data"]["payment_id"]
    assert (str(row.amount), row.currency, row.source) == ("1000.50", "USD", "webhook")
    assert row.payment_date.replace(tzinfo=UTC) == datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
    assert json.loads(row.metadata or "")["bank_code"] == "VCB"
    await platform.app.delivery.drain("ledger")
    assert await platform.balance("channel:clearing:USD") == 100_050
    assert await platform.balance("loans:receivable:USD") == -100_050


async def test_the_same_reference_again_is_a_duplicate_of_it(platform: Platform) -> None:
    first = await told(platform, EXAMPLE)
    again = await told(platform, EXAMPLE)
    changed = await told(platform, EXAMPLE.replace(b"1000.50", b"2000.50"))

    for answer in (again, changed):
        assert (answer.status, answer.json["data"]["status"]) == (200, "duplicate")
        assert answer.json["data"]["payment_id"] == first.json["data"]["payment_id"]
    await platform.app.delivery.drain("ledger")
    assert await platform.balance("channel:clearing:USD") == 100_050


async def test_a_wrong_signature_is_401_and_nothing_is_recorded(platform: Platform) -> None:
    for signature in ("sha256=" + "0" * 64, "nonsense", sign(EXAMPLE, "another secret")):
        answer = await told(platform, EXAMPLE, signature)
        assert (answer.status, answer.json["error"]) == (401, "Authentication failed")
    unsigned = await platform.anybody.post(WEBHOOK, EXAMPLE)
    assert unsigned.status == 401

    assert await platform.app.recording.find_payment("PAY-2024-001") is None


async def test_what_is_wrong_with_the_fields_is_named(platform: Platform) -> None:
    body = json.dumps({"reference_number": "", "amount": -1, "payment_date": "never"}).encode()

    answer = await told(platform, body)

    assert (answer.status, answer.json["error"]) == (400, "Invalid payment data")
    assert {detail["field"] for detail in answer.json["details"]} == {
        "reference_number",
        "loan_account_number",
        "cif",
        "amount",
        "payment_date",
    }


async def test_the_other_example_addresses_answer_for_it(platform: Platform) -> None:
    """Document 000's further webhook addresses, with its own reference and channel."""
    header = sign(EXAMPLE, secret(platform.app.settings.webhook_auth_secret))
    told_by_channel = await platform.anybody.post(
        f"{WEBHOOK}/online_banking", EXAMPLE, x_signature=header
    )
    payment_id = told_by_channel.json["data"]["payment_id"]
    duplicate = await platform.operator.get(f"{WEBHOOK}/duplicate/PAY-2024-001")
    payment = await platform.operator.get(f"{WEBHOOK}/payment/PAY-2024-001")
    stats = await platform.operator.get(f"{WEBHOOK}/stats")

    assert told_by_channel.json["data"]["status"] == "created"
    assert (await told(platform, EXAMPLE)).json["data"]["payment_id"] == payment_id
    assert duplicate.json["data"]["is_duplicate"] is True
    shown = payment.json["data"]
    sent = json.loads(EXAMPLE)
    assert shown["metadata"].items() >= sent.pop("metadata").items()
    assert shown["id"] == payment_id
    assert shown.items() >= sent.items()
    assert stats.json["success"] is True
    assert stats.json["data"]["created"] >= 1
