"""What the bank still holds when its time is over goes back: an authorization, or its rest."""

from datetime import timedelta

import pytest

from tests.payments.conftest import LIMITS
from tests.payments.desk import Desk

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("proven")]
A_WEEK = timedelta(seconds=LIMITS.authorization_ttl_s)


async def test_an_authorization_is_voided_when_its_day_comes(desk: Desk) -> None:
    row = await desk.hold()
    await desk.recover(A_WEEK - timedelta(seconds=1))
    assert (await desk.look(row)).status == "authorized"

    await desk.recover(timedelta(seconds=1))

    assert (await desk.look(row)).status == "expired"
    assert await desk.bank_says(row) == (10_000, 0, 0, True)


@pytest.mark.parametrize("refunded", [0, 2_000, 4_000])
async def test_the_rest_of_a_captured_part_is_voided_too(desk: Desk, refunded: int) -> None:
    await desk.pay()  # what the fees are given back from
    row = await desk.capture(await desk.hold(), amount_minor=4_000)
    if refunded:
        await desk.refund(row, amount_minor=refunded)
    before = await desk.look(row)
    assert before.due_at == before.authorization_expires_at

    await desk.recover(A_WEEK)

    after = await desk.look(row)
    assert after.status == before.status
    assert (after.held_minor, after.capturable_minor, after.due_at) == (0, 0, None)
    assert await desk.bank_says(row) == (10_000, 4_000, refunded, True)


async def test_what_a_final_capture_left_is_nobodys_concern(desk: Desk) -> None:
    row = await desk.capture(await desk.hold(), amount_minor=4_000, final=True)

    assert (await desk.look(row)).due_at is None


async def test_a_declined_capture_leaves_the_rest_its_day(desk: Desk) -> None:
    held = await desk.capture(await desk.hold(), amount_minor=2_000)
    with pytest.raises(Exception, match="card_declined"):
        await desk.capture(held, amount_minor=4_101)  # magic: the bank declines this capture

    row = await desk.look(held)
    assert (row.held_minor, row.due_at) == (8_000, row.authorization_expires_at)


@pytest.mark.parametrize("digits", ["51", "53", "58"])
async def test_a_lost_answer_to_that_void_is_learned(desk: Desk, digits: str) -> None:
    row = await desk.hold(int(f"43{digits}"))  # magic: the void of an authorization of this amount
    row = await desk.capture(row, amount_minor=1_000)

    await desk.recover(A_WEEK)
    for _ in range(3):
        await desk.recover(timedelta(hours=1))

    row = await desk.look(row)
    assert (row.held_minor, row.operation) == (0, None)
    assert (await desk.bank_says(row))[3]
