"""Money that moved at the bank is in our books, whatever has become of the merchant's account."""

from uuid import UUID

import pytest

from tallystick.books import account_id, chart
from tallystick.journal import Change
from tallystick.ledger import Close, Freeze
from tallystick.ledger.model import Frozen
from tallystick.platform.ids import bucket_of, new_id
from tests.payments.desk import Desk

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("proven")]


def payable_of(desk: Desk) -> UUID:
    return account_id(desk.merchant.id, chart.payable_code(desk.merchant.id, "INR"))


async def change(desk: Desk, verb: Freeze | Close) -> None:
    change_id = new_id(desk.clock.now(), bucket_of(desk.merchant.id))
    await desk.operations.journal.record(Change(id=change_id, accounts=(verb,)))


@pytest.mark.parametrize("capture", [True, False], ids=["at once", "later"])
async def test_a_capture_for_a_closed_account_goes_to_suspense_without_a_fee(
    desk: Desk, capture: bool
) -> None:
    await change(desk, Close(payable_of(desk)))

    row = await desk.pay(10_000, capture=capture)
    if not capture:
        row = await desk.capture(row)

    assert (row.status, row.captured_minor, row.fee_minor) == ("captured", 10_000, 0)
    assert (await desk.suspense(), await desk.clearing(), await desk.fees()) == (10_000, 10_000, 0)
    events = await desk.payments.list_events(row.id)
    assert events[-1].data["booked_to"] == "suspense"


async def test_a_refund_that_a_frozen_account_will_not_pay_is_paid_by_suspense(
    desk: Desk,
) -> None:
    paid = await desk.pay(10_000)
    refund = await desk.refund(paid, amount_minor=4_251)  # given, and never answered
    await change(desk, Freeze(payable_of(desk), Frozen.ALL))

    await desk.recover()

    found = (await desk.refunds.get(refund.id)).row
    assert found.status == "succeeded"
    assert (await desk.payable(), await desk.reserved()) == (9_600, 0)
    assert (await desk.suspense(), await desk.clearing()) == (-4_251, 10_000 - 4_251)
    assert (await desk.look(paid)).refunded_minor == 4_251
