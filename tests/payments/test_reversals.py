"""A payment undone: voided while it is promised, refunded once it came in, and only once."""

import pytest

from tallystick.journal import Refused
from tallystick.payments.errors import PaymentBusy, PaymentsError
from tests.payments.desk import Desk, a_key, all_of

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("proven")]


async def test_an_authorization_is_voided(desk: Desk) -> None:
    row = await desk.hold()

    undone = await desk.payments.reversals.reverse(row.id)

    assert (undone.way, undone.refund) == ("void", None)
    assert undone.payment
    assert undone.payment.row.status == "cancelled"
    assert (await desk.bank_says(row))[3]


async def test_captured_money_is_refunded(desk: Desk) -> None:
    await desk.pay()  # what the fees are given back from
    row = await desk.pay()
    await desk.refund(row, amount_minor=1_000)

    undone = await desk.payments.reversals.reverse(row.id, reason="duplicate")

    assert (undone.way, undone.payment) == ("refund", None)
    assert undone.refund
    assert (undone.refund.row.amount_minor, undone.refund.row.reason) == (9_000, "duplicate")
    assert (await desk.look(row)).status == "refunded"


async def test_a_part_captured_payment_is_refunded_and_its_rest_let_go(desk: Desk) -> None:
    await desk.pay()
    row = await desk.capture(await desk.hold(), amount_minor=4_000)

    undone = await desk.payments.reversals.reverse(row.id)

    after = await desk.look(row)
    assert undone.way == "refund"
    assert (after.status, after.held_minor, after.due_at) == ("refunded", 0, None)
    assert await desk.bank_says(row) == (10_000, 4_000, 4_000, True)


async def test_an_unanswered_payment_is_given_up(desk: Desk) -> None:
    row = await desk.pay(token="tok_drop_before")
    assert row.status == "pending"

    undone = await desk.payments.reversals.reverse(row.id)

    assert undone.way == "void"
    assert undone.payment
    assert undone.payment.row.status == "cancelled"


@pytest.mark.parametrize("way", ["void", "refund"])
async def test_a_repeat_is_answered_alike(desk: Desk, way: str) -> None:
    await desk.pay()
    row = await desk.hold() if way == "void" else await desk.pay()
    key = a_key("reverse")

    first = await desk.payments.reversals.reverse(row.id, asked=key)
    again = await desk.payments.reversals.reverse(row.id, asked=key)

    assert first.way == again.way == way
    answered = again.payment or again.refund
    assert answered
    assert answered.replayed
    assert answered.row == (first.payment or first.refund).row  # type: ignore[union-attr]


@pytest.mark.parametrize("one_key", [True, False])
@pytest.mark.parametrize("captured", [True, False])
async def test_sixteen_at_once_undo_it_once(desk: Desk, captured: bool, one_key: bool) -> None:
    await desk.pay()
    before = await desk.payable()
    row = await desk.pay() if captured else await desk.hold()
    key = a_key("reverse")

    answers = await all_of(
        *(
            desk.payments.reversals.reverse(row.id, asked=key if one_key else a_key("reverse"))
            for _ in range(16)
        )
    )

    done = [answer for answer in answers if not isinstance(answer, BaseException)]
    refused = [answer.code for answer in answers if isinstance(answer, PaymentsError)]
    assert len(done) + len(refused) == 16, answers
    assert len(done) == 16 if one_key else len(done) == 1
    assert set(refused) <= {"payment_not_reversible", "payment_busy"}
    assert await desk.payable() == before - (400 if captured else 0)
    assert (await desk.bank_says(row))[2:] == ((10_000, False) if captured else (0, True))


@pytest.mark.parametrize("state", ["failed", "cancelled", "refunded", "top_up"])
async def test_what_cannot_be_undone_is_refused(desk: Desk, state: str) -> None:
    await desk.pay()
    row = await desk.pay(token="tok_declined" if state == "failed" else "tok_visa", capture=False)
    if state == "cancelled":
        await desk.payments.cancel(row.id)
    elif state == "refunded":
        await desk.refund(await desk.capture(row))
    elif state == "top_up":
        row = await desk.pay(wallet_id=await desk.open_wallet())

    with pytest.raises(PaymentsError) as refused:
        await desk.payments.reversals.reverse(row.id)

    assert refused.value.code == "payment_not_reversible"


async def test_without_the_money_to_give_back_nothing_changes(desk: Desk) -> None:
    row = await desk.capture(await desk.hold(), amount_minor=4_000)

    with pytest.raises(Refused) as refused:
        await desk.payments.reversals.reverse(row.id)

    assert refused.value.code == "refund_exceeds_balance"
    assert await desk.look(row) == row


async def test_it_waits_for_what_runs_at_the_bank(desk: Desk) -> None:
    row = await desk.hold()
    sent = desk.payments.capture(row.id, amount_minor=4_151)  # magic: the answer is lost

    answers = await all_of(sent, desk.payments.reversals.reverse(row.id))

    assert all(
        not isinstance(answer, BaseException) or isinstance(answer, PaymentBusy)
        for answer in answers
    )
