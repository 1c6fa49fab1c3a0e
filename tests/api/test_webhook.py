"""Document 000's webhook, word for word."""

import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest

from tallystick.app import App
from tallystick.platform.settings import secret
from tests.api import hostile_json
from tests.api.conftest import Answer, Caller

pytestmark = pytest.mark.anyio
PATH = "/api/v1/payments/webhook"
REPORT = {
    "reference_number": "PAY-2026-001",
    "loan_account_number": "LA123456789",
    "cif": "CIF123456",
    "amount": 1000.50,
    "payment_date": "2026-01-15T10:30:00Z",
    "payment_channel": "online_banking",
    "metadata": {"transaction_id": "TXN-001", "bank_code": "VCB"},
}


Sender = Callable[..., Awaitable[Answer]]


def sign(raw: bytes, app: App) -> str:
    key = secret(app.settings.webhook_auth_secret).encode()
    return f"sha256={hmac.new(key, raw, hashlib.sha256).hexdigest()}"


@pytest.fixture
def signed(app: App, anybody: Caller) -> Sender:
    """Sends as a provider that knows the secret."""

    async def send(body: object, **headers: str) -> Answer:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        signature = sign(raw, app)
        return await anybody.post(PATH, raw, **({"X_Signature": signature} | headers))

    return send


async def test_a_payment_is_created_once_and_a_duplicate_ever_after(
    signed: Sender, app: App
) -> None:
    first = await signed(REPORT)
    again = await signed(REPORT | {"amount": 7})

    assert first.status == again.status == 200
    assert first.json == {
        "success": True,
        "data": {"status": "created", "payment_id": first.json["data"]["payment_id"]},
        "processing_time_ms": first.json["processing_time_ms"],
    }
    UUID(first.json["data"]["payment_id"])
    assert again.json["data"] == first.json["data"] | {"status": "duplicate"}
    recorded = await app.recording.find_payment("PAY-2026-001")
    assert recorded is not None
    assert str(recorded.amount) == "1000.50"


async def test_a_signature_may_be_prefixed_or_bare(signed: Sender, app: App) -> None:
    raw = json.dumps(REPORT | {"reference_number": "bare"}).encode()
    bare = sign(raw, app).removeprefix("sha256=")

    assert (await signed(raw, X_Signature=bare)).status == 200


@pytest.mark.parametrize(
    "signature", ["", "sha256=", "sha256=" + "0" * 64, "0" * 63, "é", "sha1=" + "0" * 40, "null"]
)
async def test_a_wrong_signature_is_401_in_the_documents_words(
    signed: Sender, signature: str
) -> None:
    answer = await signed(REPORT, X_Signature=signature)

    assert answer.status == 401
    assert answer.json["error"] == "Authentication failed"
    assert answer.json["success"] is False
    assert isinstance(answer.json["processing_time_ms"], int)


async def test_without_a_signature_nothing_is_even_read(anybody: Caller, seller: Caller) -> None:
    for caller in (anybody, seller):
        assert (await caller.post(PATH, b"{not json")).status == 401


async def test_the_signature_is_over_the_very_bytes(signed: Sender, app: App) -> None:
    raw = json.dumps(REPORT).encode()
    signature = sign(raw, app)
    for place in range(0, len(raw), 7):
        changed = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        assert (await signed(changed, X_Signature=signature)).status == 401
    assert (await signed(raw + b" ", X_Signature=signature)).status == 401


async def test_wrong_fields_are_400_with_every_fault(signed: Sender) -> None:
    answer = await signed({"amount": "1", "cif": "", "payment_date": "yesterday"})

    assert answer.status == 400
    assert answer.json["error"] == "Invalid payment data"
    assert {detail["field"] for detail in answer.json["details"]} == {
        "reference_number", "loan_account_number", "cif", "amount", "payment_date",
    }  # fmt: skip


@pytest.mark.parametrize("reason", hostile_json.ALL)
async def test_hostile_json_is_400_in_the_documents_words(signed: Sender, reason: str) -> None:
    for body in hostile_json.ALL[reason]:
        answer = await signed(body)
        assert (answer.status, answer.json["error"]) == (400, "Validation failed"), body[:40]


@pytest.mark.parametrize(
    "amount",
    [b"0", b"-1", b"0.001", b"1e400", b"1e1000000", b"true", b"null", b'"5"', b"[]", b"1e15"],
)
async def test_an_amount_that_cannot_be_is_400(signed: Sender, amount: bytes) -> None:
    raw = json.dumps(REPORT | {"amount": "AMOUNT"}).encode().replace(b'"AMOUNT"', amount)
    answer = await signed(raw)

    assert (answer.status, answer.json["error"]) == (400, "Invalid payment data")
    assert [detail["field"] for detail in answer.json["details"]] == ["amount"]


async def test_anything_but_json_is_415(signed: Sender) -> None:
    assert (await signed(REPORT, Content_Type="text/plain")).code == "unsupported_media_type"
    assert (await signed(REPORT, Content_Encoding="gzip")).code == "unsupported_media_type"
