"""What every provider at a bank promises besides, whatever the line and the card do."""

import asyncio
from datetime import timedelta

import pytest

from tallystick.platform.clock import HandClock
from tallystick.rails import Approved, Declined, NotFound, Pending, Unanswered
from tests.contracts.counter import Counter

pytestmark = pytest.mark.anyio

DECLINES = [
    ("tok_declined", "card_declined"),
    ("tok_insufficient_funds", "insufficient_funds"),
    ("tok_expired_card", "expired_card"),
    ("tok_stolen_card", "stolen_card"),
    ("tok_limit_exceeded", "card_limit_exceeded"),
    ("tok_made_up", "invalid_card"),
]
# token; the amounts that do the same to a capture, a refund and a void
DONE_BUT_UNANSWERED = [
    ("tok_slow", 4150, 4250, 4350),
    ("tok_charge_then_drop", 4151, 4251, 4351),
    ("tok_wrong_schema", 4156, 4256, 4356),
    ("tok_charge_then_500", 4158, 4258, 4358),
]
NOT_DONE_AND_UNANSWERED = ["tok_drop_before", "tok_500", "tok_html"]


@pytest.mark.parametrize(("token", "code"), DECLINES)
async def test_a_refused_card_is_declined_for_good(token: str, code: str, counter: Counter) -> None:
    reference = counter.fresh()

    outcome = await counter.authorize(reference, token)

    assert isinstance(outcome, Declined)
    assert (outcome.code, outcome.retryable) == (code, False)
    assert await counter.find(reference) == outcome


@pytest.mark.parametrize(
    ("token", "code"),
    [("tok_issuer_down_everywhere", "issuer_unavailable"), ("tok_429", "route_busy")],
)
async def test_what_another_route_may_do_is_declined_as_retryable(
    token: str, code: str, counter: Counter
) -> None:
    reference = counter.fresh()

    outcome = await counter.authorize(reference, token)

    assert isinstance(outcome, Declined)
    assert (outcome.code, outcome.retryable) == (code, True)
    assert (await counter.standing(reference)).authorized_minor == 0


async def test_an_amount_over_the_limit_may_go_elsewhere(counter: Counter) -> None:
    outcome = await counter.authorize(counter.fresh(), amount_minor=200_000_01)

    assert outcome == Declined(
        "amount_too_large", retryable=True, provider_code="amount_over_bank_limit"
    )


@pytest.mark.parametrize("token", [row[0] for row in DONE_BUT_UNANSWERED])
async def test_a_charge_whose_answer_was_lost_is_found(
    token: str, counter: Counter, hasty: Counter
) -> None:
    reference = counter.fresh()

    assert isinstance(await hasty.authorize(reference, token), Unanswered)
    found = await counter.find(reference)

    assert isinstance(found, Approved)
    assert await counter.authorize(reference, token) == found
    assert (await counter.standing(reference)).authorized_minor == 1_000


@pytest.mark.parametrize("token", NOT_DONE_AND_UNANSWERED)
async def test_an_order_that_was_lost_on_its_way_is_not_found(token: str, counter: Counter) -> None:
    reference = counter.fresh()

    assert isinstance(await counter.authorize(reference, token), Unanswered)

    assert await counter.find(reference) == NotFound()
    assert (await counter.standing(reference)).authorization is None


@pytest.mark.parametrize("amount", [row[1] for row in DONE_BUT_UNANSWERED])
async def test_a_capture_whose_answer_was_lost_is_found(
    amount: int, counter: Counter, hasty: Counter
) -> None:
    reference = counter.fresh()
    await counter.authorize(reference, amount_minor=10_000)

    assert isinstance(await hasty.capture(reference, f"{reference}-c1", amount), Unanswered)

    assert isinstance(await counter.find(f"{reference}-c1"), Approved)
    assert (await counter.standing(reference)).captured_minor == amount


@pytest.mark.parametrize("amount", [row[2] for row in DONE_BUT_UNANSWERED])
async def test_a_refund_whose_answer_was_lost_is_found(
    amount: int, counter: Counter, hasty: Counter
) -> None:
    reference = counter.fresh()
    await counter.authorize(reference, amount_minor=10_000)
    await counter.capture(reference, f"{reference}-c1", 10_000)

    assert isinstance(await hasty.refund(reference, f"{reference}-r1", amount), Unanswered)

    assert isinstance(await counter.find(f"{reference}-r1"), Approved)
    assert (await counter.standing(reference)).refunded_minor == amount


@pytest.mark.parametrize("amount", [row[3] for row in DONE_BUT_UNANSWERED])
async def test_a_void_whose_answer_was_lost_is_found(
    amount: int, counter: Counter, hasty: Counter
) -> None:
    reference = counter.fresh()
    await counter.authorize(reference, amount_minor=amount)

    assert isinstance(await hasty.void(reference, f"{reference}-v1"), Unanswered)

    assert isinstance(await counter.find(f"{reference}-v1"), Approved)
    assert (await counter.standing(reference)).voided


async def test_what_is_not_found_may_still_arrive(counter: Counter, hasty: Counter) -> None:
    reference = counter.fresh()

    assert await hasty.authorize(reference, "tok_late_charge") == Unanswered("timed_out")
    assert await counter.find(reference) == NotFound()
    for _ in range(200):
        await asyncio.sleep(0.02)
        if await counter.find(reference) != NotFound():
            break

    assert isinstance(await counter.find(reference), Approved)


@pytest.mark.parametrize(
    ("token", "decided"),
    [("tok_pending", Approved), ("tok_pending_then_declined", Declined)],
)
async def test_what_is_pending_is_decided_later(
    token: str, decided: type, counter: Counter, bank_clock: HandClock
) -> None:
    reference = counter.fresh()

    assert await counter.authorize(reference, token) == Pending()
    assert await counter.find(reference) == Pending()
    bank_clock.advance(timedelta(milliseconds=500))

    assert isinstance(await counter.find(reference), decided)


async def test_64_equal_orders_at_once_have_one_effect(counter: Counter) -> None:
    reference = counter.fresh()

    outcomes = await asyncio.gather(*(counter.authorize(reference) for _ in range(64)))

    assert len({repr(outcome) for outcome in outcomes}) == 1
    assert isinstance(outcomes[0], Approved)
    assert (await counter.standing(reference)).authorized_minor == 1_000


@pytest.mark.parametrize(
    "token", ["tok_declined", "tok_500", "tok_html", "tok_charge_then_drop", "tok_wrong_schema"]
)
async def test_nothing_it_says_repeats_the_card(token: str, counter: Counter) -> None:
    reference = counter.fresh()

    said = [await counter.authorize(reference, token), await counter.find(reference)]

    assert token not in repr(said)


@pytest.mark.parametrize("token", ["tok_challenge", "tok_challenge_then_drop"])
async def test_a_payer_who_is_asked_first_is_told_where(token: str, counter: Counter) -> None:
    reference = counter.fresh()

    first = await counter.authorize(reference, token, challenge=True)
    found = await counter.find(reference)

    assert isinstance(found, Pending)
    assert found.action_url
    assert found.expires_at
    assert first == (
        found if token == "tok_challenge" else Unanswered("broken: ServerDisconnectedError")
    )


async def test_where_no_payer_can_be_sent_his_bank_declines(counter: Counter) -> None:
    assert await counter.authorize(counter.fresh(), "tok_challenge") == Declined(
        "authentication_required", retryable=False, provider_code="authentication_required"
    )
