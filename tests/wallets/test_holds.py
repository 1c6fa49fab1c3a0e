"""Holds set money aside for a payee; they and their reservations never tell different stories."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from tallystick.journal import Change, Refused
from tallystick.ledger import Void
from tallystick.platform.ids import derived_id, new_id
from tallystick.wallets import Call, HeldFor, Hold, HoldsWanted
from tallystick.wallets.model import (
    HoldNotFound,
    Invalid,
    LimitExceeded,
    NotPossible,
    WalletNotFound,
)
from tests.wallets.till import Till, asked, open_till

pytestmark = pytest.mark.anyio


async def placed(till: Till, amount_minor: int = 600, funds_minor: int = 1_000) -> Hold:
    """A hold on `asha`, for `ravi`'s wallet."""
    payer, payee = await till.wallet("asha", funds_minor), await till.wallet("ravi")
    return await till.hold(payer, HeldFor(wallet_id=payee), amount_minor)


async def state_of(till: Till, hold: Hold) -> tuple[str, int]:
    found = await till.ledger.find_reservation(hold.reservation_id)
    assert found is not None
    return found.state, found.remaining_minor


# Placing ----------------------------------------------------------------------------------------


async def test_held_money_is_pending_and_still_the_owners(till: Till) -> None:
    hold = await placed(till)

    assert (hold.status, hold.remaining_minor) == ("active", 600)
    assert await till.balances(hold.wallet_id) == (1_000, 400, 600)
    assert await till.balances(hold.to_account_id) == (0, 0, 0)
    assert await till.broken() == {}


async def test_no_more_is_held_than_is_there(till: Till) -> None:
    hold = await placed(till)

    with pytest.raises(Refused) as refused:
        await till.hold(hold.wallet_id, HeldFor(wallet_id=hold.to_wallet_id), 401)

    assert refused.value.code == "insufficient_funds"


@pytest.mark.parametrize("expires_in_s", [0, -1, 31 * 86_400])
async def test_a_hold_lasts_a_while_and_not_for_ever(till: Till, expires_in_s: int) -> None:
    payer, payee = await till.wallet("asha", 1_000), await till.wallet("ravi")
    at = till.clock.now() + timedelta(seconds=expires_in_s)

    with pytest.raises(Invalid) as refused:
        await till.holds.place(till.terms(payer, 1, expires_at=at), HeldFor(wallet_id=payee))

    assert refused.value.field == "expires_at"


async def test_a_hold_needs_a_payee_in_its_currency_and_not_itself(till: Till) -> None:
    payer = await till.wallet("asha", 1_000)
    dollars = (await till.wallets.open(till.owner("ravi"), "USD")).wallet.id

    for payee, field in ((payer, "to"), (dollars, "to")):
        with pytest.raises(Invalid) as refused:
            await till.hold(payer, HeldFor(wallet_id=payee), 1)
        assert refused.value.field == field
    with pytest.raises(WalletNotFound):
        await till.hold(payer, HeldFor(wallet_id=till.owner("nobody")), 1)
    terms = till.terms(payer, 1, currency="USD")
    with pytest.raises(Invalid):
        await till.holds.place(terms, HeldFor(wallet_id=dollars))


async def test_a_repeated_hold_holds_once(till: Till) -> None:
    payer, payee = await till.wallet("asha", 1_000), await till.wallet("ravi")
    terms, to, call = till.terms(payer, 600), HeldFor(wallet_id=payee), Call(asked=asked("k1"))

    first = await till.holds.place(terms, to, call)
    await till.holds.capture(first.hold.id)
    again = await till.holds.place(terms, to, call)

    assert (again.hold, again.replayed) == (first.hold, True)
    assert await till.balances(payer) == (400, 400, 0)


async def test_the_same_wish_eight_times_at_once_holds_once(till: Till) -> None:
    payer, payee = await till.wallet("asha", 1_000), await till.wallet("ravi")
    terms, to, call = till.terms(payer, 100), HeldFor(wallet_id=payee), Call(asked=asked("k1"))

    held = await asyncio.gather(*(till.holds.place(terms, to, call) for _ in range(8)))

    assert len({one.hold.id for one in held}) == 1
    assert sorted(one.replayed for one in held) == [False, *7 * [True]]
    assert await till.balances(payer) == (1_000, 900, 100)


# Capturing --------------------------------------------------------------------------------------


