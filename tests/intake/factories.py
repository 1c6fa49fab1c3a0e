"""Reports of payments as senders write them, and a room to record them in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tallystick.books import chart
from tallystick.intake import Channel, Recording, projections
from tallystick.intake.model import IntakeTerms, Receipt, ReportedPayment
from tallystick.journal import Change, Journal
from tallystick.platform.clock import Clock
from tallystick.platform.ids import new_id
from tallystick.platform.postgres.pools import Database

USD = IntakeTerms.of("USD", "UTC")
RECEIPT = Receipt(received_at=datetime(2026, 3, 2, 9, 30, tzinfo=UTC), request_id="req-1")


def make_body(**changes: Any) -> dict[str, Any]:
    """A webhook's decoded body; a change to None leaves the field out."""
    body = {
        "reference_number": "PAY-2026-001",
        "loan_account_number": "LA123456789",
        "cif": "CIF123456",
        "amount": Decimal("1000.50"),
        "payment_date": "2026-03-01T10:30:00Z",
        "payment_channel": "online_banking",
        "metadata": {"transaction_id": "TXN-001", "bank_code": "VCB"},
    }
    return {field: value for field, value in (body | changes).items() if value is not None}


def read_report(body: object, terms: IntakeTerms = USD) -> ReportedPayment:
    """The payment in a body that names its fields as document 000 does."""
    return Channel(name="test", terms=terms, header="x-signature").read(body)


def make_report(**changes: Any) -> ReportedPayment:
    return read_report(make_body(**changes))


@asynccontextmanager
async def open_recording(
    database: Database, clock: Clock, **terms: str
) -> AsyncIterator[Recording]:
    """The room over a journal of its own, with the platform's accounts open."""
    chosen = {"currency": "USD", "timezone": "UTC"} | terms
    async with Journal.open(
        database, clock, projections=projections, master_key=bytes(32)
    ) as journal:
        if not await database.fetchval("SELECT count(*) FROM ledger_accounts"):
            accounts = chart.platform_accounts([], [chosen["currency"]])
            await journal.record(Change(id=new_id(clock.now(), 0), accounts=accounts))
        yield Recording.over(journal, database, clock, **chosen)
