"""The same key again: one effect, the same answer."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from msgspec import structs

from tallystick import identity, payments
from tallystick.journal import Asked, Journal, JournalError, Refused
from tallystick.payments import Answer, Operations, Payments, PaymentsError, Refunds
from tallystick.platform.clock import HandClock
from tallystick.platform.postgres.pools import Database
from tests.payments.desk import Desk, a_key, all_of, codes, rows
from tests.payments.lost_refunds import SETTLED, frozen, on, thaw
from tests.payments.troubled_rails import FrozenRefunds

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("proven")]

Verb = Callable[[Asked], Awaitable[Answer]]  # type: ignore[type-arg]


def create(desk: Desk, amount_minor: int = 10_000, token: str = "tok_visa") -> Verb:
    def ask(key: Asked) -> Awaitable[Answer]:  # type: ignore[type-arg]
        return desk.payments.create(
            desk.merchant,
            amount_minor=amount_minor,
            currency="INR",
            payment_method=token,
            text={"description": "tea"},
            asked=key,
        )

    return ask


async def every_verb(desk: Desk) -> dict[str, Verb]:
    held, other = await desk.hold(), await desk.hold()
    paid = await desk.pay(5_000)
    await desk.pay(5_000)
    wish = await desk.intents.create(desk.merchant, amount_minor=1_000, currency="INR")
    idle = await desk.intents.create(desk.merchant, amount_minor=1_000, currency="INR")
    return {
        "create": create(desk),
        "create, declined": create(desk, token="tok_declined"),
        "capture": lambda key: desk.payments.capture(held.id, asked=key),
        "cancel": lambda key: desk.payments.cancel(other.id, asked=key),
        "refund": lambda key: desk.refunds.create(paid.id, asked=key),
        "refund, refused": lambda key: desk.refunds.create(paid.id, amount_minor=4_201, asked=key),
        "create intent": lambda key: desk.intents.create(
            desk.merchant, amount_minor=1_000, currency="INR", asked=key
        ),
        "confirm": lambda key: desk.intents.confirm(
            desk.merchant, wish.row.id, payment_method="tok_visa", asked=key
        ),
        "cancel intent": lambda key: desk.intents.cancel(idle.row.id, asked=key),
    }


@pytest.mark.parametrize(
    "verb",
    [
        *("create", "create, declined", "capture", "cancel", "refund", "refund, refused"),
        *("create intent", "confirm", "cancel intent"),
    ],
)
async def test_every_verb_answers_a_repeat_with_its_first_answer(desk: Desk, verb: str) -> None:
    ask, key = (await every_verb(desk))[verb], a_key()

    first = await ask(key)
    desk.clock.advance(timedelta(hours=1))
    again = await ask(key)

    assert (again.row, again.text) == (first.row, first.text)
    assert (first.replayed, again.replayed) == (False, True)


async def test_a_repeat_shows_the_object_as_it_was_then(desk: Desk) -> None:
    held, key = await desk.hold(), a_key()
    first = await desk.payments.capture(held.id, amount_minor=4_000, asked=key)
    await desk.payments.capture(held.id)

    again = await desk.payments.capture(held.id, amount_minor=4_000, asked=key)

    assert again.row == first.row
    assert again.row.captured_minor == 4_000


async def test_a_key_that_stood_for_another_body_is_refused(desk: Desk) -> None:
    held = await desk.hold()
    await desk.payments.capture(held.id, asked=a_key(key="same", body=b"1"))

    # Both with a capture that would be possible and with one that no longer is.
    for amount_minor in (None, 1):
        with pytest.raises(JournalError) as refused:
            await desk.payments.capture(
                held.id, amount_minor=amount_minor, asked=a_key(key="same", body=b"2")
            )
        assert refused.value.code == "idempotency_key_reused"


async def test_a_bank_that_said_no_says_no_again(desk: Desk) -> None:
    held, key = await desk.hold(), a_key()

    for kind in (PaymentsError, Refused):
        with pytest.raises(kind) as refused:
            await desk.payments.capture(held.id, amount_minor=4_101, asked=key)
        assert refused.value.code == "capture_declined"  # type: ignore[attr-defined]


async def test_an_account_that_said_no_says_no_again_even_when_it_could(desk: Desk) -> None:
    paid, key = await desk.pay(10_000), a_key()

    for _ in range(2):
        with pytest.raises(Refused) as refused:
            await desk.refunds.create(paid.id, asked=key)
        assert refused.value.code == "refund_exceeds_balance"
        await desk.pay(10_000)


async def test_what_was_never_possible_is_not_remembered(desk: Desk) -> None:
    paid, key = await desk.hold(), a_key()
    with pytest.raises(PaymentsError):
        await desk.payments.capture(paid.id, amount_minor=10_001, asked=key)

    assert not (await desk.payments.capture(paid.id, amount_minor=10_000, asked=key)).replayed


@pytest.fixture
async def other_desk(desk: Desk, database: Database, clock: HandClock) -> AsyncIterator[Payments]:
    """The payments of a second process on the same database."""
    projections = (*identity.projections, *payments.projections)
    async with Journal.open(
        database, clock, projections=projections, master_key=bytes(32)
    ) as journal:
        one = desk.operations
        yield Payments(Operations(journal, database, one.rails, clock, one.limits))


async def test_one_key_at_once_in_two_processes_has_one_effect(
    desk: Desk, other_desk: Payments
) -> None:
    key = a_key()

    answers = await all_of(
        *(
            room.create(
                desk.merchant,
                amount_minor=10_000,
                currency="INR",
                payment_method="tok_visa",
                asked=key,
            )
            for _ in range(16)
            for room in (desk.payments, other_desk)
        )
    )

    assert codes(answers) == []
    assert len({row.id for row in rows(answers)}) == 1
    assert {row.status for row in rows(answers)} == {"captured"}
    assert [answer.replayed for answer in answers].count(False) == 1
    assert await desk.clearing() == 10_000


async def test_captures_under_many_keys_never_take_more_than_was_authorized(
    desk: Desk, other_desk: Payments
) -> None:
    held = await desk.hold(10_000)

    answers = await all_of(
        *(
            room.capture(held.id, amount_minor=4_000, asked=a_key())
            for _ in range(4)
            for room in (desk.payments, other_desk)
        )
    )

    row = await desk.look(held)
    assert len(rows(answers)) == row.captured_minor // 4_000
    assert set(codes(answers)) <= {"payment_busy", "capture_exceeds_authorization"}
    assert await desk.bank_says(row) == (10_000, row.captured_minor, 0, False)


async def test_a_repeat_while_the_first_is_still_asking_waits_for_its_answer(desk: Desk) -> None:
    ask, key = create(desk, token="tok_slow"), a_key()
    # The bank answers after the caller's time, so the first call ends with the answer unknown.
    first = asyncio.ensure_future(ask(key))
    await asyncio.sleep(0.05)

    with pytest.raises(JournalError) as refused:
        await Payments(_impatient(desk.operations)).create(
            desk.merchant,
            amount_minor=10_000,
            currency="INR",
            payment_method="tok_slow",
            asked=key,
        )

    assert refused.value.code == "idempotency_key_in_use"
    assert (await first).row.status == "pending"


async def test_a_repeat_of_what_the_bank_left_open_learns_the_end(desk: Desk) -> None:
    ask, key = create(desk, token="tok_charge_then_drop"), a_key()
    assert (await ask(key)).row.status == "pending"

    again = await ask(key)

    assert (again.row.status, again.replayed) == ("captured", True)
    assert again.row == (await ask(key)).row


async def test_a_repeat_of_what_is_still_open_says_so(desk: Desk) -> None:
    ask, key = create(desk, token="tok_drop_before"), a_key()
    assert (await ask(key)).row.status == "pending"

    again = await ask(key)

    assert (again.row.status, again.replayed) == ("pending", True)


async def test_a_repeat_while_another_asks_the_bank_again_waits_for_its_answer(desk: Desk) -> None:
    paid, key = await desk.pay(10_000), a_key()
    dead, heir = on(desk, FrozenRefunds), on(desk, FrozenRefunds)
    first = asyncio.create_task(dead.refunds.create(paid.id, amount_minor=4_000, asked=key))
    await frozen(dead)
    first.cancel()
    desk.clock.advance(SETTLED)
    again = asyncio.create_task(heir.refunds.create(paid.id, amount_minor=4_000, asked=key))
    await frozen(heir)

    with pytest.raises(JournalError) as refused:
        await Refunds(_impatient(desk.operations)).create(paid.id, amount_minor=4_000, asked=key)

    assert refused.value.code == "idempotency_key_in_use"
    thaw(heir)
    assert (await again).row.status == "succeeded"


def _impatient(operations: Operations) -> Operations:
    limits = structs.replace(operations.limits, claim_patience_ms=50)
    return replace(operations, limits=limits)
