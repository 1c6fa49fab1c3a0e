"""What a wallet promises the payments room, as every provider does: once, by the reference."""

import asyncio
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from tallystick.books import PLATFORM, account_id, chart
from tallystick.rails import (
    Approved,
    Declined,
    NotFound,
    Rails,
    Unanswered,
)
from tallystick.rails.rails import RouteNameTaken
from tallystick.wallets import HoldsWanted
from tallystick.wallets.model import NotPossible
from tallystick.wallets.rail import ROUTE, WalletRail
from tests.wallets.till import Till, open_till
from tests.wallets.wallet_counter import SETTINGS, TTL, WalletCounter, counter_of

pytestmark = pytest.mark.anyio


@pytest.fixture
async def counter(till: Till) -> WalletCounter:
    """Asha's wallet with INR 10.00, and a merchant."""
    return counter_of(till, await till.wallet("asha", 1_000), await till.merchant())


async def clearing_minor(till: Till) -> int:
    """What was taken from wallets and waits for payments: none of those are here to take it."""
    code = chart.wallet_clearing_code("INR")
    account = await till.ledger.find_account(account_id(PLATFORM, code))
    assert account is not None
    return -account.posted_minor


def declined(code: str, provider_code: str | None = None) -> Declined:
    return Declined(code, retryable=False, provider_code=provider_code or code)


# The way of a payment -------------------------------------------------------------------------


async def test_a_payment_is_held_taken_in_parts_and_given_back(
    till: Till, counter: WalletCounter
) -> None:
    reference = counter.fresh()

    outcomes = [
        await counter.authorize(reference),
        await counter.capture(reference, f"{reference}-c1", 200),
        await counter.capture(reference, f"{reference}-c2", 300, final=True),
        await counter.refund(reference, f"{reference}-r1", 100),
    ]

    assert all(isinstance(outcome, Approved) for outcome in outcomes)
    assert len(set(map(repr, outcomes))) == 4
    assert await till.balances(counter.wallet_id) == (600, 600, 0)
    assert await clearing_minor(till) == 400
    assert await till.spent(counter.wallet_id) == (500, 500)
    assert await till.broken() == {}


async def test_a_payment_that_is_taken_at_once_leaves_no_hold(
    till: Till, counter: WalletCounter
) -> None:
    reference = counter.fresh()

    assert isinstance(await counter.authorize(reference, capture=True), Approved)

    assert await till.balances(counter.wallet_id) == (400, 400, 0)
    assert await till.holds.list_holds(HoldsWanted(wallet_id=counter.wallet_id)) == ()
    assert await counter.capture(reference, f"{reference}-c1", 1) == declined("already_captured")
    assert await counter.void(reference, f"{reference}-v1") == declined("already_captured")
    assert isinstance(await counter.refund(reference, f"{reference}-r1", 600), Approved)
    assert await till.balances(counter.wallet_id) == (1_000, 1_000, 0)
    assert await clearing_minor(till) == 0
    assert await till.broken() == {}


async def test_what_is_held_names_its_merchant_and_payment_and_outlives_it(
    till: Till, counter: WalletCounter
) -> None:
    reference = counter.fresh()
    await counter.authorize(reference)

    (hold,) = await till.holds.list_holds(HoldsWanted(merchant_id=counter.merchant_id))

    assert (hold.reference, hold.amount_minor) == (reference, 600)
    assert hold.expires_at == till.clock.now() + TTL
    assert WalletRail.over(till.wallets, SETTINGS).hold_ttl == timedelta(days=8)
    assert await till.balances(counter.wallet_id) == (1_000, 400, 600)


async def test_only_the_payment_ends_its_hold(till: Till, counter: WalletCounter) -> None:
    await counter.authorize(counter.fresh())
    (hold,) = await till.holds.list_holds(HoldsWanted(wallet_id=counter.wallet_id))

    for verb in (till.holds.capture, till.holds.release):
        with pytest.raises(NotPossible) as refused:
            await verb(hold.id)
        assert refused.value.code == "hold_kept"


async def test_what_was_held_is_let_go_with_its_limits(till: Till, counter: WalletCounter) -> None:
    reference = counter.fresh()
    await counter.authorize(reference)
    await counter.capture(reference, f"{reference}-c1", 100)

    assert isinstance(await counter.void(reference, f"{reference}-v1"), Approved)
    assert await till.balances(counter.wallet_id) == (900, 900, 0)
    assert await till.spent(counter.wallet_id) == (100, 100)
    for ask in (counter.capture(reference, "c2", 1), counter.void(reference, "v2")):
        assert await ask == declined("authorization_not_open", "hold_not_active")
    assert await till.broken() == {}


