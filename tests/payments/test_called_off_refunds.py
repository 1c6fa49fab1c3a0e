"""Refunds called off: while no bank has them, in every order of those who are at it."""

import asyncio
from datetime import timedelta

import pytest

from tallystick.journal.model import KeyReused
from tallystick.payments import PaymentsError, Refunds
from tallystick.platform.ids import new_id
from tallystick.rails import Declined, Outcome, Pending
from tests.payments.desk import Desk, a_key, all_of, codes, rows
from tests.payments.lost_refunds import (
    DECLINED,
    DONE_AND_UNANSWERED,
    LOST,
    SETTLED,
    call_off,
    frozen,
    look_at,
    lost,
    lost_with_fees,
    on,
    refusal,
    thaw,
)
from tests.payments.troubled_rails import (
    DeafRails,
    FrozenLooks,
    SayingRails,
    silent,
)

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("proven")]


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
        key = a_key()
        cancelling = asyncio.create_task(slow.refunds.cancel(refund.id, asked=key))
        await frozen(slow)

        await desk.recovery.run_once()
        thaw(slow)

        with pytest.raises(PaymentsError) as refused:
            await cancelling
        assert refused.value.code == "refund_not_cancellable"
        assert await desk.operations.journal.find_repeat(key) is None, "nothing is remembered"
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
