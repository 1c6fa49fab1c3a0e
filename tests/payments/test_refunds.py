"""Refunds over a real bank: reserved first, then settled or given back."""

from datetime import timedelta

import pytest

from tallystick.books import account_id, chart
from tallystick.journal import Change, Refused
from tallystick.ledger import Post
from tallystick.payments import PaymentsError
from tallystick.platform.ids import bucket_of, new_id
from tests.payments.desk import Desk, all_of, codes, rows

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("proven")]


async def test_gives_everything_back_by_the_route_it_came(desk: Desk) -> None:
    row = await desk.pay(10_000, "tok_issuer_down")
    await desk.pay(1_000)  # whence the merchant pays the fee it does not get back

    refund = await desk.refund(row)

    assert (refund.status, refund.amount_minor, refund.route) == ("succeeded", 10_000, "icici_bank")
    assert (await desk.look(row)).status == "refunded"
    assert await desk.clearing("icici_bank") == 0
    assert await desk.reserved() == 0
    assert await desk.bank_says(row) == (10_000, 10_000, 10_000, False)


async def test_gives_parts_back_until_nothing_is_left(desk: Desk) -> None:
    row = await desk.pay(10_000)
    await desk.pay(20_000)
    for amount_minor in (2_500, 2_500, None):
        assert (await desk.refund(row, amount_minor=amount_minor)).status == "succeeded"

    assert (await desk.look(row)).refunded_minor == 10_000
    with pytest.raises(PaymentsError) as refused:
        await desk.refund(row)
    assert refused.value.code == "payment_not_refundable"


async def test_many_at_once_never_exceed_what_was_captured(desk: Desk) -> None:
    row = await desk.pay(10_000)
    await desk.pay(20_000)

    answers = await all_of(*(desk.refunds.create(row.id, amount_minor=3_000) for _ in range(8)))

    assert len(rows(answers)) == 3
    assert set(codes(answers)) == {"refund_exceeds_captured"}
    while (await desk.look(row)).refund_pending_minor:  # on a busy machine a bank's answer is late
        await desk.recover()
    assert (await desk.look(row)).refunded_minor == 9_000
    assert await desk.bank_says(row) == (10_000, 10_000, 9_000, False)


async def test_refuses_what_the_merchant_has_not_got(desk: Desk) -> None:
    row = await desk.pay(10_000)  # 9,600 after the fee

    with pytest.raises(Refused) as refused:
        await desk.refund(row)

    assert refused.value.code == "refund_exceeds_balance"
    assert (await desk.look(row)).refund_pending_minor == 0


async def test_the_merchant_cannot_spend_what_is_on_its_way_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = await desk.pay(10_000)
    refund = await desk.refund(row, amount_minor=4_250)  # the bank gives it and never answers

    assert refund.status == "pending"
    assert await desk.reserved() == 4_250
    clock, merchant = desk.clock, desk.merchant
    payable = account_id(merchant.id, chart.payable_code(merchant.id, "INR"))
    fees = account_id(chart.PLATFORM, chart.fees_code("INR"))
    with pytest.raises(Refused):
        await desk.operations.journal.record(
            Change(
                id=new_id(clock.now(), bucket_of(merchant.id)),
                transfers=(Post(payable, fees, 9_600 - 4_250 + 1, "INR", "test"),),
            )
        )


async def test_a_refused_refund_frees_the_money(desk: Desk) -> None:
    row = await desk.pay(10_000)

    refund = await desk.refund(row, amount_minor=4_201)

    assert (refund.status, refund.failure_code) == ("failed", "card_declined")
    assert (await desk.payable(), await desk.reserved()) == (9_600, 0)
    assert (await desk.look(row)).refundable_minor == 10_000


async def test_lists_the_refunds_of_a_payment_in_order(desk: Desk) -> None:
    row = await desk.pay(10_000)
    made = []
    for amount_minor in (1_000, 2_000):
        made.append((await desk.refund(row, amount_minor=amount_minor)).id)
        desk.clock.advance(timedelta(seconds=1))

    listed = await desk.refunds.list_refunds(row.id, merchant_id=desk.merchant.id)

    assert [refund.id for refund in listed] == made
    assert (await desk.refunds.get(made[0])).row.amount_minor == 1_000


async def test_nobody_refunds_the_payment_of_another_merchant(desk: Desk) -> None:
    row = await desk.pay(10_000)
    refund = await desk.refund(row, amount_minor=1)

    for asking in (
        desk.refunds.create(row.id, merchant_id=chart.PLATFORM),
        desk.refunds.get(refund.id, merchant_id=chart.PLATFORM),
        desk.refunds.list_refunds(row.id, merchant_id=chart.PLATFORM),
    ):
        with pytest.raises(PaymentsError) as refused:
            await asking
        assert refused.value.code.endswith("_not_found")
