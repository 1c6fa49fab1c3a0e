"""Refunds that a bank never got, and rails in trouble for who deals with them."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from tallystick.books import account_id, chart
from tallystick.journal import Change
from tallystick.ledger import Freeze
from tallystick.ledger.model import Frozen
from tallystick.payments import PaymentRow, PaymentsError, Recovery, RefundRow, Refunds
from tallystick.platform.ids import bucket_of, new_id
from tallystick.rails import Rails
from tests.payments.desk import Desk
from tests.payments.test_fee_plans import set_plan
from tests.payments.troubled_rails import (
    FrozenLooks,
    FrozenRefunds,
)

LOST, DONE_AND_UNANSWERED, DECLINED = 4_252, 4_251, 4_201
SETTLED = timedelta(seconds=31)
LOOKS_S = (60, 300, 3_600, 86_400)


async def lost(desk: Desk, amount_minor: int = LOST) -> tuple[PaymentRow, RefundRow]:
    """A refund whose order never reached its bank, or whose answer never came."""
    row = await desk.pay(10_000)
    refund = await desk.refund(row, amount_minor=amount_minor)
    assert (refund.status, await desk.reserved()) == ("pending", amount_minor)
    return row, refund


async def look_at(desk: Desk, refund: RefundRow) -> RefundRow:
    return (await desk.refunds.get(refund.id)).row


async def call_off(desk: Desk, refund: RefundRow) -> RefundRow:
    desk.clock.advance(SETTLED)
    return (await desk.refunds.cancel(refund.id)).row


async def refusal(refunds: Refunds, refund_id: UUID, merchant_id: UUID | None = None) -> str:
    with pytest.raises(PaymentsError) as refused:
        await refunds.cancel(refund_id, merchant_id=merchant_id)
    return refused.value.code


def on(desk: Desk, rails: type[Rails], **more: Any) -> Desk:
    """The same desk on other rails."""
    real = desk.operations.rails
    operations = replace(desk.operations, rails=rails(real.routes, real.providers, **more))
    return replace(
        desk, operations=operations, refunds=Refunds(operations), recovery=Recovery(operations)
    )


async def freeze_payable(desk: Desk) -> None:
    payable = account_id(desk.merchant.id, chart.payable_code(desk.merchant.id, "INR"))
    change_id = new_id(desk.clock.now(), bucket_of(desk.merchant.id))
    change = Change(id=change_id, accounts=(Freeze(payable, Frozen.ALL),))
    await desk.operations.journal.record(change)


async def lost_with_fees(desk: Desk) -> tuple[PaymentRow, RefundRow]:
    """As `lost`, of a merchant to whom the fee comes back."""
    await set_plan(desk, 200, tax_bp=1_800, on_refund="returned")
    row = await desk.pay(10_000)
    refund = await desk.refund(row, amount_minor=LOST)
    assert (refund.status, refund.fee_minor, refund.tax_minor) == ("pending", 85, 15)
    return row, refund


async def frozen(desk: Desk) -> None:
    rails = desk.operations.rails
    assert isinstance(rails, FrozenLooks | FrozenRefunds)
    await rails.frozen.wait()


def thaw(desk: Desk) -> None:
    rails = desk.operations.rails
    assert isinstance(rails, FrozenLooks | FrozenRefunds)
    rails.thawed.set()
