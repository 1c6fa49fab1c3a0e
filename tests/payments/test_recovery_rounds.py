"""The rounds of recovery: one step of the schedule a look, and a look before every verb."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from tallystick.payments import Operations, PaymentRow, Payments, PaymentsError, Recovery, Refunds
from tallystick.rails import Declined, Outcome, Rails, Unanswered, VoidOrder
from tests.payments.desk import Desk, all_of
from tests.payments.troubled_rails import FrozenRails, silent

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("settled")]

SCHEDULE_S = (60, 300, 3_600, 86_400, 86_400)


@dataclass(frozen=True)
class BusyRails(Rails):
    """The real rails, but nobody takes a void: surely not done, and worth another try."""

    async def void(self, order: VoidOrder) -> Outcome:
        return Declined("route_busy", retryable=True, provider_code="busy")


@pytest.fixture
async def settled(desk: Desk, proven: None) -> AsyncIterator[None]:
    """After the test the banks are asked until nothing is open, and then everything proves."""
    yield
    for _ in range(3):
        await desk.recover(timedelta(days=1))


@dataclass(frozen=True)
class SlowSilentRails(Rails):
    """No bank answers, and everybody has asked before anybody knows that."""

    everybody: asyncio.Barrier = field(default_factory=lambda: asyncio.Barrier(4))

    async def find(self, route: str, reference: str) -> Outcome:
        await self.everybody.wait()
        return Unanswered("line_down")


def busy(operations: Operations) -> Operations:
    rails = operations.rails
    return replace(operations, rails=BusyRails(rails.routes, rails.providers))


def wait_s(row: PaymentRow) -> float:
    """How long after the last look the next one is due."""
    assert row.due_at is not None
    return (row.due_at - row.updated_at).total_seconds()


class TestTheSchedule:
    async def test_every_look_is_one_step_on_and_then_daily(self, desk: Desk) -> None:
        row = await desk.pay(token="tok_slow")
        recovery = Recovery(silent(desk.operations))

        waited = []
        for _ in SCHEDULE_S:
            waited.append(wait_s(row))
            desk.clock.advance(timedelta(seconds=waited[-1]))
            await recovery.run_once()
            row = await desk.look(row)

        assert tuple(waited) == SCHEDULE_S

    async def test_several_workers_who_look_at_once_are_one_look(self, desk: Desk) -> None:
        row = await desk.pay(token="tok_slow")
        desk.clock.advance(timedelta(seconds=60))
        rails = desk.operations.rails
        deaf = replace(desk.operations, rails=SlowSilentRails(rails.routes, rails.providers))

        await all_of(*(Recovery(deaf).run_once() for _ in range(4)))

        found = await desk.look(row)
        assert (found.the_operation().checks, wait_s(found)) == (2, 300)

    async def test_several_looks_at_a_refund_are_one_look(self, desk: Desk) -> None:
        refund = await desk.refund(await desk.pay(), amount_minor=4_251)
        desk.clock.advance(timedelta(seconds=60))
        rails = desk.operations.rails
        deaf = replace(desk.operations, rails=SlowSilentRails(rails.routes, rails.providers))

        await all_of(*(Recovery(deaf).run_once() for _ in range(4)))

        found = (await desk.refunds.get(refund.id)).row
        assert found.the_operation().checks == 2

    async def test_to_give_up_is_not_a_look(self, desk: Desk) -> None:
        row = await desk.pay(token="tok_slow")
        row = (await Payments(silent(desk.operations)).cancel(row.id)).row
        assert row.the_operation().checks == 1

        desk.clock.advance(timedelta(seconds=60))
        await Recovery(silent(desk.operations)).run_once()

        assert wait_s(await desk.look(row)) == 300


class TestBeforeAVerb:
    async def test_an_open_refund_is_asked_about_before_the_next_one(self, desk: Desk) -> None:
        paid = await desk.pay(10_000)
        await desk.pay(10_000)  # so that the merchant has it to give back
        # The bank refuses it, and its word is lost.
        first = await desk.refund(paid, amount_minor=4_260)
        assert first.status == "pending"
        desk.clock.advance(timedelta(seconds=31))  # the bank's "not found" counts by now

        second = await desk.refund(await desk.look(paid))

        assert (await desk.refunds.get(first.id)).row.status == "failed"
        assert (second.status, second.amount_minor) == ("succeeded", 10_000)

    async def test_an_open_refund_is_asked_about_before_a_reversal(self, desk: Desk) -> None:
        paid = await desk.pay(10_000)
        await desk.pay(10_000)
        first = await desk.refund(paid, amount_minor=4_260)
        desk.clock.advance(timedelta(seconds=31))

        reversal = await desk.payments.reversals.reverse(paid.id)

        assert (await desk.refunds.get(first.id)).row.status == "failed"
        assert reversal.refund is not None
        assert reversal.refund.row.amount_minor == 10_000

    async def test_what_stays_open_keeps_its_money(self, desk: Desk) -> None:
        paid = await desk.pay(10_000)
        await desk.refund(paid, amount_minor=4_251)

        with pytest.raises(PaymentsError) as refused:
            await Refunds(silent(desk.operations)).create(paid.id, amount_minor=10_000)

        assert refused.value.code == "refund_exceeds_captured"


class TestTheLateApprovalOfABusyBank:
    async def test_is_voided_as_soon_as_the_bank_takes_a_void(self, desk: Desk) -> None:
        row = await desk.hold(token="tok_charge_then_drop")
        await Payments(silent(desk.operations)).cancel(row.id)
        desk.clock.advance(timedelta(seconds=61))
        await Recovery(busy(desk.operations)).run_once()
        assert await desk.bank_says(row) == (10_000, 0, 0, False)

        await desk.recover()

        found = await desk.look(row)
        assert (found.status, found.operation) == ("cancelled", None)
        assert await desk.bank_says(found) == (10_000, 0, 0, True)

    async def test_what_has_run_out_is_voided_as_well(self, desk: Desk) -> None:
        row = await desk.hold()
        desk.clock.advance(timedelta(days=7, seconds=1))
        await Recovery(busy(desk.operations)).run_once()
        assert (await desk.look(row)).status == "authorized"

        await desk.recover()

        assert (await desk.look(row)).status == "expired"
        assert await desk.bank_says(row) == (10_000, 0, 0, True)


async def test_what_an_intent_was_paid_by_in_the_meantime_is_the_only_payment_that_stays(
    desk: Desk,
) -> None:
    rails = FrozenRails(desk.operations.rails.routes, desk.operations.rails.providers)
    frozen = replace(desk.intents, operations=replace(desk.operations, rails=rails))
    wish = await desk.intents.create(desk.merchant, amount_minor=10_000, currency="INR")
    asking = asyncio.create_task(
        frozen.confirm(desk.merchant, wish.row.id, payment_method="tok_visa")
    )
    await rails.frozen.wait()
    (first,) = (await desk.payments.list_payments(None)).rows
    await desk.recover()  # the bank knows of nothing, and is believed
    paid = await desk.intents.confirm(desk.merchant, wish.row.id, payment_method="tok_visa")
    assert paid.row.status == "succeeded"

    rails.thawed.set()  # and the first order goes out at last
    await asking

    undone = await desk.look(first)
    assert (undone.status, undone.refunded_minor) == ("refunded", 10_000)
    assert await desk.bank_says(undone) == (10_000, 10_000, 10_000, False)
    intent = (await desk.intents.get(wish.row.id)).row
    assert (intent.status, intent.payment_id) == ("succeeded", paid.row.payment_id)
    assert (await desk.clearing(), await desk.suspense()) == (10_000, 0)
