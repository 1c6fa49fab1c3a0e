"""What the payments room is promised by every provider: banks, and our own wallets."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tallystick.platform.clock import HandClock
from tallystick.platform.postgres.pools import Database
from tallystick.rails import Approved, Declined, NotFound, Outcome, Rails, Unanswered
from tallystick.rails.providers import PROVIDERS
from tallystick.sandbox import Sandbox
from tallystick.wallets.rail import ROUTE
from tests.contracts.counter import Counter
from tests.wallets.till import furnish, open_till
from tests.wallets.wallet_counter import WalletCounter, counter_of

pytestmark = pytest.mark.anyio


@pytest.fixture(params=[*PROVIDERS, ROUTE])
async def provider(
    request: pytest.FixtureRequest,
    rails: Rails,
    sandbox: Sandbox,
    database: Database,
    clock: HandClock,
) -> AsyncIterator[Counter | WalletCounter]:
    """One provider, with a payer who has INR 50.00."""
    if request.param != ROUTE:
        yield Counter(rails, str(request.param), sandbox.books[str(request.param)])
        return
    async with open_till(database, clock) as till:
        await furnish(till)
        yield counter_of(till, await till.wallet("asha", 5_000), await till.merchant())
        assert await till.broken() == {}


def code_of(outcome: Outcome) -> str:
    """Our code of a decline that is final."""
    assert isinstance(outcome, Declined), outcome
    assert not outcome.retryable
    return outcome.code


async def test_a_payment_is_held_taken_in_parts_and_given_back(
    provider: Counter | WalletCounter,
) -> None:
    reference = provider.fresh()

    outcomes = [
        await provider.authorize(reference, amount_minor=1_000),
        await provider.capture(reference, f"{reference}-c1", 600, final=False),
        await provider.capture(reference, f"{reference}-c2", 400, final=True),
        await provider.refund(reference, f"{reference}-r1", 250),
    ]

    assert all(isinstance(outcome, Approved) for outcome in outcomes)
    assert len(set(map(repr, outcomes))) == 4
    assert await provider.moved(reference) == (1_000, 250)


async def test_what_was_held_is_let_go(provider: Counter | WalletCounter) -> None:
    reference = provider.fresh()
    await provider.authorize(reference, amount_minor=1_000)

    assert isinstance(await provider.void(reference, f"{reference}-v1"), Approved)
    late = await provider.capture(reference, f"{reference}-c1", 1, final=True)
    assert code_of(late) == "authorization_not_open"


async def test_64_equal_orders_at_once_have_one_effect(provider: Counter | WalletCounter) -> None:
    reference = provider.fresh()
    await provider.authorize(reference, amount_minor=1_000)

    taken = await asyncio.gather(
        *(provider.capture(reference, f"{reference}-c1", 100, final=False) for _ in range(64))
    )

    assert len({repr(outcome) for outcome in taken}) == 1
    assert isinstance(taken[0], Approved)
    assert await provider.moved(reference) == (100, 0)


async def test_what_was_asked_is_found_by_its_reference(provider: Counter | WalletCounter) -> None:
    reference = provider.fresh()

    assert await provider.find(reference) == NotFound()
    done = await provider.authorize(reference, amount_minor=1_000)
    refused = await provider.capture(reference, f"{reference}-c1", 1_001, final=True)

    assert await provider.find(reference) == done
    assert await provider.find(f"{reference}-c1") == refused


async def test_a_reference_used_for_another_order_is_no_answer_to_ours(
    provider: Counter | WalletCounter,
) -> None:
    reference = provider.fresh()
    await provider.authorize(reference, amount_minor=1_000)

    assert isinstance(await provider.authorize(reference, amount_minor=2_000), Unanswered)


async def test_more_than_there_is_is_declined(provider: Counter | WalletCounter) -> None:
    reference = provider.fresh()
    await provider.authorize(reference, amount_minor=1_000)

    taken = await provider.capture(reference, f"{reference}-c1", 1_001, final=True)
    given_back = await provider.refund(reference, f"{reference}-r1", 1_001)

    assert code_of(taken) == "capture_exceeds_authorization"
    assert code_of(given_back) == "refund_exceeds_capture"
    assert await provider.moved(reference) == (0, 0)


async def test_an_order_on_nothing_is_no_answer(provider: Counter | WalletCounter) -> None:
    nothing = provider.fresh()

    assert isinstance(await provider.capture(nothing, f"{nothing}-c1", 1, final=True), Unanswered)
    assert await provider.find(f"{nothing}-c1") == NotFound()
