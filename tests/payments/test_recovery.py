"""Answers that never came: asked for again by our reference until they are known."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from tallystick.payments import PaymentRow, Payments, PaymentsError, Recovery
from tests.payments.desk import Desk, a_key, all_of
from tests.payments.troubled_rails import BrokenRails, FrozenRails, silent

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("proven")]

DONE_AND_UNANSWERED = (
    "tok_slow",
    "tok_charge_then_drop",
    "tok_charge_then_500",
    "tok_wrong_schema",
)
NEVER_DONE = ("tok_drop_before", "tok_500", "tok_html")


class TestAuthorizations:
    @pytest.mark.parametrize("token", DONE_AND_UNANSWERED)
    async def test_what_the_bank_did_is_found_done(self, desk: Desk, token: str) -> None:
        row = await desk.pay(token=token)
        assert (row.status, row.tried[0].status) == ("pending", "unknown")

        await desk.recover()

        found = await desk.look(row)
        assert (found.status, found.operation, found.due_at) == ("captured", None, None)
        assert [tried.reference for tried in found.tried] == [row.tried[0].reference]
        assert await desk.clearing() == 10_000
        assert await desk.bank_says(found) == (10_000, 10_000, 0, False)

    @pytest.mark.parametrize("token", NEVER_DONE)
    async def test_what_never_arrived_has_failed_and_is_watched_for_a_while(
        self, desk: Desk, token: str
    ) -> None:
        row = await desk.pay(token=token)
        assert row.status == "pending"

        await desk.recover()

        found = await desk.look(row)
        assert (found.status, found.failure_code) == ("failed", "provider_unreachable")
        assert await desk.clearing() == 0
        for pause_s in (300, 3_600):
            assert (await desk.look(row)).due_at is not None
            await desk.recover(timedelta(seconds=pause_s))
        assert (await desk.look(row)).due_at is None

    async def test_nothing_found_is_not_believed_at_once(self, desk: Desk) -> None:
        row = await desk.pay(token="tok_drop_before")

        desk.clock.advance(timedelta(seconds=5))
        # A caller in a hurry makes us look, and is told that nothing is known yet.
        with pytest.raises(PaymentsError) as refused:
            await desk.payments.capture(row.id)

        found = await desk.look(row)
        assert refused.value.code == "payment_busy"
        assert (found.status, found.version) == ("pending", row.version)

    async def test_a_bank_that_decides_later_is_asked_later(self, desk: Desk) -> None:
        rows = [await desk.pay(token=t) for t in ("tok_pending", "tok_pending_then_declined")]
        assert {row.status for row in rows} == {"pending"}

        await desk.recover()

        assert [(await desk.look(row)).status for row in rows] == ["captured", "failed"]

    async def test_the_schedule_is_kept(self, desk: Desk) -> None:
        row = await desk.pay(token="tok_slow")
        assert row.due_at == row.updated_at + timedelta(seconds=60)

        await desk.recover(timedelta(seconds=59))

        assert (await desk.look(row)).version == row.version


class TestLateApprovals:
    async def test_an_authorization_given_up_is_voided(self, desk: Desk) -> None:
        row = await desk.hold(token="tok_charge_then_drop")
        # While the bank cannot be asked: its answer would otherwise be learned before the cancel.
        row = await self.give_up(desk, row)

        await desk.recover()

        found = await desk.look(row)
        assert (found.status, found.operation) == ("cancelled", None)
        assert await desk.bank_says(found) == (10_000, 0, 0, True)

    async def test_money_taken_for_what_was_given_up_goes_back(self, desk: Desk) -> None:
        row = await desk.pay(token="tok_charge_then_drop")
        row = await self.give_up(desk, row)

        await desk.recover()

        found = await desk.look(row)
        (refund,) = await desk.refunds.list_refunds(row.id)
        assert (found.status, refund.status, refund.reason) == (
            "refunded",
            "succeeded",
            "late_approval",
        )
        assert await desk.bank_says(found) == (10_000, 10_000, 10_000, False)
        assert (await desk.suspense(), await desk.clearing(), await desk.payable()) == (0, 0, 0)

    async def test_a_charge_that_arrives_after_the_payment_failed_goes_back(
        self, desk: Desk
    ) -> None:
        row = await desk.pay(token="tok_late_charge")
        await desk.recover()  # the bank knows nothing yet, and is believed
        assert (await desk.look(row)).status in ("failed", "captured")

        await asyncio.sleep(0.4)  # the order reaches the bank at last
        await desk.recover(timedelta(seconds=301))

        found = await desk.look(row)
        assert (found.status, found.refunded_minor) == ("refunded", 10_000)
        assert await desk.clearing() == 0

    @pytest.mark.parametrize("capture", [True, False], ids=["charge", "hold"])
    async def test_an_asker_who_wakes_after_everybody_stopped_looking_undoes_it_himself(
        self, desk: Desk, capture: bool
    ) -> None:
        rails = FrozenRails(desk.operations.rails.routes, desk.operations.rails.providers)
        asking = asyncio.create_task(
            Payments(replace(desk.operations, rails=rails)).create(
                desk.merchant,
                amount_minor=10_000,
                currency="INR",
                payment_method="tok_visa",
                capture=capture,
            )
        )
        await rails.frozen.wait()
        (row,) = (await desk.payments.list_payments(None)).rows
        for pause_s in (61, 61, 301, 3_601):
            await desk.recover(timedelta(seconds=pause_s))
        given_up = await desk.look(row)
        assert (given_up.status, given_up.due_at) == ("failed", None)

        rails.thawed.set()  # and the order goes out at last
        found = (await asking).row

        assert (found.status, found.operation) == ("refunded" if capture else "failed", None)
        authorized, captured, refunded, voided = await desk.bank_says(found)
        assert authorized == 10_000
        assert captured == refunded
        assert voided is not capture

    @staticmethod
    async def give_up(desk: Desk, row: PaymentRow) -> PaymentRow:
        return (await Payments(silent(desk.operations)).cancel(row.id)).row


class TestCaptures:
    @pytest.mark.parametrize(
        "amount_minor",
        [
            pytest.param(4_151, id="made, never answered"),
            pytest.param(4_158, id="made, answered with an error"),
            pytest.param(4_152, id="never made"),
            pytest.param(4_155, id="never made, answered with a web page"),
            pytest.param(4_157, id="decided later"),
        ],
    )
    async def test_are_carried_to_their_end_once(self, desk: Desk, amount_minor: int) -> None:
        held = await desk.hold(10_000)
        row = await desk.capture(held, amount_minor=amount_minor, asked=a_key())
        assert (row.status, row.captured_minor) == ("authorized", 0)

        await desk.recover()
        await desk.recover()

        found = await desk.look(held)
        assert (found.status, found.captured_minor) == ("captured", amount_minor)
        assert await desk.bank_says(found) == (10_000, amount_minor, 0, False)

    async def test_are_finished_before_the_next_verb(self, desk: Desk) -> None:
        held = await desk.hold(10_000)
        await desk.capture(held, amount_minor=4_151)

        row = await desk.capture(held, amount_minor=1_000)

        assert row.captured_minor == 5_151
        assert await desk.bank_says(row) == (10_000, 5_151, 0, False)

    async def test_close_the_claim_of_who_asked(self, desk: Desk) -> None:
        held, key = await desk.hold(10_000), a_key()
        await desk.capture(held, amount_minor=4_151, asked=key)
        await desk.recover()
        await desk.capture(held)

        again = await desk.payments.capture(held.id, amount_minor=4_151, asked=key)

        assert (again.row.captured_minor, again.replayed) == (4_151, True)


class TestVoidsAndRefunds:
    @pytest.mark.parametrize("amount_minor", [4_351, 4_352, 4_357, 4_356])
    async def test_voids_are_carried_to_their_end(self, desk: Desk, amount_minor: int) -> None:
        held = await desk.hold(amount_minor)
        row = (await desk.payments.cancel(held.id)).row
        assert row.status == "authorized"

        await desk.recover()
        await desk.recover()

        found = await desk.look(row)
        assert found.status == "cancelled"
        assert await desk.bank_says(found) == (amount_minor, 0, 0, True)

    @pytest.mark.parametrize(
        ("amount_minor", "status"),
        [
            (4_251, "succeeded"),
            (4_252, "succeeded"),
            (4_254, "succeeded"),
            (4_256, "succeeded"),
            (4_257, "succeeded"),
            (4_260, "failed"),
        ],
    )
    async def test_refunds_are_carried_to_their_end_once(
        self, desk: Desk, amount_minor: int, status: str
    ) -> None:
        paid = await desk.pay(10_000)
        refund = await desk.refund(paid, amount_minor=amount_minor)
        assert refund.status == "pending"

        await desk.recover()
        await desk.recover()

        found = (await desk.refunds.get(refund.id)).row
        given = amount_minor if status == "succeeded" else 0
        assert found.status == status
        assert await desk.bank_says(paid) == (10_000, 10_000, given, False)
        assert (await desk.payable(), await desk.reserved()) == (9_600 - given, 0)


async def test_many_recoverers_at_once_have_one_effect(desk: Desk) -> None:
    made = [await desk.pay(token="tok_charge_then_drop") for _ in range(3)]
    held = await desk.hold(10_000)
    await desk.capture(held, amount_minor=4_152)
    desk.clock.advance(timedelta(seconds=61))

    await all_of(*(Recovery(desk.operations).run_once() for _ in range(5)))

    assert [(await desk.look(row)).status for row in made] == ["captured"] * 3
    assert (await desk.look(held)).captured_minor == 4_152
    assert await desk.clearing() == 34_152


async def test_one_that_cannot_be_looked_at_does_not_keep_the_others_waiting(desk: Desk) -> None:
    bad = await desk.pay(token="tok_charge_then_drop")
    good = await desk.pay(token="tok_charge_then_drop")
    routes, providers = desk.operations.rails.routes, desk.operations.rails.providers
    rails = BrokenRails(routes, providers, broken=bad.tried[0].reference)
    desk.clock.advance(timedelta(seconds=61))

    await Recovery(replace(desk.operations, rails=rails)).run_once()

    assert [(await desk.look(row)).status for row in (bad, good)] == ["pending", "captured"]
    await desk.recovery.run_once()
    assert (await desk.look(bad)).status == "captured"


async def test_a_route_that_was_taken_out_of_the_settings_stays_unknown(desk: Desk) -> None:
    row = await desk.pay(token="tok_slow")
    rails = replace(desk.operations.rails, providers={})
    desk.clock.advance(timedelta(seconds=61))

    await Recovery(replace(desk.operations, rails=rails)).run_once()

    found = await desk.look(row)
    assert (found.status, found.version) == ("pending", row.version + 1)