async def test_a_hold_that_nobody_ends_runs_out_and_is_not_captured(
    till: Till, counter: WalletCounter
) -> None:
    reference = counter.fresh()
    await counter.authorize(reference)
    till.clock.advance(TTL)

    late = await counter.capture(reference, f"{reference}-c1", 1)
    await till.holds.expire_due()

    assert late == declined("authorization_not_open", "hold_expired")
    assert await till.balances(counter.wallet_id) == (1_000, 1_000, 0)
    assert await till.broken() == {}


# Refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize("capture", [True, False])
async def test_a_refused_payment_has_moved_nothing_and_says_why(
    till: Till, counter: WalletCounter, *, capture: bool
) -> None:
    frozen, closed = await till.wallet("noor", 1_000), await till.wallet("omar")
    await till.wallets.freeze(frozen)
    await till.wallets.close(closed)
    limited = await till.wallet("ravi", 1_000, tier=await till.limit(daily_minor=500))
    nobodys = till.owner("nobody")
    asked: dict[str, tuple[UUID, dict[str, Any]]] = {
        "insufficient_funds": (counter.wallet_id, {"amount_minor": 1_001}),
        "currency_mismatch": (counter.wallet_id, {"currency": "USD"}),
        "daily_limit_exceeded": (limited, {}),
        "wallet_frozen": (frozen, {}),
        "wallet_closed": (closed, {}),
        "wallet_not_found": (nobodys, {}),
    }

    for code, (wallet_id, order) in asked.items():
        one, reference = counter_of(till, wallet_id, counter.merchant_id), counter.fresh()
        outcome = await one.authorize(reference, capture=capture, **order)
        assert outcome == declined(code)
        assert await one.rail.find(reference) == outcome
    assert await till.balances(counter.wallet_id) == (1_000, 1_000, 0)
    assert await clearing_minor(till) == 0
    assert await till.broken() == {}


async def test_a_decline_stands_though_the_money_comes_later(
    till: Till, counter: WalletCounter
) -> None:
    reference = counter.fresh()
    first = await counter.authorize(reference, 1_001)
    await till.fund(counter.wallet_id, 1_000)

    assert await counter.authorize(reference, 1_001) == first == declined("insufficient_funds")
    assert isinstance(await counter.authorize(counter.fresh(), 1_001), Approved)


async def test_more_than_there_is_is_declined(counter: WalletCounter) -> None:
    reference = counter.fresh()
    await counter.authorize(reference)
    too_much = await counter.capture(reference, f"{reference}-c1", 601)
    await counter.capture(reference, f"{reference}-c2", 200)
    await counter.refund(reference, f"{reference}-r1", 150)

    assert too_much == declined("capture_exceeds_authorization", "hold_exceeded")
    assert await counter.refund(reference, "r2", 51) == declined("refund_exceeds_capture")
    assert isinstance(await counter.refund(reference, "r3", 50), Approved)


async def test_a_wallet_that_may_not_receive_is_not_refunded(
    till: Till, counter: WalletCounter
) -> None:
    reference = counter.fresh()
    await counter.authorize(reference, capture=True)
    await till.wallets.assign_tier(counter.wallet_id, await till.limit(balance_minor=500))

    full = await counter.refund(reference, "full", 101)
    await till.wallets.freeze(counter.wallet_id, "all")
    frozen = await counter.refund(reference, "frozen", 1)
    await till.wallets.unfreeze(counter.wallet_id)

    assert (full, frozen) == (declined("balance_limit_exceeded"), declined("wallet_frozen"))
    assert isinstance(await counter.refund(reference, "fits", 100), Approved)
    assert await till.balances(counter.wallet_id) == (500, 500, 0)


async def test_an_order_on_nothing_is_no_answer(counter: WalletCounter) -> None:
    nothing = counter.fresh()

    for ask in (
        counter.capture(nothing, f"{nothing}-c1", 1),
        counter.void(nothing, f"{nothing}-v1"),
        counter.refund(nothing, f"{nothing}-r1", 1),
    ):
        assert await ask == Unanswered("unknown_authorization")
    assert await counter.rail.find(nothing) == NotFound()


