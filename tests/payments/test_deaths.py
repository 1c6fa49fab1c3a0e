"""A process that dies between the beats: nothing is lost, nothing is done twice."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from tallystick.payments import PaymentsError
from tests.payments.desk import Desk, a_key

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("proven")]

POINTS = ("payments.after_decide", "payments.after_ask", "payments.after_record")
VERBS = ("create", "confirm", "capture", "cancel", "refund")
# An authorization that was never sent is not sent later: its payer may have gone.
NEVER_ARRIVED = {("create", "payments.after_decide"), ("confirm", "payments.after_decide")}
LATER = timedelta(seconds=61)
Verb = Callable[[], Awaitable[Any]]


class Died(BaseException):
    """What SIGKILL looks like from inside: not a line of code runs after it."""


@pytest.fixture
def die_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def arm(point: str) -> None:
        def die(passed: str) -> None:
            if passed == point:
                monkeypatch.undo()
                raise Died(point)

        for module in ("operations", "requests"):
            monkeypatch.setattr(f"tallystick.payments.{module}.crash_point", die)

    return arm


async def prepare(desk: Desk, verb: str) -> Verb:
    """The verb, ready to be asked as often as one likes under one key."""
    key = a_key()
    if verb == "create":
        return lambda: desk.payments.create(
            desk.merchant,
            amount_minor=10_000,
            currency="INR",
            payment_method="tok_visa",
            asked=key,
        )
    if verb == "confirm":
        wish = await desk.intents.create(desk.merchant, amount_minor=10_000, currency="INR")
        return lambda: desk.intents.confirm(
            desk.merchant, wish.row.id, payment_method="tok_visa", asked=key
        )
    held = await desk.hold(10_000)
    if verb == "capture":
        return lambda: desk.payments.capture(held.id, asked=key)
    if verb == "cancel":
        return lambda: desk.payments.cancel(held.id, asked=key)
    await desk.capture(held)
    return lambda: desk.refunds.create(held.id, amount_minor=5_000, asked=key)


async def the_end(desk: Desk, verb: str) -> None:
    """Our books and the bank's agree, about one payment and one effect."""
    page = await desk.payments.list_payments(desk.merchant.id)
    (row,) = page.rows
    status = {"cancel": "cancelled", "refund": "partially_refunded"}.get(verb, "captured")
    assert (row.status, row.operation) == (status, None)
    assert await desk.bank_says(row) == (
        10_000,
        row.captured_minor,
        row.refunded_minor,
        verb == "cancel",
    )
    assert await desk.clearing() == row.captured_minor - row.refunded_minor
    assert await desk.reserved() == 0


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("verb", VERBS)
async def test_a_repeat_with_the_same_key_finishes_what_was_cut(
    desk: Desk, die_at: Callable[[str], None], verb: str, point: str
) -> None:
    ask = await prepare(desk, verb)
    die_at(point)
    with pytest.raises(Died):
        await ask()
    desk.clock.advance(LATER)

    if (verb, point) in NEVER_ARRIVED:
        assert (await ask()).row.status in ("failed", "requires_payment_method")
        return
    answer = await ask()

    assert answer.replayed
    assert answer.row == (await ask()).row
    await the_end(desk, verb)


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("verb", VERBS)
async def test_recovery_finishes_what_was_cut(
    desk: Desk, die_at: Callable[[str], None], verb: str, point: str
) -> None:
    ask = await prepare(desk, verb)
    die_at(point)
    with pytest.raises(Died):
        await ask()

    await desk.recover(LATER)
    await desk.recover(LATER)

    answer = await ask()
    assert answer.replayed
    if (verb, point) not in NEVER_ARRIVED:
        await the_end(desk, verb)


@pytest.mark.parametrize("verb", ["create", "capture", "refund"])
async def test_dying_again_while_the_first_death_is_mended_still_has_one_effect(
    desk: Desk, die_at: Callable[[str], None], verb: str
) -> None:
    ask = await prepare(desk, verb)
    die_at("payments.after_ask")
    with pytest.raises(Died):
        await ask()
    desk.clock.advance(LATER)
    die_at("payments.after_record")
    with pytest.raises(Died):
        await ask()

    assert (await ask()).replayed
    await the_end(desk, verb)


async def test_a_verb_of_another_caller_waits_until_the_dead_one_is_surely_gone(
    desk: Desk, die_at: Callable[[str], None]
) -> None:
    held = await desk.hold(10_000)
    die_at("payments.after_ask")
    with pytest.raises(Died):
        await desk.payments.capture(held.id, amount_minor=6_000)

    with pytest.raises(PaymentsError) as refused:
        await desk.payments.capture(held.id, amount_minor=1_000)
    assert refused.value.code == "payment_busy"
    desk.clock.advance(timedelta(seconds=1))

    row = (await desk.payments.capture(held.id, amount_minor=1_000)).row
    assert row.captured_minor == 7_000
