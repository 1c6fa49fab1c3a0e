"""No tier's limit is ever exceeded: not at midnight, not by many at once, not by two processes."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.journal import Conflict, Fact, Origin, Told
from tallystick.platform.clock import HandClock
from tallystick.platform.postgres.pools import Database
from tallystick.wallets import HeldFor, Tier, limits
from tallystick.wallets.facts import OPENED, Opened
from tallystick.wallets.folds import WalletRow, fold_wallet, wallet_of
from tallystick.wallets.model import Invalid, LimitExceeded, NotPossible, TierNotFound
from tests.wallets.till import Till, asked, furnish, open_till

WALLET_ID, RECORD_ID, OWNER_ID = UUID(int=1), UUID(int=2), UUID(int=3)
START = datetime(2026, 2, 27, 22, tzinfo=UTC)


# By itself --------------------------------------------------------------------------------------


def told(fact: Fact, at: datetime) -> Told:
    return Told(0, 0, fact.aggregate_id, fact.version, fact.kind, 1, fact.data, Origin(), at)


def opened(at: datetime = START) -> WalletRow:
    data = Opened(WALLET_ID, OWNER_ID, "user", "INR", "tested")
    return fold_wallet(None, told(Fact(RECORD_ID, 1, OPENED, data), at))


hours = st.integers(min_value=-2, max_value=30)
steps = st.lists(st.tuples(hours, st.integers(1, 60), st.booleans()), max_size=40)
caps = st.one_of(st.none(), st.integers(0, 200))


@given(steps=steps, daily=caps, monthly=caps)
def test_whatever_is_allowed_stays_within_the_days_and_the_months_limit(
    steps: list[tuple[int, int, bool]], daily: int | None, monthly: int | None
) -> None:
    """Against a plain dictionary of days, with clocks that may go back a little."""
    tier = Tier("tested", "INR", daily, monthly)
    row, at = opened(), START
    spent: dict[date, int] = {}
    for forward, amount, gives_back in steps:
        at += timedelta(hours=forward)
        wallet = wallet_of(row)
        day = limits.spending_day(wallet, at)
        month = sum(minor for spent_on, minor in spent.items() if same_month(spent_on, day))
        fits = fits_in(daily, spent.get(day, 0), amount) and fits_in(monthly, month, amount)
        try:
            fact = limits.outgoing(wallet, amount, tier, at)
        except LimitExceeded:
            assert not fits
            continue
        assert fits
        spent[day] = spent.get(day, 0) + amount
        row = fold_wallet(row, told(fact, at))
        if gives_back:
            spent[day] -= amount
            row = fold_wallet(row, told(limits.returned(wallet_of(row), amount, day), at))
        assert (row.spent_day_minor, row.spent_month_minor) == (
            spent[row.spent_on],
            sum(minor for on, minor in spent.items() if same_month(on, row.spent_on)),
        )


def same_month(one: date, other: date) -> bool:
    return (one.year, one.month) == (other.year, other.month)


def fits_in(cap: int | None, spent: int, amount: int) -> bool:
    return cap is None or spent + amount <= cap


def test_a_clock_that_is_turned_back_over_midnight_opens_no_new_day() -> None:
    tier = Tier("tested", "INR", daily_minor=100)
    later = START + timedelta(hours=3)
    row = fold_wallet(opened(), told(limits.outgoing(wallet_of(opened()), 100, tier, later), later))

    with pytest.raises(LimitExceeded):
        limits.outgoing(wallet_of(row), 1, tier, START)


def test_what_is_over_a_limit_says_how_much_is_left() -> None:
    with pytest.raises(LimitExceeded, match="leaves 70 minor units of INR within its balance"):
        limits.incoming(wallet_of(opened()), 71, 30, Tier("tested", "INR", None, None, 100))


# Over PostgreSQL --------------------------------------------------------------------------------


async def holds_that_fit(till: Till, wallet: UUID, payee: UUID, amount_minor: int) -> bool:
    try:
        await till.hold(wallet, HeldFor(wallet_id=payee), amount_minor)
    except (LimitExceeded, Conflict):
        return False
    return True


@pytest.mark.anyio
async def test_sixty_four_at_once_spend_the_days_limit_and_not_one_unit_more(till: Till) -> None:
    tier = await till.limit(daily_minor=1_000)
    wallet = await till.wallet("asha", 100_000, tier=tier)
    payee = await till.wallet("ravi")

    outcomes = await asyncio.gather(*(holds_that_fit(till, wallet, payee, 100) for _ in range(64)))

    assert sum(outcomes) == 10
    assert await till.spent(wallet) == (1_000, 1_000)
    assert await till.balances(wallet) == (100_000, 99_000, 1_000)
    assert await till.broken() == {}


@pytest.mark.anyio
async def test_two_processes_together_stay_within_the_days_limit(
    database: Database, clock: HandClock
) -> None:
    async with open_till(database, clock) as one, open_till(database, clock) as other:
        await furnish(one)
        tier = await one.limit(daily_minor=1_000)
        wallet = await one.wallet("asha", 100_000, tier=tier)
        payee = await one.wallet("ravi")

        outcomes = await asyncio.gather(
            *(holds_that_fit((one, other)[n % 2], wallet, payee, 100) for n in range(64))
        )

        assert 1 <= sum(outcomes) <= 10
        assert await one.spent(wallet) == (100 * sum(outcomes),) * 2
        assert await one.broken() == {}


@pytest.mark.anyio
async def test_captures_at_once_never_fill_a_wallet_above_its_limit(till: Till) -> None:
    tier = await till.limit(balance_minor=500)
    payee = await till.wallet("ravi", tier=tier)
    payers = [await till.wallet(f"payer {n}", 100) for n in range(8)]
    holds = [await till.hold(payer, HeldFor(wallet_id=payee), 100) for payer in payers]

    outcomes = await asyncio.gather(
        *(till.holds.capture(hold.id) for hold in holds), return_exceptions=True
    )

    assert sum(not isinstance(outcome, Exception) for outcome in outcomes) == 5
    assert await till.balances(payee) == (500, 500, 0)


@pytest.mark.anyio
async def test_a_new_day_and_a_new_month_begin_at_midnight_utc(till: Till) -> None:
    till.clock.set(datetime(2026, 3, 30, 23, 59, tzinfo=UTC))
    tier = await till.limit(daily_minor=100, monthly_minor=150)
    wallet, payee = await till.wallet("asha", 1_000, tier=tier), await till.wallet("ravi")

    assert await holds_that_fit(till, wallet, payee, 100)
    assert not await holds_that_fit(till, wallet, payee, 1)
    till.clock.advance(timedelta(minutes=1))
    assert await holds_that_fit(till, wallet, payee, 50)
    assert not await holds_that_fit(till, wallet, payee, 1)
    till.clock.advance(timedelta(days=1))
    assert await holds_that_fit(till, wallet, payee, 100)
    assert await till.broken() == {}


@pytest.mark.anyio
async def test_new_limits_of_a_tier_hold_from_the_next_move_on(till: Till) -> None:
    wallet = await till.wallet("asha", 1_000, tier=await till.limit(daily_minor=100))
    payee = await till.wallet("ravi")
    assert not await holds_that_fit(till, wallet, payee, 101)

    await till.limit(daily_minor=200)
    assert await holds_that_fit(till, wallet, payee, 101)
    await till.wallets.assign_tier(wallet, "unlimited")
    assert await holds_that_fit(till, wallet, payee, 500)


@pytest.mark.anyio
async def test_nothing_is_held_on_a_frozen_or_closed_wallet(till: Till) -> None:
    wallet, payee = await till.wallet("asha"), await till.wallet("ravi")
    await till.wallets.freeze(wallet)
    with pytest.raises(NotPossible, match="frozen"):
        await till.hold(wallet, HeldFor(wallet_id=payee), 1)
    await till.wallets.unfreeze(wallet)
    await till.wallets.close(wallet)
    with pytest.raises(NotPossible, match="closed"):
        await till.hold(wallet, HeldFor(wallet_id=payee), 1)


# Tiers ------------------------------------------------------------------------------------------


@pytest.mark.anyio
async def test_shipped_tiers_hold_until_others_are_set(till: Till) -> None:
    tiers = till.wallets.tiers
    shipped = await tiers.get("basic", "INR")
    await tiers.set(Tier("basic", "INR", 5, 5, 5), origin=Origin())

    assert shipped.daily_minor == 1_000_000
    assert await tiers.get("basic", "INR") == Tier("basic", "INR", 5, 5, 5)
    assert Tier("basic", "INR", 5, 5, 5) in await tiers.list_tiers()
    assert await tiers.get("unlimited", "JPY") == Tier("unlimited", "JPY")
    with pytest.raises(TierNotFound):
        await tiers.get("basic", "JPY")


@pytest.mark.anyio
async def test_limits_set_at_once_are_set_one_after_the_other(till: Till) -> None:
    await asyncio.gather(*(till.limit(daily_minor=n) for n in range(4)))

    found = await till.wallets.tiers.get("tested", "INR")
    assert found.daily_minor in range(4)


@pytest.mark.anyio
async def test_repeated_limits_are_set_once(till: Till) -> None:
    tiers, tier = till.wallets.tiers, Tier("tested", "INR", 5)
    await tiers.set(tier, asked=asked("k1"), origin=Origin())
    await till.limit(daily_minor=6)

    again = await tiers.set(tier, asked=asked("k1"), origin=Origin())
    assert (again.tier, again.replayed) == (tier, True)
    assert (await tiers.get("tested", "INR")).daily_minor == 6


@pytest.mark.anyio
@pytest.mark.parametrize(
    "tier",
    [
        Tier("unlimited", "INR", 5),
        Tier("Not A Name", "INR"),
        Tier("tested", "INR", -1),
        Tier("tested", "INR", 10**15 + 1),
    ],
)
async def test_limits_that_cannot_be_are_not_set(till: Till, tier: Tier) -> None:
    with pytest.raises(Invalid):
        await till.wallets.tiers.set(tier, origin=Origin())