async def test_nothing_is_taken_on_a_declined_authorization(counter: WalletCounter) -> None:
    reference = counter.fresh()
    await counter.authorize(reference, 1_001)

    for ask in (counter.capture(reference, "c1", 1), counter.void(reference, "v1")):
        assert await ask == declined("authorization_not_open")
    assert await counter.refund(reference, "r1", 1) == declined("refund_exceeds_capture")


# Once -----------------------------------------------------------------------------------------


async def test_64_equal_orders_at_once_have_one_effect(till: Till, counter: WalletCounter) -> None:
    reference = counter.fresh()
    verbs = (
        partial(counter.authorize, reference),
        partial(counter.capture, reference, "c1", 100),
        partial(counter.refund, reference, "r1", 40),
        partial(counter.void, reference, "v1"),
    )

    for verb in verbs:
        outcomes = await asyncio.gather(*(verb() for _ in range(64)))
        assert len({repr(outcome) for outcome in outcomes}) == 1
        assert isinstance(outcomes[0], Approved)

    assert await till.balances(counter.wallet_id) == (940, 940, 0)
    assert await till.broken() == {}


async def test_two_processes_asked_the_same_at_once_do_it_once(
    till: Till, counter: WalletCounter
) -> None:
    async with open_till(till.database, till.clock) as other:
        there = counter_of(other, counter.wallet_id, counter.merchant_id)
        for number in range(8):
            reference = f"pay_race_{number}-a1"
            here, far = await asyncio.gather(
                *(one.authorize(reference, 100, capture=True) for one in (counter, there))
            )
            assert here == far
            assert isinstance(here, Approved)
    assert await till.balances(counter.wallet_id) == (200, 200, 0)
    assert await till.broken() == {}


async def test_of_refunds_at_once_no_more_succeed_than_was_taken(
    till: Till, counter: WalletCounter
) -> None:
    reference = counter.fresh()
    await counter.authorize(reference, capture=True)

    outcomes = await asyncio.gather(
        *(counter.refund(reference, f"r{number}", 250) for number in range(6))
    )

    assert sum(isinstance(outcome, Approved) for outcome in outcomes) == 2
    assert await till.balances(counter.wallet_id) == (900, 900, 0)
    assert await till.broken() == {}


async def test_a_limit_holds_however_many_payments_are_asked_at_once(
    till: Till, counter: WalletCounter
) -> None:
    wallet_id = await till.wallet("ravi", 1_000, tier=await till.limit(daily_minor=500))
    one = counter_of(till, wallet_id, counter.merchant_id)

    outcomes = await asyncio.gather(
        *(one.authorize(one.fresh(), 200, capture=bool(n % 2)) for n in range(6))
    )

    assert sum(isinstance(outcome, Approved) for outcome in outcomes) == 2
    assert await till.spent(wallet_id) == (400, 400)


async def test_a_reference_used_for_another_order_is_no_answer_to_ours(
    counter: WalletCounter,
) -> None:
    reference = counter.fresh()
    await counter.authorize(reference)

    assert await counter.authorize(reference, 601) == Unanswered("another_order")
    assert await counter.capture(reference, reference, 600) == Unanswered("another_order")


async def test_what_was_done_is_found_by_its_reference(counter: WalletCounter) -> None:
    reference = counter.fresh()
    done = [
        await counter.authorize(reference),
        await counter.capture(reference, "found-c1", 100),
        await counter.refund(reference, "found-r1", 100),
        await counter.void(reference, "found-v1"),
    ]

    found = [
        await counter.rail.find(name) for name in (reference, "found-c1", "found-r1", "found-v1")
    ]

    assert found == done


# The route ------------------------------------------------------------------------------------


async def test_wallets_have_one_route_and_cards_never_take_it(counter: WalletCounter) -> None:
    rails = Rails((), {}).joined_by(counter.rail)

    assert [route.name for route in rails.choose(1, "INR", "wallet")] == [ROUTE]
    assert rails.choose(1, "INR", "card") == rails.choose(1, "CHF", "wallet") == ()
    assert rails.choose_for_payout(1, "INR", "upi") == ()
    assert rails.telling_disputes == ()
    with pytest.raises(RouteNameTaken):
        rails.joined_by(counter.rail)
