"""A bank says late that a capture brought no money: what was posted is undone."""

from datetime import timedelta

import pytest

from tallystick.books import account_id, chart
from tallystick.journal import Refused
from tallystick.payments import PaymentsError
from tallystick.payments.fees.releases import Releases
from tests.payments.desk import Desk, a_key, all_of
from tests.payments.test_advances import paid_out
from tests.payments.test_fee_plans import FULL, balance, freeze, reserved, set_plan

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("proven")]


async def released(desk: Desk) -> int:
    """How many reserves the job looked at."""
    operations = desk.operations
    releases = Releases(operations.journal, operations.database, operations.clock)
    return await releases.release_due(100)


async def test_everybody_gives_back_what_he_got(desk: Desk) -> None:
    await set_plan(desk, 200, fixed_minor=300, tax_bp=1_800)
    row = await desk.pay(10_000)
    done = (await desk.payments.late_failures.record(row.id, "recalled")).row

    assert (done.status, done.failure_code) == ("failed", "recalled")
    assert (await desk.payable(), await desk.fees(), await desk.clearing()) == (0, 0, 0)
    assert await balance(desk, chart.tax_code("INR")) == 0
    assert await desk.suspense() == 0


async def test_suspense_gives_what_the_merchant_has_not_got(desk: Desk) -> None:
    row = await desk.pay(10_000)
    await paid_out(desk, 9_000)
    await desk.payments.late_failures.record(row.id, "returned_unpaid")

    assert (await desk.payable(), await desk.suspense(), await desk.clearing()) == (0, -9_000, 0)


async def test_its_own_reserve_is_taken_before_what_the_merchant_has(desk: Desk) -> None:
    await set_plan(desk, 200, **FULL)
    row = await desk.pay(10_000)
    await desk.pay(10_000)
    before = await desk.payable()
    await desk.payments.late_failures.record(row.id, "recalled")

    assert (await reserved(desk), await desk.suspense()) == (1_000, 0)
    assert await desk.payable() == before - 10_000 + 1_000 + row.fee_minor + row.charged.tax_minor
    assert await desk.clearing() == 10_000
    desk.clock.advance(timedelta(days=8))
    assert await released(desk) == 1  # the other payment's


async def test_a_reserve_that_was_released_is_the_merchants_to_give(desk: Desk) -> None:
    await set_plan(desk, 200, **FULL)
    row = await desk.pay(10_000)
    desk.clock.advance(timedelta(days=8))
    assert await released(desk) == 1
    await desk.payments.late_failures.record(row.id, "recalled")

    assert (await reserved(desk), await desk.payable(), await desk.suspense()) == (0, 0, 0)


async def test_the_job_and_a_late_failure_never_move_a_reserve_twice(desk: Desk) -> None:
    await set_plan(desk, 200, **FULL)
    row = await desk.pay(10_000)
    desk.clock.advance(timedelta(days=8))
    await all_of(
        released(desk), desk.payments.late_failures.record(row.id, "recalled"), released(desk)
    )

    assert (await reserved(desk), await desk.payable(), await desk.clearing()) == (0, 0, 0)


async def test_the_rest_that_no_capture_took_is_voided_at_the_bank(desk: Desk) -> None:
    row = await desk.hold(10_000)
    await desk.capture(row, amount_minor=4_000)
    done = (await desk.payments.late_failures.record(row.id, "recalled")).row

    assert (done.status, done.running, done.held_minor) == ("failed", None, 0)
    assert (await desk.bank_says(done))[3]
    assert (await desk.payable(), await desk.clearing()) == (0, 0)


async def test_what_went_to_suspense_comes_from_there(desk: Desk) -> None:
    payable = account_id(desk.merchant.id, chart.payable_code(desk.merchant.id, "INR"))
    await freeze(desk, payable)
    row = await desk.pay(10_000)
    assert await desk.suspense() == 10_000

    await desk.payments.late_failures.record(row.id, "recalled")

    assert (await desk.suspense(), await desk.clearing()) == (0, 0)


async def test_a_frozen_account_refuses_and_nothing_changes(desk: Desk) -> None:
    row = await desk.pay(10_000)
    payable = account_id(desk.merchant.id, chart.payable_code(desk.merchant.id, "INR"))
    await freeze(desk, payable)

    with pytest.raises(Refused):
        await desk.payments.late_failures.record(row.id, "recalled")
    assert await desk.look(row) == row


async def test_its_intent_may_be_paid_again(desk: Desk) -> None:
    wish = await desk.intents.create(desk.merchant, amount_minor=10_000, currency="INR")
    intent_id = wish.row.id
    paid = await desk.intents.confirm(desk.merchant, intent_id, payment_method="tok_visa")
    assert paid.row.payment_id is not None
    await desk.payments.late_failures.record(paid.row.payment_id, "rejected_late")

    failed = (await desk.intents.get(intent_id)).row
    assert (failed.status, failed.failure_code) == ("requires_payment_method", "rejected_late")
    again = await desk.intents.confirm(desk.merchant, intent_id, payment_method="tok_visa")
    assert again.row.status == "succeeded"


async def test_it_is_recorded_once(desk: Desk) -> None:
    row, key = await desk.pay(10_000), a_key()
    first = await desk.payments.late_failures.record(row.id, "recalled", asked=key)
    again = await desk.payments.late_failures.record(row.id, "recalled", asked=key)

    assert (again.row, again.replayed) == (first.row, True)
    with pytest.raises(PaymentsError) as refused:
        await desk.payments.late_failures.record(row.id, "recalled", asked=a_key())
    assert refused.value.code == "payment_not_failable"


async def test_not_what_was_given_back_already_or_never_came(desk: Desk) -> None:
    refunded = await desk.pay(10_000)
    await desk.refund(refunded, amount_minor=100)
    for row in (refunded, await desk.hold(), await desk.pay(token="tok_declined")):
        with pytest.raises(PaymentsError) as refused:
            await desk.payments.late_failures.record(row.id, "recalled")
        assert refused.value.code == "payment_not_failable"


async def test_not_for_a_reason_nobody_knows(desk: Desk) -> None:
    row = await desk.pay(10_000)
    with pytest.raises(PaymentsError) as refused:
        await desk.payments.late_failures.record(row.id, "a card number 4111")
    assert refused.value.code == "invalid_reason"
