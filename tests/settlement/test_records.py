"""A settlement record for every captured payment, kept up as its money comes and goes."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tallystick.app import App, open_app
from tallystick.identity import FeePlan, Merchant
from tallystick.journal import Origin, Told
from tallystick.payments import PaymentRow
from tallystick.payments.facts import Captured
from tallystick.platform.clock import HandClock
from tallystick.platform.ids import new_id
from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.pools import connect
from tallystick.platform.settings import Settings
from tallystick.sandbox import Pace, Sandbox, serve_sandbox
from tallystick.settlement import SettlementRecord, find_record
from tallystick.settlement.consumer import decide_records
from tests.servers.served import require_proven

pytestmark = pytest.mark.anyio
CONSUMER = "settlement_records"


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with serve_sandbox(tmp_path / "banks", pace=Pace(calm=True), durable=False) as sandbox:
        yield sandbox


@pytest.fixture
async def app(
    settings: Settings, sandbox: Sandbox, address: Address, clock: HandClock
) -> AsyncIterator[App]:
    chosen = settings.model_copy(update={"sandbox_port": sandbox.port})
    async with open_app(chosen, address=address, clock=clock) as app:
        yield app


@pytest.fixture
async def merchant(app: App) -> Merchant:
    """At 3 % and 100 minor units."""
    return await app.merchants.onboard("Chai & Sons", "merchant_1", ["INR"], FeePlan(300, 100))


async def pay(app: App, merchant: Merchant, *, capture: bool = True) -> PaymentRow:
    answer = await app.payments.create(
        merchant, amount_minor=10_000, currency="INR", payment_method="tok_visa", capture=capture
    )
    return answer.row


async def record_of(app: App, payment: PaymentRow) -> SettlementRecord:
    await app.delivery.drain(CONSUMER)
    record = await find_record(app.database, payment.id)
    assert record is not None
    return record


async def test_a_captured_payment_has_a_record(app: App, merchant: Merchant) -> None:
    payment = await pay(app, merchant)

    record = await record_of(app, payment)

    assert (record.merchant_id, record.currency) == (merchant.id, "INR")
    assert (record.captured_minor, record.fee_minor, record.returned_minor) == (10_000, 400, 0)
    assert (record.status, record.net_minor) == ("pending", 9_600)
    await require_proven(app)


async def test_a_payment_that_is_not_captured_has_none(app: App, merchant: Merchant) -> None:
    payment = await pay(app, merchant, capture=False)

    await app.delivery.drain(CONSUMER)

    assert await find_record(app.database, payment.id) is None


async def test_captures_in_parts_and_refunds_are_counted_once_each(
    app: App, merchant: Merchant, owner_address: Address
) -> None:
    payment = await pay(app, merchant, capture=False)
    await app.payments.capture(payment.id, amount_minor=4_000)
    await app.delivery.drain(CONSUMER)
    await app.payments.capture(payment.id, amount_minor=6_000)
    await app.refunds.create(payment.id, amount_minor=2_500)
    before = await record_of(app, payment)
    owner = await connect(owner_address, server_settings={"search_path": owner_address.schema})
    await owner.execute("DELETE FROM delivery_positions; DELETE FROM journal_claims")
    await owner.close()

    record = await record_of(app, payment)  # all of it is read again, and no claim stands

    assert record == before
    assert (record.captured_minor, record.returned_minor) == (10_000, 2_500)
    assert record.status == "pending"


async def test_a_payment_that_went_back_whole_is_not_settled(app: App, merchant: Merchant) -> None:
    await pay(app, merchant)  # the merchant can cover the fee
    payment = await pay(app, merchant)
    await app.refunds.create(payment.id)

    record = await record_of(app, payment)

    assert (record.status, record.returned_minor) == ("cancelled", 10_000)
    await require_proven(app)


async def test_a_capture_without_its_payments_terms_is_not_passed_over(app: App) -> None:
    stranger = Told(
        *(0, 1, new_id(app.clock.now(), 0), 2, "payment.captured", 1),
        Captured(10_000, 400, new_id(app.clock.now(), 0), "ref"),
        Origin(),
        app.clock.now(),
    )

    with pytest.raises(KeyError):
        await decide_records([stranger], app.database)


async def test_the_proof_finds_a_record_that_lost_a_capture(
    app: App, merchant: Merchant, owner_address: Address
) -> None:
    await record_of(app, await pay(app, merchant))
    owner = await connect(owner_address, server_settings={"search_path": owner_address.schema})
    await owner.execute("UPDATE settlement_records SET captured_minor = captured_minor - 1")
    await owner.close()

    proof = await app.prove()

    red = {check.name for check in proof.checks if not check.green}
    assert red >= {"settlement_records_counted"}