async def test_a_hold_is_captured_in_parts_until_nothing_is_left(till: Till) -> None:
    hold = await placed(till)

    first = (await till.holds.capture(hold.id, 100)).hold
    last = (await till.holds.capture(hold.id)).hold

    assert (first.status, first.captured_minor, first.remaining_minor) == ("active", 100, 500)
    assert (last.status, last.captured_minor, last.due_at) == ("captured", 600, None)
    assert await till.balances(hold.wallet_id) == (400, 400, 0)
    assert await till.balances(hold.to_account_id) == (600, 600, 0)
    assert await till.broken() == {}


async def test_a_final_capture_gives_back_the_rest(till: Till) -> None:
    hold = await placed(till)

    done = (await till.holds.capture(hold.id, 250, final=True)).hold

    assert (done.status, done.captured_minor, done.returned_minor) == ("captured", 250, 350)
    assert await till.balances(hold.wallet_id) == (750, 750, 0)
    assert await till.spent(hold.wallet_id) == (250, 250)
    assert await till.broken() == {}


async def test_no_more_is_captured_than_is_held(till: Till) -> None:
    hold = await placed(till)
    await till.holds.capture(hold.id, 500)

    with pytest.raises(NotPossible) as refused:
        await till.holds.capture(hold.id, 101)

    assert refused.value.code == "hold_exceeded"


async def test_of_captures_at_once_no_more_succeed_than_fit(till: Till) -> None:
    hold = await placed(till, 1_000)

    outcomes = await asyncio.gather(
        *(till.holds.capture(hold.id, 300) for _ in range(10)), return_exceptions=True
    )

    assert sum(not isinstance(outcome, Exception) for outcome in outcomes) == 3
    assert (await till.balances(hold.to_account_id))[0] == 900
    assert await till.broken() == {}


async def test_a_hold_for_a_merchant_is_captured_to_what_we_owe_it(till: Till) -> None:
    payer, merchant_id = await till.wallet("asha", 1_000), await till.merchant()
    hold = await till.hold(payer, HeldFor(merchant_id=merchant_id), 600)

    await till.holds.capture(hold.id, call=Call(merchant_id=merchant_id))

    assert await till.payable_minor(merchant_id) == 600


async def test_a_payee_whose_wallet_is_full_captures_nothing(till: Till) -> None:
    payer = await till.wallet("asha", 1_000)
    payee = await till.wallet("ravi", tier=await till.limit(balance_minor=500))
    hold = await till.hold(payer, HeldFor(wallet_id=payee), 600)

    with pytest.raises(LimitExceeded) as refused:
        await till.holds.capture(hold.id)
    await till.holds.capture(hold.id, 500)

    assert refused.value.code == "balance_limit_exceeded"
    assert await state_of(till, hold) == ("open", 100)


async def test_what_was_held_before_a_freeze_of_the_outflow_is_captured(till: Till) -> None:
    hold = await placed(till)
    await till.wallets.freeze(hold.wallet_id)
    await till.holds.capture(hold.id, 100)

    await till.wallets.freeze(hold.wallet_id, "all")
    with pytest.raises(NotPossible) as refused:
        await till.holds.capture(hold.id, 100)
    await till.holds.release(hold.id)

    assert refused.value.code == "wallet_frozen"
    assert await till.broken() == {}


# Releasing --------------------------------------------------------------------------------------


async def test_a_released_hold_frees_money_and_limits(till: Till) -> None:
    hold = await placed(till)
    done = await till.holds.release(hold.id)

    assert (done.hold.status, done.hold.returned_minor) == ("released", 600)
    assert await till.balances(hold.wallet_id) == (1_000, 1_000, 0)
    assert await till.spent(hold.wallet_id) == (0, 0)
    assert await state_of(till, hold) == ("voided", 0)
    for verb in (till.holds.capture, till.holds.release):
        with pytest.raises(NotPossible) as refused:
            await verb(hold.id)
        assert refused.value.code == "hold_not_active"


async def test_a_release_and_a_capture_at_once_never_both_happen(till: Till) -> None:
    hold = await placed(till)

    outcomes = await asyncio.gather(
        till.holds.capture(hold.id), till.holds.release(hold.id), return_exceptions=True
    )

    assert sum(isinstance(outcome, NotPossible) for outcome in outcomes) == 1
    assert await till.broken() == {}


