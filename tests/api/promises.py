"""What the tests of reservations and of transfers promise to a merchant."""

from typing import Any

from tallystick.app import App
from tallystick.books import PLATFORM, account_id, chart
from tallystick.identity import Merchant
from tallystick.platform.ids import typeid

RESERVATIONS = "/api/v1/reservations"
TRANSFERS = "/api/v1/transfers"
BULK = "/api/v1/transfers/bulk"


def promise_to(merchant: Merchant) -> dict[str, Any]:
    """Our bank will pay what we owe the merchant: any amount is possible."""
    bank = account_id(PLATFORM, chart.bank_code("INR"))
    payable = account_id(merchant.id, chart.payable_code(merchant.id, "INR"))
    return {
        "debit_account_id": typeid("acc", bank),
        "credit_account_id": typeid("acc", payable),
        "amount": 1_000,
        "currency": "INR",
        "code": "deposit",
        "expires_at": "2026-03-02T10:30:00Z",
    }


async def owed(app: App, merchant: Merchant) -> tuple[int, int]:
    """What the merchant is owed, and what is promised to it."""
    found = await app.ledger.find_account(
        account_id(merchant.id, chart.payable_code(merchant.id, "INR"))
    )
    assert found is not None
    return found.posted_minor, found.pending_in_minor


def key(merchant: Merchant, name: str) -> dict[str, str]:
    """An Idempotency-Key of this merchant's test."""
    return {"Idempotency_Key": f"{merchant.id} {name}"}
