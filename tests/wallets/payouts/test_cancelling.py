"""A payout is called off while no bank has it; whoever is faster, it is paid once or never."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from tallystick.journal.model import KeyReused
from tallystick.rails import NotFound, Outcome, Rails, Unanswered
from tallystick.rails import payouts as ways
from tallystick.wallets.payouts import Payouts, PayoutShown
from tallystick.wallets.payouts.errors import NotCancellable, PayoutInDoubt, PayoutNotFound
from tests.wallets.payouts.conftest import FUNDS
from tests.wallets.payouts.desk import PayoutDesk, a_key, upi

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("payouts_proven")]

QUIET = timedelta(seconds=31)  # nobody's order can be on its way any more
AMOUNT = 10_000


@dataclass(frozen=True)
class Rumours(Rails):
    """The bank says first that it knows of nothing, whatever it knows."""

    said: list[str] = field(default_factory=list)

    async def find_payout(self, route: str, reference: str) -> Outcome | ways.Returned:
        self.said.append(reference)
        if len(self.said) == 1:
            return NotFound()
        return await super().find_payout(route, reference)


@dataclass(frozen=True)
class DeafRails(Rails):
    """No bank answers."""

    async def find_payout(self, route: str, reference: str) -> Outcome:
        return Unanswered("line_down")


def at(desk: PayoutDesk, kind: type[Rails]) -> Payouts:
    """The same payouts, by other rails."""
    rails = desk.payouts.beats.rails
    names = [name for name in rails.__dataclass_fields__ if hasattr(rails, name)]
    changed = kind(**{name: getattr(rails, name) for name in names})
    return Payouts(replace(desk.payouts.beats, rails=changed))


async def lost(desk: PayoutDesk, to: ways.Destination | None = None) -> PayoutShown:
    """A payout whose order never arrived, long enough ago."""
    shown = await desk.pay_out(AMOUNT, to or upi("drop_before"))
    assert shown.row.status == "pending"
    desk.clock.advance(QUIET)
    return shown


class TestGranted:
    async def test_the_money_is_the_owners_again(self, payout_desk: PayoutDesk) -> None:
        shown = await lost(payout_desk)

        cancelled = await payout_desk.payouts.cancel(shown.row.id)

        assert (cancelled.row.status, cancelled.row.unknown) == ("cancelled", False)
        assert await payout_desk.holds() == (FUNDS, 0)
        assert await payout_desk.clearing() == 0

    async def test_it_does_not_count_as_spent(self, payout_desk: PayoutDesk) -> None:
        shown = await lost(payout_desk)
        await payout_desk.payouts.cancel(shown.row.id)

        wallet = (await payout_desk.wallets.get(payout_desk.wallet)).wallet
        assert wallet.spent_day_minor == 0

    async def test_nobody_asks_the_bank_any_more(self, payout_desk: PayoutDesk) -> None:
        shown = await lost(payout_desk)
        await payout_desk.payouts.cancel(shown.row.id)

        for _ in range(8):
            await payout_desk.recover(timedelta(days=1))

        row = await payout_desk.look(shown)
        assert (row.status, row.due_at) == ("cancelled", None)
        assert await payout_desk.bank_paid(row) == []

    async def test_the_same_key_is_answered_alike(self, payout_desk: PayoutDesk) -> None:
        shown, asked = await lost(payout_desk), a_key()
        first = await payout_desk.payouts.cancel(shown.row.id, asked=asked)

        again = await payout_desk.payouts.cancel(shown.row.id, asked=asked)

        assert (again.row, again.replayed) == (first.row, True)
        with pytest.raises(KeyReused):
            await payout_desk.payouts.cancel(shown.row.id, asked=a_key(asked.key, b"other"))


class TestRefused:
    @pytest.mark.parametrize(
        ("name", "end"),
        [("asha", "paid"), ("pending", "sent"), ("account_closed", "failed")],
    )
    async def test_once_the_bank_has_it_or_has_decided(
        self, payout_desk: PayoutDesk, name: str, end: str
    ) -> None:
        shown = await payout_desk.pay_out(AMOUNT, upi(name))

        with pytest.raises(NotCancellable):
            await payout_desk.payouts.cancel(shown.row.id)
        assert (await payout_desk.look(shown)).status == end

    async def test_what_was_paid_unheard_is_recorded_as_paid(self, payout_desk: PayoutDesk) -> None:
        shown = await lost(payout_desk, upi("pay_then_drop"))

        with pytest.raises(NotCancellable):
            await payout_desk.payouts.cancel(shown.row.id)
        assert (await payout_desk.look(shown)).status == "paid"
        assert await payout_desk.holds() == (FUNDS - AMOUNT, 0)

    async def test_while_the_order_may_be_on_its_way(self, payout_desk: PayoutDesk) -> None:
        shown = await payout_desk.pay_out(AMOUNT, upi("drop_before"))

        with pytest.raises(PayoutInDoubt):
            await payout_desk.payouts.cancel(shown.row.id)
        assert await payout_desk.holds() == (FUNDS, AMOUNT)

    async def test_while_the_bank_does_not_answer(self, payout_desk: PayoutDesk) -> None:
        shown = await lost(payout_desk)

        with pytest.raises(PayoutInDoubt):
            await at(payout_desk, DeafRails).cancel(shown.row.id)
        assert (await payout_desk.look(shown)).checks == shown.row.checks

    async def test_another_owners_is_not_there(self, payout_desk: PayoutDesk) -> None:
        shown = await lost(payout_desk)

        with pytest.raises(PayoutNotFound):
            await payout_desk.payouts.cancel(shown.row.id, owner_id=payout_desk.merchant.id)


async def test_cancelled_or_put_once_more_but_never_both(payout_desk: PayoutDesk) -> None:
    ends = set()
    for _ in range(6):
        shown = await lost(payout_desk)
        payout_desk.clock.advance(timedelta(seconds=60))
        await asyncio.gather(
            payout_desk.payouts.look_at_due(),
            *[payout_desk.payouts.cancel(shown.row.id) for _ in range(3)],
            return_exceptions=True,
        )
        await payout_desk.recover()

        row = await payout_desk.look(shown)
        ends.add(row.status)
        assert (row.status == "paid") == (await payout_desk.bank_paid(row) == ["paid"])
        assert await payout_desk.holds() == (500_000, 0) or row.status == "paid"
        if row.status == "paid":
            await payout_desk.fund(payout_desk.wallet, AMOUNT)
    assert ends <= {"paid", "cancelled"}


async def test_what_the_bank_paid_after_all_comes_out_of_suspense(payout_desk: PayoutDesk) -> None:
    shown = await payout_desk.pay_out(AMOUNT, upi("pay_then_drop"))
    payout_desk.clock.advance(QUIET)
    payouts = at(payout_desk, Rumours)
    assert (await payouts.cancel(shown.row.id)).row.status == "cancelled"

    await payout_desk.recover()

    row = await payout_desk.look(shown)
    assert (row.status, row.booked_to) == ("paid", "suspense")
    assert await payout_desk.holds() == (FUNDS, 0)
    assert (await payout_desk.clearing(), await payout_desk.suspense()) == (AMOUNT, -AMOUNT)


async def test_who_asked_for_it_hears_what_he_heard_before(payout_desk: PayoutDesk) -> None:
    asked = a_key()
    first = await payout_desk.pay_out(AMOUNT, upi("drop_before"), asked)
    payout_desk.clock.advance(QUIET)
    await payout_desk.payouts.cancel(first.row.id)

    again = await payout_desk.pay_out(AMOUNT, upi("drop_before"), asked)

    assert (again.row.id, again.row.status) == (first.row.id, "pending")  # as it was answered
    assert (await payout_desk.look(first)).status == "cancelled"
