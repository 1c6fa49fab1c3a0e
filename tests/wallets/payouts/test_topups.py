"""A capture for a wallet credits it once, whoever reads and however often he dies."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from msgspec import Struct

from tallystick.journal import Change, Fact, Told
from tallystick.platform.ids import new_id
from tallystick.wallets.topups import TopUp, fact_reader, top_up_id
from tallystick.wallets.topups.fact_reader import FactReader
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


def reader(desk: PayoutDesk, wallet_id: UUID | None = None) -> FactReader:
    async def purpose(fact: Told) -> TopUp | None:
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

    return desk.top_ups.reader(KINDS, purpose)


async def test_the_wallet_gets_what_was_captured(payout_desk: PayoutDesk) -> None:
    payment = await capture(payout_desk)

    await reader(payout_desk).run_once()
    await reader(payout_desk).run_once()

    (row,) = await payout_desk.top_ups.get_by_payment(payment)
    assert (row.status, row.amount_minor) == ("credited", 10_000)
    assert await payout_desk.holds() == (FUNDS + 10_000, 0)
    assert await payout_desk.holds(payout_desk.payable()) == (FUNDS - 10_000, 0)


async def test_many_readers_at_once_credit_once(payout_desk: PayoutDesk) -> None:
    for _ in range(5):
        await capture(payout_desk, 1_000)

    for _ in range(6):
        await asyncio.gather(*[reader(payout_desk).run_once() for _ in range(4)])

    assert await payout_desk.holds() == (FUNDS + 5_000, 0)


async def test_a_wallet_that_takes_nothing_is_credited_when_it_does(
    payout_desk: PayoutDesk,
) -> None:
    await payout_desk.wallets.freeze(payout_desk.wallet, "all")
    payment = await capture(payout_desk)
    await reader(payout_desk).run_once()
    (row,) = await payout_desk.top_ups.get_by_payment(payment)
    assert (row.status, row.failure_code) == ("waiting", "wallet_frozen")
    await payout_desk.wallets.unfreeze(payout_desk.wallet)

    payout_desk.clock.set(row.due_at or payout_desk.clock.now())
    await asyncio.gather(*[payout_desk.top_ups.retry_due() for _ in range(3)])

    (row,) = await payout_desk.top_ups.get_by_payment(payment)
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
    await reader(payout_desk, wallet).run_once()
    await capture(payout_desk, 1_000)

    await reader(payout_desk).run_once()

    (row,) = await payout_desk.top_ups.get_by_payment(stuck)
    assert (row.status, row.failure_code) == ("waiting", code)
    assert await payout_desk.holds() == (FUNDS + 1_000, 0)


async def test_a_long_way_without_effects_is_walked_once(
    payout_desk: PayoutDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fact_reader, "BATCH", 20)
    for _ in range(30):
        await capture(payout_desk, 0)

    while await reader(payout_desk).run_once() == 20:
        pass
    walked = await reader(payout_desk).run_once()

    assert walked < 20
    told = await payout_desk.journal.facts_after(0, 0, 1_000)
    assert [fact.kind for fact in told].count("reader.moved") <= 4
