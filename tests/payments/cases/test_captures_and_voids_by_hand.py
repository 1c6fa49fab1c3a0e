"""Captures and voids whose outcome a person records: the payment goes on from there."""

from datetime import timedelta

import pytest

from tallystick.journal import Asked, Refused
from tallystick.payments import PaymentRow, Payments, Recovery
from tallystick.payments.cases import CaseShown
from tests.payments.cases.conftest import CaseDesk
from tests.payments.desk import a_key
from tests.payments.troubled_rails import silent

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("settled")]

NOTE = "Their letter of 3 March."
LOST_CAPTURE, NO_CAPTURE = 4_151, 4_152  # taken and not answered; never arrived
LOST_VOID, NO_VOID = 4_351, 4_352


async def lost_capture(case_desk: CaseDesk, amount_minor: int) -> tuple[PaymentRow, Asked]:
    """A capture that nobody has heard of for a day, and the key it was asked with."""
    held, key = await case_desk.desk.hold(), a_key()
    await case_desk.desk.capture(held, amount_minor=amount_minor, asked=key)
    await case_desk.pass_silently()
    return held, key


async def lost_void(case_desk: CaseDesk, amount_minor: int) -> tuple[PaymentRow, Asked]:
    held, key = await case_desk.desk.hold(amount_minor), a_key()
    await case_desk.desk.payments.cancel(held.id, asked=key)
    await case_desk.pass_silently()
    return held, key


async def said(case_desk: CaseDesk, decided: str) -> CaseShown:
    """What an operator has in writing about the only case."""
    case = await case_desk.the_case()
    reference = "letter-42" if decided == "approved" else ""
    return await case_desk.silently.resolve(case.id, decided, NOTE, provider_reference=reference)


async def test_a_capture_that_was_made_is_in_the_books_and_the_rest_can_be_taken(
    case_desk: CaseDesk,
) -> None:
    desk = case_desk.desk
    held, key = await lost_capture(case_desk, LOST_CAPTURE)

    done = await said(case_desk, "approved")

    assert (done.row.outcome, done.row.decided) == ("payment.captured", "approved")
    standing = await desk.look(held)
    assert (standing.captured_minor, standing.running) == (LOST_CAPTURE, None)
    again = await desk.payments.capture(held.id, amount_minor=LOST_CAPTURE, asked=key)
    assert (again.replayed, again.row.status) == (True, "captured")
    await desk.capture(held)
    assert await desk.bank_says(held) == (10_000, 10_000, 0, False)
    assert await desk.clearing() == 10_000


async def test_a_capture_that_failed_is_a_refusal_and_can_be_asked_anew(
    case_desk: CaseDesk,
) -> None:
    desk = case_desk.desk
    held, key = await lost_capture(case_desk, NO_CAPTURE)

    done = await said(case_desk, "failed")

    assert done.row.outcome == "payment.capture_declined"
    standing = await desk.look(held)
    assert (standing.status, standing.captured_minor) == ("authorized", 0)
    with pytest.raises(Refused) as refused:
        await desk.payments.capture(held.id, amount_minor=NO_CAPTURE, asked=key)
    assert refused.value.code == "capture_declined"
    assert (await desk.payable(), await desk.clearing()) == (0, 0)
    await desk.capture(held, amount_minor=5_000)
    assert await desk.bank_says(held) == (10_000, 5_000, 0, False)


async def test_an_intents_capture_by_hand_is_its_success(case_desk: CaseDesk) -> None:
    desk = case_desk.desk
    made = await desk.intents.create(
        desk.merchant, amount_minor=10_000, currency="INR", capture_method="manual"
    )
    confirmed = await desk.intents.confirm(desk.merchant, made.row.id, payment_method="tok_visa")
    assert confirmed.row.payment_id is not None
    await desk.payments.capture(confirmed.row.payment_id, amount_minor=LOST_CAPTURE)
    await case_desk.pass_silently()

    await said(case_desk, "approved")

    assert (await desk.intents.get(made.row.id)).row.status == "succeeded"


async def test_the_rest_behind_a_last_capture_is_let_go_by_the_bank_later(
    case_desk: CaseDesk,
) -> None:
    desk = case_desk.desk
    held = await desk.hold()
    await desk.capture(held, amount_minor=LOST_CAPTURE, final=True)
    await case_desk.pass_silently()

    await said(case_desk, "approved")

    standing = await desk.look(held)
    assert (standing.captured_minor, standing.capture_closed) == (LOST_CAPTURE, True)
    for _ in range(3):
        await desk.recover(timedelta(hours=1))
    assert (await desk.look(held)).held_minor == 0
    assert (await desk.bank_says(held))[:3] == (10_000, LOST_CAPTURE, 0)


async def test_a_void_that_was_made_cancels_the_payment(case_desk: CaseDesk) -> None:
    desk = case_desk.desk
    held, key = await lost_void(case_desk, LOST_VOID)

    done = await said(case_desk, "approved")

    assert (done.row.outcome, (await desk.look(held)).status) == ("payment.cancelled", "cancelled")
    assert (await desk.payments.cancel(held.id, asked=key)).replayed
    assert await desk.bank_says(held) == (LOST_VOID, 0, 0, True)


async def test_a_void_that_failed_leaves_the_authorization_to_be_captured(
    case_desk: CaseDesk,
) -> None:
    desk = case_desk.desk
    held, key = await lost_void(case_desk, NO_VOID)

    done = await said(case_desk, "failed")

    assert done.row.outcome == "payment.cancel_declined"
    with pytest.raises(Refused) as refused:
        await desk.payments.cancel(held.id, asked=key)
    assert refused.value.code == "cancel_declined"
    captured = await desk.capture(held)
    assert (captured.status, captured.captured_minor) == ("captured", NO_VOID)


@pytest.mark.parametrize(("decided", "amount"), [("approved", LOST_VOID), ("failed", NO_VOID)])
async def test_a_void_of_what_has_run_out_ends_it_either_way(
    case_desk: CaseDesk, decided: str, amount: int
) -> None:
    """A bank that holds nothing any more has nothing to let go of."""
    desk = case_desk.desk
    held = await desk.hold(amount)
    desk.clock.advance(timedelta(days=8))
    await desk.recovery.run_once()  # the bank's answer to the void is lost
    assert (await desk.look(held)).running is not None
    await case_desk.pass_silently()

    done = await said(case_desk, decided)

    assert (done.row.outcome, (await desk.look(held)).status) == ("payment.expired", "expired")


async def test_a_late_approvals_void_that_failed_is_a_case_for_a_person(
    case_desk: CaseDesk,
) -> None:
    """The payer's money may be held for nothing, and nobody else would say so."""
    desk = case_desk.desk
    held = await desk.hold(NO_VOID, token="tok_charge_then_drop")
    await Payments(silent(desk.operations)).cancel(held.id)  # given up: nobody answers
    await desk.recover()  # it was approved after all, and the answer to its void is lost
    running = (await desk.look(held)).running
    assert running is not None
    assert running.why == "late"
    await case_desk.pass_silently()

    done = await said(case_desk, "failed")

    assert done.row.outcome == "payment.reversal_declined"
    (left,) = await case_desk.all(status="open")
    assert left.cause == "void_refused"
    await case_desk.cases.close(left.id, "They let it go on 4 March.")


async def test_recovery_has_nothing_left_to_ask_about(case_desk: CaseDesk) -> None:
    await lost_capture(case_desk, NO_CAPTURE)
    await said(case_desk, "failed")
    case_desk.desk.clock.advance(timedelta(days=1))

    assert await Recovery(silent(case_desk.desk.operations)).run_once() == 0