async def test_only_whom_it_is_for_captures_and_releases(till: Till) -> None:
    payer_id, payee_id = await till.merchant(), await till.merchant()
    seen = await till.wallets.open(payer_id, "INR", owner_kind="merchant")
    await till.fund(seen.wallet.id, 1_000)
    place = Call(merchant_id=payer_id)
    hold = await till.hold(seen.wallet.id, HeldFor(merchant_id=payee_id), 600, call=place)

    for verb in (till.holds.capture, till.holds.release):
        with pytest.raises(NotPossible) as refused:
            await verb(hold.id, call=place)
        assert refused.value.code == "hold_not_yours"
        with pytest.raises(HoldNotFound):
            await verb(hold.id, call=Call(merchant_id=derived_id(payer_id, "stranger")))
    with pytest.raises(WalletNotFound):
        await till.hold(
            seen.wallet.id, HeldFor(merchant_id=payee_id), 1, call=Call(merchant_id=payee_id)
        )
    seen_by = [
        await till.holds.list_holds(HoldsWanted(merchant_id=who)) for who in (payer_id, payee_id)
    ]
    assert [[found.id for found in holds] for holds in seen_by] == [[hold.id], [hold.id]]


# Expiry -----------------------------------------------------------------------------------------


async def test_a_hold_whose_time_is_over_is_not_captured_even_before_the_job(till: Till) -> None:
    hold = await placed(till)
    till.clock.advance(timedelta(hours=1))

    with pytest.raises(NotPossible) as refused:
        await till.holds.capture(hold.id)

    assert refused.value.code == "hold_expired"


async def test_the_job_records_the_end_and_what_remained_returns(till: Till) -> None:
    hold = await placed(till)
    await till.holds.capture(hold.id, 100)
    assert await till.holds.expire_due() == 0

    till.clock.advance(timedelta(hours=1))
    assert await till.run_ledger_expiry() == 0  # the ledger leaves it to the hold
    assert await till.holds.expire_due() == 1
    assert await till.holds.expire_due() == 0

    done = await till.holds.get(hold.id)
    assert (done.status, done.captured_minor, done.returned_minor) == ("expired", 100, 500)
    assert await till.balances(hold.wallet_id) == (900, 900, 0)
    assert await till.spent(hold.wallet_id) == (100, 100)
    assert await till.broken() == {}


async def test_two_workers_record_each_end_once(till: Till) -> None:
    payer, payee = await till.wallet("asha", 1_000), await till.wallet("ravi")
    for _ in range(6):
        await till.hold(payer, HeldFor(wallet_id=payee), 100)
    till.clock.advance(timedelta(hours=1))

    async with open_till(till.database, till.clock) as other:
        both = await asyncio.gather(till.holds.expire_due(), other.holds.expire_due())
        left = await till.holds.expire_due() + await other.holds.expire_due()

    assert sum(both) + left == 6
    assert await till.balances(payer) == (1_000, 1_000, 0)
    assert await till.broken() == {}


async def test_a_hold_from_last_month_frees_no_limits_of_this_one(till: Till) -> None:
    payer, payee = await till.wallet("asha", 1_000), await till.wallet("ravi")
    at = till.clock.now() + timedelta(days=30)
    terms = till.terms(payer, 600, expires_at=at)
    hold = (await till.holds.place(terms, HeldFor(wallet_id=payee))).hold
    till.clock.advance(timedelta(days=30))
    await till.hold(payer, HeldFor(wallet_id=payee), 50)

    await till.holds.release(hold.id)

    assert await till.spent(payer) == (50, 50)
    assert await till.broken() == {}


# Proof ------------------------------------------------------------------------------------------


async def test_a_reservation_voided_behind_a_holds_back_is_found(till: Till) -> None:
    hold = await placed(till)

    meddling = Void(hold.reservation_id, "meddling")  # no verb would do it
    await till.journal.record(Change(new_id(till.clock.now(), 0), transfers=(meddling,)))

    assert "holds_are_reserved" in await till.broken()


@pytest.mark.parametrize("processes", [2])
async def test_holds_of_several_processes_never_exceed_the_money(
    till: Till, processes: int
) -> None:
    payer, payee = await till.wallet("asha", 1_000), await till.wallet("ravi")

    async def attempt(one: Till) -> UUID | None:
        try:
            return (await one.hold(payer, HeldFor(wallet_id=payee), 100)).id
        except Exception:  # noqa: BLE001 - refused, or outrun by the other process
            return None

    async with open_till(till.database, till.clock) as other:
        tills = (till, other)[:processes]
        holds = await asyncio.gather(*(attempt(tills[n % processes]) for n in range(24)))

    made = sum(hold is not None for hold in holds)
    assert 1 <= made <= 10
    assert await till.balances(payer) == (1_000, 1_000 - 100 * made, 100 * made)
