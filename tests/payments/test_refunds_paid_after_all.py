"""Refunds called off that a bank pays all the same, the looks for that, and deaths over it."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest

from tallystick.journal import Origin
from tallystick.payments import Recovery, RefundRow
from tallystick.rails import Approved
from tests.payments.desk import Desk, a_key
from tests.payments.lost_refunds import (
    DONE_AND_UNANSWERED,
    LOOKS_S,
    LOST,
    SETTLED,
    call_off,
    freeze_payable,
    frozen,
    look_at,
    lost,
    lost_with_fees,
    on,
    refusal,
    thaw,
)
from tests.payments.test_deaths import Died, die_at
from tests.payments.troubled_rails import (
    FrozenRefunds,
    SayingRails,
    silent,
)

__all__ = ["die_at"]  # a fixture

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("proven")]


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
