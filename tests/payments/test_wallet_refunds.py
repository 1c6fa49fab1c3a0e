"""Refunds to wallets, called off. Our own rail knows at once, and its askers die like any other.

So nothing is ever in doubt for want of an answer; only the order of one who is perhaps not dead is.
"""

import asyncio
from collections.abc import Callable

import pytest

from tallystick.payments import PaymentRow, RefundRow
from tallystick.rails import Approved, Declined, RefundOrder
from tallystick.wallets import Wallets
from tests.payments.desk import Desk, a_key
from tests.payments.lost_refunds import (
    LOOKS_S,
    call_off,
    frozen,
    look_at,
    on,
    refusal,
    thaw,
)
from tests.payments.test_deaths import Died, die_at
from tests.payments.test_wallet_payments import (
    AMOUNT,
    FUNDS,
    PART,
    Purse,
    broken,
    journal,
    proven,
    purse,
    purses,
    rails,
)
from tests.payments.troubled_rails import DeafRails, FrozenRefunds

__all__ = ["die_at", "journal", "proven", "purse", "purses", "rails"]  # fixtures

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("proven")]

MORE = AMOUNT - PART + 1
DieAt = Callable[[str], None]


async def died_over(purse: Purse, die_at: DieAt, point: str) -> tuple[PaymentRow, RefundRow]:
    """A payment, and a refund of it whose asker died at this point."""
    row = await purse.pay()
    die_at(point)
    with pytest.raises(Died):
        await purse.desk.refund(row, amount_minor=PART)
    return row, await the_refund(purse.desk, row)


async def the_refund(desk: Desk, row: PaymentRow) -> RefundRow:
    (refund,) = await desk.refunds.list_refunds(row.id)
    return refund


def order_of(row: PaymentRow, refund: RefundRow) -> RefundOrder:
    """What its asker would have sent."""
    return RefundOrder(
        route="wallet",
        reference=refund.the_operation().reference,
        authorization_reference=row.tried[-1].reference,
        amount_minor=refund.amount_minor,
        currency="INR",
    )


async def require_not_given(purse: Purse) -> None:
    assert await purse.money() == (FUNDS - AMOUNT, 0)
    assert (await purse.taken(), await purse.desk.reserved()) == (AMOUNT, 0)


async def require_given(purse: Purse, amount_minor: int = PART) -> None:
    assert await purse.money() == (FUNDS - AMOUNT + amount_minor, 0)
    assert (await purse.taken(), await purse.desk.reserved()) == (AMOUNT - amount_minor, 0)


class TestNotGivenYet:
    async def test_it_is_called_off_once_its_asker_must_be_gone(
        self, purse: Purse, die_at: DieAt
    ) -> None:
        desk = purse.desk
        row, refund = await died_over(purse, die_at, "payments.after_decide")

        assert await refusal(desk.refunds, refund.id) == "refund_in_doubt"
        assert (await call_off(desk, refund)).status == "cancelled"

        await require_not_given(purse)
        assert (await desk.refund(row, amount_minor=PART)).status == "succeeded"
        await require_given(purse)

    async def test_then_it_is_looked_for_and_not_asked_for(
        self, purse: Purse, die_at: DieAt
    ) -> None:
        desk = purse.desk
        row, refund = await died_over(purse, die_at, "payments.after_decide")
        await call_off(desk, refund)

        for _ in LOOKS_S:
            await desk.recover()

        assert (await look_at(desk, refund)).status == "cancelled"
        assert (await desk.look(row)).refunded_minor == 0
        await require_not_given(purse)

    async def test_a_rail_that_could_not_record_it_does_not_have_it(self, purse: Purse) -> None:
        row, key = await purse.pay(), a_key()
        deaf = on(purse.desk, DeafRails)
        first = await deaf.refunds.create(row.id, amount_minor=PART, asked=key)
        assert first.row.status == "pending"

        await call_off(purse.desk, first.row)

        again = await purse.desk.refunds.create(row.id, amount_minor=PART, asked=key)
        assert (again.replayed, again.row.status) == (True, "cancelled")
        await require_not_given(purse)


class TestWhatTheRailHasDone:
    async def test_given_is_given(self, purse: Purse, die_at: DieAt) -> None:
        _, refund = await died_over(purse, die_at, "payments.after_ask")
        assert await purse.desk.clearing("wallet") == PART

        assert await refusal(purse.desk.refunds, refund.id) == "refund_not_cancellable"

        assert (await look_at(purse.desk, refund)).status == "succeeded"
        await require_given(purse)

    async def test_refused_is_refused(self, purse: Purse, purses: Wallets, die_at: DieAt) -> None:
        row = await purse.pay()
        await purses.freeze(purse.id, "all")
        die_at("payments.after_ask")
        with pytest.raises(Died):
            await purse.desk.refund(row, amount_minor=PART)
        refund = await the_refund(purse.desk, row)

        assert await refusal(purse.desk.refunds, refund.id) == "refund_not_cancellable"

        found = await look_at(purse.desk, refund)
        assert (found.status, found.failure_code) == ("failed", "wallet_frozen")
        await require_not_given(purse)

    async def test_what_was_answered_has_ended(self, purse: Purse) -> None:
        row = await purse.pay()
        refund = await purse.desk.refund(row, amount_minor=PART)

        assert await refusal(purse.desk.refunds, refund.id) == "refund_not_cancellable"

        await require_given(purse)


class TestAnAskerWhoWasFrozen:
    async def test_what_he_gives_after_all_is_counted(self, purse: Purse) -> None:
        row = await purse.pay()
        slow = on(purse.desk, FrozenRefunds)
        asking = asyncio.create_task(slow.refund(row, amount_minor=PART))
        await frozen(slow)
        await call_off(purse.desk, await the_refund(purse.desk, row))

        thaw(slow)

        assert (await asking).status == "succeeded"
        assert (await purse.desk.look(row)).refunded_minor == PART
        await require_given(purse)

    async def test_it_is_found_when_he_dies_over_it(self, purse: Purse, die_at: DieAt) -> None:
        desk = purse.desk
        row, refund = await died_over(purse, die_at, "payments.after_decide")
        await call_off(desk, refund)
        order = order_of(row, refund)

        assert isinstance(await desk.operations.rails.refund(order), Approved)

        assert await desk.clearing("wallet") == PART
        assert await broken(desk) == set()  # somebody watches, so it is under way
        await desk.recover()
        assert (await look_at(desk, refund)).status == "succeeded"
        await require_given(purse)

    async def test_no_more_is_given_than_was_taken(self, purse: Purse, die_at: DieAt) -> None:
        desk = purse.desk
        row, refund = await died_over(purse, die_at, "payments.after_decide")
        await call_off(desk, refund)
        await desk.refund(row, amount_minor=MORE)
        order = order_of(row, refund)

        said = await desk.operations.rails.refund(order)

        assert isinstance(said, Declined)
        assert said.code == "refund_exceeds_capture"
        await desk.recover()
        assert (await look_at(desk, refund)).status == "cancelled"
        await require_given(purse, MORE)
