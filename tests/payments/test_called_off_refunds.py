"""Refunds called off: while no bank has them, in every order of those who are at it."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from tallystick.books import account_id, chart
from tallystick.journal import Change, Origin
from tallystick.journal.model import KeyReused
from tallystick.ledger import Freeze
from tallystick.ledger.model import Frozen
from tallystick.payments import PaymentRow, PaymentsError, Recovery, RefundRow, Refunds
from tallystick.platform.ids import bucket_of, new_id
from tallystick.rails import Approved, Declined, Outcome, Pending, Rails
from tests.payments.desk import Desk, a_key, all_of, codes, rows
from tests.payments.test_deaths import Died
from tests.payments.test_fee_plans import set_plan
from tests.payments.troubled_rails import (
    DeafRails,
    FrozenLooks,
    FrozenRefunds,
    SayingRails,
    silent,
)

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("proven")]

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


class TestCallingOff:
    async def test_what_no_bank_has_is_the_merchants_again(self, desk: Desk) -> None:
        row, refund = await lost(desk)

        cancelled = await call_off(desk, refund)

        assert (cancelled.status, cancelled.operation) == ("cancelled", None)
        assert (await desk.payable(), await desk.reserved()) == (9_600, 0)
        assert (await desk.look(row)).refundable_minor == 10_000
        assert (await desk.refund(row, amount_minor=4_000)).status == "succeeded"
        assert await desk.bank_says(row) == (10_000, 10_000, 4_000, False)

    async def test_fee_and_tax_that_were_to_come_back_stay_with_the_platform(
        self, desk: Desk
    ) -> None:
        row, refund = await lost_with_fees(desk)

        await call_off(desk, refund)

        assert (await desk.look(row)).fee_back.fee_minor == 0
        assert (await desk.fees(), await desk.payable()) == (200, 9_764)

    async def test_the_call_that_asked_for_it_is_answered_with_it(self, desk: Desk) -> None:
        row, key = await desk.pay(10_000), a_key()
        first = await desk.refunds.create(row.id, amount_minor=LOST, asked=key)

        await call_off(desk, first.row)

        again = await desk.refunds.create(row.id, amount_minor=LOST, asked=key)
        assert (again.replayed, again.row.status) == (True, "cancelled")

    async def test_its_repeats_are_answered_alike(self, desk: Desk) -> None:
        _, refund = await lost(desk)
        desk.clock.advance(SETTLED)
        key = a_key()

        answers = [await desk.refunds.cancel(refund.id, asked=key) for _ in range(3)]

        assert [answer.replayed for answer in answers] == [False, True, True]
        assert {answer.row for answer in answers} == {answers[0].row}
        with pytest.raises(KeyReused):
            await desk.refunds.cancel(refund.id, asked=a_key(key.scope, key.key, b'{"a":1}'))

    async def test_nobody_else_can(self, desk: Desk) -> None:
        _, refund = await lost(desk)
        desk.clock.advance(SETTLED)

        stranger = new_id(desk.clock.now(), 0)
        assert await refusal(desk.refunds, refund.id, stranger) == "refund_not_found"
        assert (await look_at(desk, refund)).status == "pending"

    async def test_what_has_ended_is_not(self, desk: Desk) -> None:
        row, refund = await lost(desk)
        await call_off(desk, refund)
        ended = [
            refund,
            await desk.refund(row, amount_minor=1_000),
            await desk.refund(row, amount_minor=DECLINED),
        ]

        told = [await refusal(desk.refunds, one.id) for one in ended]

        assert told == ["refund_not_cancellable"] * 3
        states = [(await look_at(desk, one)).status for one in ended]
        assert states == ["cancelled", "succeeded", "failed"]


async def lost_with_fees(desk: Desk) -> tuple[PaymentRow, RefundRow]:
    """As `lost`, of a merchant to whom the fee comes back."""
    await set_plan(desk, 200, tax_bp=1_800, on_refund="returned")
    row = await desk.pay(10_000)
    refund = await desk.refund(row, amount_minor=LOST)
    assert (refund.status, refund.fee_minor, refund.tax_minor) == ("pending", 85, 15)
    return row, refund


class TestInDoubt:
    async def test_not_found_is_not_believed_at_once(self, desk: Desk) -> None:
        _, refund = await lost(desk)

        assert await refusal(desk.refunds, refund.id) == "refund_in_doubt"
        assert await look_at(desk, refund) == refund

    @pytest.mark.parametrize(
        "says", [Pending(), Declined("route_busy", True, "429")], ids=["in hand", "busy"]
    )
    async def test_while_a_bank_may_have_it_nothing_changes(
        self, desk: Desk, says: Outcome
    ) -> None:
        _, refund = await lost(desk)
        desk.clock.advance(SETTLED)

        saying = on(desk, SayingRails, says=says)

        assert await refusal(saying.refunds, refund.id) == "refund_in_doubt"
        assert await look_at(desk, refund) == refund

    async def test_nor_while_it_cannot_be_asked(self, desk: Desk) -> None:
        _, refund = await lost(desk)
        desk.clock.advance(SETTLED)

        away = Refunds(silent(desk.operations))

        assert await refusal(away, refund.id) == "refund_in_doubt"
        assert await look_at(desk, refund) == refund

    async def test_asking_again_begins_the_doubt_anew(self, desk: Desk) -> None:
        _, refund = await lost(desk)
        await on(desk, DeafRails).recover()

        assert await refusal(desk.refunds, refund.id) == "refund_in_doubt"

        assert (await call_off(desk, refund)).status == "cancelled"


class TestWhatTheBankSaysIsRecorded:
    async def test_paid(self, desk: Desk) -> None:
        row, refund = await lost(desk, DONE_AND_UNANSWERED)

        assert await refusal(desk.refunds, refund.id) == "refund_not_cancellable"

        assert (await look_at(desk, refund)).status == "succeeded"
        assert (await desk.look(row)).refunded_minor == DONE_AND_UNANSWERED

    async def test_refused(self, desk: Desk) -> None:
        _, refund = await lost(desk)
        saying = on(desk, SayingRails, says=Declined("card_declined", False, "05"))

        assert await refusal(saying.refunds, refund.id) == "refund_not_cancellable"

        found = await look_at(desk, refund)
        assert (found.status, found.failure_code) == ("failed", "card_declined")
        assert (await desk.payable(), await desk.reserved()) == (9_600, 0)


class TestRaces:
    async def test_recovery_does_not_ask_for_what_was_called_off_meanwhile(
        self, desk: Desk
    ) -> None:
        row, refund = await lost(desk)
        desk.clock.advance(timedelta(seconds=61))
        slow = on(desk, FrozenLooks)
        recovering = asyncio.create_task(slow.recovery.run_once())
        await frozen(slow)

        await desk.refunds.cancel(refund.id)
        thaw(slow)
        await recovering

        assert (await look_at(desk, refund)).status == "cancelled"
        assert await desk.bank_says(row) == (10_000, 10_000, 0, False)

    async def test_what_recovery_has_asked_for_meanwhile_is_not_called_off(
        self, desk: Desk
    ) -> None:
        row, refund = await lost(desk)
        desk.clock.advance(timedelta(seconds=61))
        slow = on(desk, FrozenLooks)
        cancelling = asyncio.create_task(refusal(slow.refunds, refund.id))
        await frozen(slow)

        await desk.recovery.run_once()
        thaw(slow)

        assert await cancelling == "refund_not_cancellable"
        assert (await look_at(desk, refund)).status == "succeeded"
        assert await desk.bank_says(row) == (10_000, 10_000, LOST, False)

    async def test_many_at_once_come_to_one_end(self, desk: Desk) -> None:
        row, refund = await lost(desk)
        desk.clock.advance(timedelta(seconds=61))

        said = await all_of(
            *[desk.refunds.cancel(refund.id) for _ in range(3)],
            *[desk.recovery.run_once() for _ in range(3)],
        )

        end = (await look_at(desk, refund)).status
        assert (end, len(rows(said))) in (("cancelled", 1), ("succeeded", 0))
        assert set(codes(said[:3])) <= {"refund_not_cancellable", "refund_in_doubt"}
        assert [looks for looks in said[3:] if isinstance(looks, BaseException)] == []
        refunded = LOST if end == "succeeded" else 0
        assert await desk.bank_says(row) == (10_000, 10_000, refunded, False)


async def frozen(desk: Desk) -> None:
    rails = desk.operations.rails
    assert isinstance(rails, FrozenLooks | FrozenRefunds)
    await rails.frozen.wait()


def thaw(desk: Desk) -> None:
    rails = desk.operations.rails
    assert isinstance(rails, FrozenLooks | FrozenRefunds)
    rails.thawed.set()


class TestPaidAfterAll:
    @pytest.mark.parametrize("payable_gives", [True, False], ids=["payable", "suspense"])
    async def test_an_asker_who_wakes_after_the_cancellation_records_what_he_hears(
        self, desk: Desk, payable_gives: bool
    ) -> None:
        row = await desk.pay(10_000)
        slow = on(desk, FrozenRefunds)
        asking = asyncio.create_task(slow.refund(row, amount_minor=4_000))
        await frozen(slow)
        (refund,) = await desk.refunds.list_refunds(row.id)
        assert (await call_off(desk, refund)).status == "cancelled"
        if not payable_gives:
            await freeze_payable(desk)

        thaw(slow)

        assert (await asking).status == "succeeded"
        assert (await desk.look(row)).refunded_minor == 4_000
        assert await desk.bank_says(row) == (10_000, 10_000, 4_000, False)
        left = (5_600, 0) if payable_gives else (9_600, -4_000)
        assert (await desk.payable(), await desk.suspense()) == left
        assert await desk.clearing() == 6_000

    async def test_one_who_asked_again_and_froze_records_it_too(self, desk: Desk) -> None:
        row, refund = await lost(desk)
        slow = on(desk, FrozenRefunds)
        recovering = asyncio.create_task(slow.recover())
        await frozen(slow)
        assert (await call_off(desk, refund)).status == "cancelled"

        thaw(slow)
        await recovering

        assert (await look_at(desk, refund)).status == "succeeded"
        assert (await desk.look(row)).refunded_minor == LOST
        assert await desk.payable() == 9_600 - LOST

    async def test_recovery_finds_it_when_the_asker_died(self, desk: Desk) -> None:
        row, refund = await lost(desk)
        await call_off(desk, refund)
        paid = on(desk, SayingRails, says=Approved("late-1"))

        await paid.recover()

        found = await look_at(desk, refund)
        assert (found.status, found.provider_reference, found.due_at) == (
            "succeeded",
            "late-1",
            None,
        )
        assert (await desk.look(row)).status == "partially_refunded"
        assert (await desk.payable(), await desk.clearing()) == (9_600 - LOST, 10_000 - LOST)

    async def test_fee_and_tax_come_back_after_all(self, desk: Desk) -> None:
        row, refund = await lost_with_fees(desk)
        await call_off(desk, refund)

        await on(desk, SayingRails, says=Approved("late-1")).recover()

        assert (await desk.look(row)).fee_back.fee_minor == 85
        assert (await desk.fees(), await desk.payable()) == (115, 9_764 - (LOST - 100))

    async def test_what_the_payment_has_no_room_for_is_paid_by_suspense_and_seen_to(
        self, desk: Desk
    ) -> None:
        row, refund = await lost(desk)
        await call_off(desk, refund)
        await desk.pay(1_000)
        await desk.refund(row)
        paid = on(desk, SayingRails, says=Approved("late-1"))

        await paid.recover()

        found = await look_at(desk, refund)
        assert (found.status, found.failure_code) == ("succeeded", "refund_exceeds_captured")
        assert (await desk.look(row)).refunded_minor == 10_000
        assert await desk.suspense() == -LOST
        cases = await desk.operations.database.fetch("SELECT object_id, cause FROM payment_cases")
        assert [tuple(case) for case in cases] == [(refund.id, "outcome_contradicted")]


class TestTheWatch:
    async def test_it_ends_with_the_schedule(self, desk: Desk) -> None:
        _, refund = await lost(desk)
        await call_off(desk, refund)

        for pause_s in LOOKS_S:
            assert (await look_at(desk, refund)).due_at is not None
            await desk.recover(timedelta(seconds=pause_s))

        found = await look_at(desk, refund)
        assert (found.status, found.due_at) == ("cancelled", None)

    async def test_a_bank_that_is_away_is_waited_for(self, desk: Desk) -> None:
        _, refund = await lost(desk)
        await call_off(desk, refund)
        away = Recovery(silent(desk.operations))

        for pause_s in (*LOOKS_S, *LOOKS_S[-1:] * 3):
            desk.clock.advance(timedelta(seconds=pause_s))
            await away.run_once()

        assert (await look_at(desk, refund)).due_at is not None
        await desk.recover(timedelta(days=1))
        assert (await look_at(desk, refund)).due_at is None


class TestDeaths:
    @pytest.fixture
    def die_at(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
        def arm(point: str) -> None:
            def die(passed: str) -> None:
                if passed == point:
                    monkeypatch.undo()
                    raise Died(point)

            for module in ("operations", "requests"):
                monkeypatch.setattr(f"tallystick.payments.{module}.crash_point", die)

        return arm

    async def test_a_repeat_tells_what_was_done_before_the_death(
        self, desk: Desk, die_at: Callable[[str], None]
    ) -> None:
        _, refund = await lost(desk)
        desk.clock.advance(SETTLED)
        key = a_key()
        die_at("payments.after_decide")
        with pytest.raises(Died):
            await desk.refunds.cancel(refund.id, asked=key)

        again = await desk.refunds.cancel(refund.id, asked=key)

        assert (again.replayed, again.row.status) == (True, "cancelled")
        assert (await desk.payable(), await desk.reserved()) == (9_600, 0)

    async def test_a_death_over_recording_the_banks_yes_loses_nothing(
        self, desk: Desk, die_at: Callable[[str], None]
    ) -> None:
        _, refund = await lost(desk, DONE_AND_UNANSWERED)
        die_at("payments.after_record")
        with pytest.raises(Died):
            await desk.refunds.cancel(refund.id)

        assert await refusal(desk.refunds, refund.id) == "refund_not_cancellable"
        assert (await look_at(desk, refund)).status == "succeeded"

    async def test_one_who_dies_before_asking_again_leaves_it_to_the_next(
        self, desk: Desk, die_at: Callable[[str], None]
    ) -> None:
        row, refund = await lost(desk)
        desk.clock.advance(timedelta(seconds=61))
        case = await desk.operations.load(RefundRow, refund.id)
        die_at("payments.after_asking_again")
        with pytest.raises(Died):
            await desk.operations.repair(case, Origin())

        assert await refusal(desk.refunds, refund.id) == "refund_in_doubt"
        for _ in range(2):
            await desk.recover()

        assert (await look_at(desk, refund)).status == "succeeded"
        assert await desk.bank_says(row) == (10_000, 10_000, LOST, False)
