"""A capture for a wallet opens one top-up and credits it once, whoever reads and however often."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from msgspec import Struct

from tallystick.delivery.deliveries import Deliveries
from tallystick.journal import Change, Fact, Told
from tallystick.platform.ids import new_id
from tallystick.platform.postgres.pools import Database
from tallystick.wallets.topups import TopUp, TopUpNotFound, TopUpsWanted, consumer, top_up_id
from tallystick.wallets.topups.folds import TopUpRow
from tests.wallets.payouts.conftest import FUNDS
from tests.wallets.payouts.desk import PayoutDesk

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("payouts_proven")]

KINDS = frozenset({"payment.captured"})


class Captured(Struct):
    """As much of a capture as these tests need."""

    amount_minor: int


async def capture(desk: PayoutDesk, amount_minor: int = 10_000) -> UUID:
    """The fact that a payment was captured."""
    payment_id = new_id(desk.clock.now(), 0)
    fact = Fact(payment_id, 1, "payment.captured", Captured(amount_minor))
    await desk.journal.record(Change(new_id(desk.clock.now(), 0), (fact,)))
    return payment_id


def deliveries(desk: PayoutDesk, wallet_id: UUID | None = None) -> Deliveries:
    """The consumer at work, told of captures for this wallet."""

    async def purpose(facts: Sequence[Told], _database: Database) -> list[TopUp | None]:
        return [top_up_of(fact) for fact in facts]

    def top_up_of(fact: Told) -> TopUp | None:
        data: dict[str, Any] = fact.data
        if not data["amount_minor"]:
            return None
        return TopUp(
            id=top_up_id(fact.aggregate_id, fact.version),
            payment_id=fact.aggregate_id,
            wallet_id=wallet_id or desk.wallet,
            from_account_id=desk.payable(),
            amount_minor=data["amount_minor"],
            currency="INR",
        )

    return Deliveries(consumer(KINDS, purpose), desk.journal, desk.top_ups.database, desk.clock)


async def read(desk: PayoutDesk, wallet_id: UUID | None = None) -> None:
    """Deliver every capture there is, and credit what is due."""
    captured = [fact for fact in await desk.journal.facts_after(0, 0) if fact.kind in KINDS]
    assert await deliveries(desk, wallet_id).deliver(captured) == []
    await desk.top_ups.credit_due()


async def of_payment(desk: PayoutDesk, payment_id: UUID) -> tuple[TopUpRow, ...]:
    return await desk.top_ups.list_top_ups(TopUpsWanted(payment_id=payment_id))


async def test_the_wallet_gets_what_was_captured(payout_desk: PayoutDesk) -> None:
    payment = await capture(payout_desk)

    await read(payout_desk)
    await read(payout_desk)

    (row,) = await of_payment(payout_desk, payment)
    assert (row.status, row.amount_minor) == ("credited", 10_000)
    assert await payout_desk.holds() == (FUNDS + 10_000, 0)
    assert await payout_desk.holds(payout_desk.payable()) == (FUNDS - 10_000, 0)


async def test_many_readers_at_once_credit_once(payout_desk: PayoutDesk) -> None:
    for _ in range(5):
        await capture(payout_desk, 1_000)

    for _ in range(3):
        await asyncio.gather(*[read(payout_desk) for _ in range(4)])

    assert await payout_desk.holds() == (FUNDS + 5_000, 0)


async def test_a_wallet_that_takes_nothing_is_credited_when_it_does(
    payout_desk: PayoutDesk,
) -> None:
    await payout_desk.wallets.freeze(payout_desk.wallet, "all")
    payment = await capture(payout_desk)
    await read(payout_desk)
    (row,) = await of_payment(payout_desk, payment)
    assert (row.status, row.failure_code) == ("waiting", "wallet_frozen")
    await payout_desk.wallets.unfreeze(payout_desk.wallet)

    payout_desk.clock.set(row.due_at or payout_desk.clock.now())
    await asyncio.gather(*[payout_desk.top_ups.credit_due() for _ in range(3)])

    (row,) = await of_payment(payout_desk, payment)
    assert (row.status, row.failure_code, row.due_at) == ("credited", None, None)
    assert await payout_desk.holds() == (FUNDS + 10_000, 0)


@pytest.mark.parametrize(
    ("amount_minor", "wallet", "code"),
    [
        (60_000, None, "insufficient_funds"),
        (600_000, None, "balance_limit_exceeded"),
        (1, UUID(int=7 << 76 | 2 << 62), "wallet_not_found"),
    ],
)
async def test_what_cannot_be_credited_waits_and_the_next_is_not_kept_waiting(
    payout_desk: PayoutDesk, amount_minor: int, wallet: UUID | None, code: str
) -> None:
    merchant = payout_desk.merchant.id
    await payout_desk.pay_out(450_000, merchant_id=merchant, currency="INR")
    stuck = await capture(payout_desk, amount_minor)
    await read(payout_desk, wallet)
    await capture(payout_desk, 1_000)

    await read(payout_desk)

    (row,) = await of_payment(payout_desk, stuck)
    assert (row.status, row.failure_code) == ("waiting", code)
    assert await payout_desk.holds() == (FUNDS + 1_000, 0)


async def test_a_capture_of_another_purpose_tops_up_nothing(payout_desk: PayoutDesk) -> None:
    payment = await capture(payout_desk, 0)

    await read(payout_desk)

    assert await of_payment(payout_desk, payment) == ()


class TestLooking:
    async def test_a_page_goes_on_behind_the_last_row(self, payout_desk: PayoutDesk) -> None:
        for _ in range(3):
            await capture(payout_desk, 1_000)
        await read(payout_desk)

        first = await payout_desk.top_ups.list_top_ups(TopUpsWanted(limit=2))
        place = first[-1].created_at, first[-1].id
        rest = await payout_desk.top_ups.list_top_ups(TopUpsWanted(after=place))

        assert (len(first), len(rest)) == (2, 1)
        assert {row.id for row in first}.isdisjoint(row.id for row in rest)

    async def test_whoever_had_the_money_or_has_it_sees_it(self, payout_desk: PayoutDesk) -> None:
        await capture(payout_desk)
        await read(payout_desk)
        (row,) = await payout_desk.top_ups.list_top_ups(TopUpsWanted())

        for account in (payout_desk.wallet, payout_desk.payable()):
            wanted = TopUpsWanted(account_ids=[account])
            assert await payout_desk.top_ups.list_top_ups(wanted) == (row,)
            assert await payout_desk.top_ups.get(row.id, account_ids=[account]) == row
        both = TopUpsWanted(account_ids=[payout_desk.wallet, payout_desk.payable()])
        assert await payout_desk.top_ups.list_top_ups(both) == (row,)

    async def test_to_anybody_else_it_is_not_there(self, payout_desk: PayoutDesk) -> None:
        await capture(payout_desk)
        await read(payout_desk)
        (row,) = await payout_desk.top_ups.list_top_ups(TopUpsWanted())

        assert await payout_desk.top_ups.list_top_ups(TopUpsWanted(account_ids=[row.id])) == ()
        with pytest.raises(TopUpNotFound):
            await payout_desk.top_ups.get(row.id, account_ids=[row.id])
