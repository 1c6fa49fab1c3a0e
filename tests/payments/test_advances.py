"""Refunds after a payout: what the merchant has not got is advanced up to a limit, and repaid."""

from dataclasses import replace

import pytest
from msgspec import structs

from tallystick.books import PLATFORM, Transfers, account_id, chart
from tallystick.journal import Refused
from tallystick.ledger import Ledger, Post
from tallystick.payments import Payments, Recovery, Refunds
from tests.payments.desk import Desk, a_key, all_of, codes, rows

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("proven")]
LIMIT_MINOR = 5_000


def lending(desk: Desk, limit_minor: int = LIMIT_MINOR) -> Desk:
    """The same desk where merchants may owe us so much in INR."""
    limits = structs.replace(
        desk.operations.limits, refund_advance_minor={"INR": limit_minor} if limit_minor else {}
    )
    operations = replace(desk.operations, limits=limits)
    return replace(
        desk,
        operations=operations,
        payments=Payments(operations),
        refunds=Refunds(operations),
        recovery=Recovery(operations),
    )


async def paid_out(desk: Desk, amount_minor: int) -> None:
    """So much of what the merchant was owed is gone."""
    operations = desk.operations
    transfers = Transfers(operations.journal, Ledger(operations.database), desk.clock)
    payable = account_id(desk.merchant.id, chart.payable_code(desk.merchant.id, "INR"))
    bank = account_id(PLATFORM, chart.bank_code("INR"))
    await transfers.post_one(Post(payable, bank, amount_minor, "INR", "payout"))


async def owed(desk: Desk) -> int:
    code = chart.advance_code(desk.merchant.id, "INR")
    return -(await desk.balance(desk.merchant.id, code))[0]


async def test_without_a_limit_it_is_refused(desk: Desk) -> None:
    row = await desk.pay(10_000)
    await paid_out(desk, 9_600)

    with pytest.raises(Refused) as refused:
        await desk.refund(row, amount_minor=1)
    assert refused.value.code == "refund_exceeds_balance"


async def test_what_is_missing_is_advanced_and_repaid_by_the_next_captures(desk: Desk) -> None:
    desk = lending(desk)
    row = await desk.pay(10_000)
    await paid_out(desk, 8_600)

    refund = await desk.refund(row, amount_minor=4_000)

    assert (refund.status, refund.advance_minor) == ("succeeded", 3_000)
    assert (await desk.payable(), await owed(desk)) == (0, 3_000)
    await desk.pay(2_100)  # 1,937 after the fee
    await desk.operations.advances.repay()
    assert (await desk.payable(), await owed(desk)) == (0, 1_063)
    await desk.pay(10_000)
    for _ in range(2):
        await desk.operations.advances.repay()
    assert (await desk.payable(), await owed(desk)) == (8_537, 0)


async def test_a_merchant_without_anything_owes_all_of_it(desk: Desk) -> None:
    desk = lending(desk)
    row = await desk.pay(10_000)
    await paid_out(desk, 9_600)

    assert (await desk.refund(row, amount_minor=5_000)).advance_minor == 5_000
    with pytest.raises(Refused) as refused:
        await desk.refund(row, amount_minor=1)
    assert refused.value.code == "refund_exceeds_balance"
    assert await owed(desk) == LIMIT_MINOR


async def test_many_at_once_never_owe_more_than_the_limit(desk: Desk) -> None:
    desk = lending(desk)
    row = await desk.pay(10_000)
    await paid_out(desk, 9_600)

    answers = await all_of(
        *(desk.refunds.create(row.id, amount_minor=1_000, asked=a_key()) for _ in range(9))
    )

    assert len(rows(answers)) == 5
    assert set(codes(answers)) == {"refund_exceeds_balance"}
    assert await owed(desk) == LIMIT_MINOR


async def test_of_two_at_once_the_second_is_advanced_what_the_first_left_missing(
    desk: Desk,
) -> None:
    desk = lending(desk)
    row = await desk.pay(10_000)
    await paid_out(desk, 6_600)  # 3,000 are left

    answers = await all_of(
        *(desk.refunds.create(row.id, amount_minor=2_000, asked=a_key()) for _ in range(2))
    )

    assert codes(answers) == []
    assert sorted(refund.advance_minor for refund in rows(answers)) == [0, 1_000]
    assert (await desk.payable(), await owed(desk)) == (0, 1_000)


async def test_a_refund_the_bank_declines_is_not_owed(desk: Desk) -> None:
    desk = lending(desk)
    row = await desk.pay(10_000)
    await paid_out(desk, 9_600)

    refund = await desk.refund(row, amount_minor=4_202)

    assert (refund.status, refund.advance_minor) == ("failed", 4_202)
    assert await owed(desk) == 0


async def test_a_limit_lowered_below_what_is_owed_advances_no_more(desk: Desk) -> None:
    generous = lending(desk)
    row = await generous.pay(10_000)
    await paid_out(generous, 9_600)
    await generous.refund(row, amount_minor=3_000)

    with pytest.raises(Refused):
        await lending(desk, 2_000).refund(row, amount_minor=1)
    assert (await lending(desk, 3_500).refund(row, amount_minor=500)).advance_minor == 500
    with pytest.raises(Refused):
        await lending(desk, 0).refund(row, amount_minor=1)


async def test_two_workers_repay_once(desk: Desk) -> None:
    desk = lending(desk)
    row = await desk.pay(10_000)
    await paid_out(desk, 9_600)
    await desk.refund(row, amount_minor=4_000)
    await desk.pay(10_000)

    await all_of(*(desk.operations.advances.repay() for _ in range(4)))

    assert (await desk.payable(), await owed(desk)) == (5_600, 0)
