"""The bank asks the payer: his answer is learned from the bank, once, whoever looks."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import aiohttp
import pytest

from tallystick.payments import Answer, IntentRow, PaymentsError, Recovery
from tallystick.rails import Outcome, Rails
from tests.payments.desk import Desk, a_key, all_of, codes, rows
from tests.payments.test_deaths import POINTS, Died
from tests.payments.test_intents import intent
from tests.payments.troubled_rails import silent

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("proven")]

BACK = "http://127.0.0.1:9/paid"


@dataclass(frozen=True)
class Payer:
    """Somebody at his bank's page."""

    session: aiohttp.ClientSession

    async def press(self, answer: Answer[IntentRow], word: str = "approve") -> str | None:
        """Press a button; where the browser is sent."""
        assert answer.action_url is not None
        async with self.session.post(
            answer.action_url, data={"answer": word}, allow_redirects=False
        ) as said:
            assert said.status == 303
            return said.headers["location"]


@pytest.fixture
async def payer() -> AsyncIterator[Payer]:
    async with aiohttp.ClientSession() as session:
        yield Payer(session)


async def challenged(
    desk: Desk, token: str = "tok_challenge", **options: object
) -> Answer[IntentRow]:
    """An intent that waits for its payer."""
    row = await intent(desk, return_url=BACK, **options)
    answer = await desk.intents.confirm(desk.merchant, row.id, payment_method=token)
    assert answer.row.status == "requires_action"
    assert answer.action_url
    return answer


async def test_an_approval_is_learned_when_somebody_looks(desk: Desk, payer: Payer) -> None:
    waiting = await challenged(desk)
    assert (await desk.intents.get(waiting.row.id)).row == waiting.row

    back = await payer.press(waiting)
    answer = await desk.intents.get(waiting.row.id)

    assert back == f"{BACK}?intent={desk.intents.client_secret(waiting.row.id)[:30]}"
    assert (answer.row.status, answer.action_url) == ("succeeded", None)
    assert await desk.payable() == 9_600


async def test_an_approval_is_learned_by_confirming_again(desk: Desk, payer: Payer) -> None:
    waiting = await challenged(desk, capture_method="manual")
    still = await desk.intents.confirm(desk.merchant, waiting.row.id)
    assert (still.row, still.action_url) == (waiting.row, waiting.action_url)
    await payer.press(waiting)

    answer = await desk.intents.confirm(desk.merchant, waiting.row.id)

    assert answer.row.status == "requires_capture"


async def test_an_approval_is_learned_by_recovery_when_nobody_comes_back(
    desk: Desk, payer: Payer
) -> None:
    waiting = await challenged(desk)
    await payer.press(waiting)

    await desk.recover()

    payment = await desk.operations.load(IntentRow, waiting.row.id)
    assert payment.the_intent().status == "succeeded"


async def test_a_failure_asks_for_another_method(desk: Desk, payer: Payer) -> None:
    waiting = await challenged(desk)
    await payer.press(waiting, "fail")

    back = await desk.intents.confirm(desk.merchant, waiting.row.id)
    assert (back.row.status, back.row.failure_code) == (
        "requires_payment_method", "authentication_failed",
    )  # fmt: skip
    paid = await desk.intents.confirm(desk.merchant, waiting.row.id, payment_method="tok_visa")

    assert (paid.row.status, paid.row.payments) == ("succeeded", 2)


async def test_coming_back_again_pays_nothing(desk: Desk, payer: Payer) -> None:
    approved, failed = await challenged(desk), await challenged(desk)
    await payer.press(approved)
    await payer.press(failed, "fail")

    for waiting, status in ((approved, "succeeded"), (failed, "requires_payment_method")):
        for _ in range(3):
            back = await desk.intents.confirm(desk.merchant, waiting.row.id)
            assert (back.row.status, back.row.payments) == (status, 1)


async def test_another_method_is_not_taken_while_the_payer_is_asked(desk: Desk) -> None:
    waiting = await challenged(desk)

    with pytest.raises(PaymentsError) as refused:
        await desk.intents.confirm(desk.merchant, waiting.row.id, payment_method="tok_visa")

    assert refused.value.code == "intent_not_confirmable"


async def test_a_repeat_is_answered_as_the_first_was(desk: Desk, payer: Payer) -> None:
    row, key = await intent(desk), a_key()

    async def confirm() -> Answer[IntentRow]:
        return await desk.intents.confirm(
            desk.merchant, row.id, payment_method="tok_challenge", asked=key
        )

    first = await confirm()
    again = await confirm()
    await payer_presses_without_return(payer, first)
    later = await confirm()

    assert (again.row, again.action_url, again.replayed) == (first.row, first.action_url, True)
    assert (later.row, later.action_url, later.replayed) == (first.row, first.action_url, True)
    assert (await desk.intents.get(row.id)).row.status == "succeeded"


async def payer_presses_without_return(payer: Payer, answer: Answer[IntentRow]) -> None:
    assert answer.action_url is not None
    async with payer.session.post(answer.action_url, data={"answer": "approve"}) as said:
        assert said.status == 200


@pytest.mark.parametrize("word", ["approve", "fail"])
async def test_of_many_who_learn_it_at_once_one_records_it(
    desk: Desk, payer: Payer, word: str
) -> None:
    waiting = await challenged(desk)
    await payer.press(waiting, word)
    intent_id = waiting.row.id

    learned = await all_of(
        *(desk.intents.get(intent_id) for _ in range(16)),
        *(desk.intents.confirm(desk.merchant, intent_id) for _ in range(15)),
        desk.recovery.run_once(),
    )

    expected = "succeeded" if word == "approve" else "requires_payment_method"
    # Whom the busy bank did not answer in time sees the intent as it stood.
    assert {row.status for row in rows(learned)} <= {expected, "requires_action"}
    last = (await desk.intents.get(intent_id)).row
    assert (last.status, last.payments) == (expected, 1)
    assert await desk.payable() == (9_600 if word == "approve" else 0)


async def test_of_thirty_two_confirmations_one_pays(desk: Desk, payer: Payer) -> None:
    row = await intent(desk)

    first = await all_of(
        *(
            desk.intents.confirm(desk.merchant, row.id, payment_method="tok_challenge")
            for _ in range(32)
        )
    )
    assert {answer.status for answer in rows(first)} == {"requires_action"}
    assert set(codes(first)) <= {"intent_not_confirmable", "payment_busy"}
    await payer_presses_without_return(payer, await desk.intents.get(row.id))
    second = await all_of(
        *(desk.intents.confirm(desk.merchant, row.id, payment_method="tok_visa") for _ in range(32))
    )

    assert rows(second) == []
    assert set(codes(second)) == {"intent_not_confirmable"}
    last = (await desk.intents.get(row.id)).row
    assert (last.status, last.payments) == ("succeeded", 1)
    assert await desk.payable() == 9_600


async def test_after_a_failure_many_attempts_still_make_one_success(
    desk: Desk, payer: Payer
) -> None:
    waiting = await challenged(desk)
    await payer.press(waiting, "fail")

    await all_of(
        *(
            desk.intents.confirm(desk.merchant, waiting.row.id, payment_method=token)
            for token in ("tok_visa", "tok_declined", "tok_mastercard", "tok_visa") * 8
        )
    )

    last = (await desk.intents.get(waiting.row.id)).row
    if last.status != "succeeded":  # the last of them was declined
        last = (await desk.intents.confirm(desk.merchant, last.id, payment_method="tok_visa")).row
    page = await desk.payments.list_payments(desk.merchant.id)
    assert [row.status for row in page.rows].count("captured") == 1
    assert await desk.payable() == 9_600


async def test_a_cancelled_intents_late_approval_goes_back(desk: Desk, payer: Payer) -> None:
    waiting = await challenged(desk)
    cancelled = await desk.intents.cancel(waiting.row.id)
    assert cancelled.row.status == "cancelled"

    await payer.press(waiting)
    await desk.recover(timedelta(minutes=6))
    await desk.recover(timedelta(minutes=6))

    assert waiting.row.payment_id is not None
    payment = (await desk.payments.get(waiting.row.payment_id)).row
    assert (payment.status, payment.refunded_minor) == ("refunded", 10_000)
    assert await desk.payable() == 0
    assert await desk.suspense() == 0


async def test_what_the_payer_approved_before_the_cancel_counts(desk: Desk, payer: Payer) -> None:
    waiting = await challenged(desk)
    await payer.press(waiting)

    with pytest.raises(PaymentsError) as refused:
        await desk.intents.cancel(waiting.row.id)

    assert refused.value.code == "intent_not_cancellable"
    assert (await desk.intents.get(waiting.row.id)).row.status == "succeeded"


@pytest.mark.parametrize("presses", [True, False])
async def test_an_intent_whose_time_is_over_asks_the_bank_first(
    desk: Desk, payer: Payer, presses: bool
) -> None:
    soon = desk.clock.now() + timedelta(seconds=30)
    waiting = await challenged(desk, expires_at=soon)
    if presses:
        await payer.press(waiting)

    await desk.recover(timedelta(seconds=31))

    ended = (await desk.intents.get(waiting.row.id)).row
    assert ended.status == ("succeeded" if presses else "expired")
    if not presses:
        await payer.press(waiting)
        await desk.recover(timedelta(minutes=6))
        await desk.recover(timedelta(minutes=6))
        assert await desk.payable() == 0


@pytest.mark.parametrize("presses", [True, False])
async def test_an_intent_whose_bank_cannot_be_asked_does_not_expire(
    desk: Desk, payer: Payer, presses: bool
) -> None:
    waiting = await challenged(desk, expires_at=desk.clock.now() + timedelta(seconds=30))
    if presses:
        await payer.press(waiting)
    out_of_reach = Recovery(silent(desk.operations))

    for _ in range(8):
        desk.clock.advance(timedelta(days=1))
        await out_of_reach.run_once()
        found = await desk.intents.get(waiting.row.id, asks_bank=False)
        assert found.row.status == "requires_action", "he may have paid"
    await desk.recover()

    ended = (await desk.intents.get(waiting.row.id)).row
    assert ended.status == ("succeeded" if presses else "expired")
    if not presses:
        await payer.press(waiting, "fail")  # the bank has decided, too late for anybody
        await desk.recover(timedelta(days=1))


@dataclass(frozen=True)
class OvertakenRails(Rails):
    """The real rails; the second who asks hears of it when the first has recorded it."""

    recorded: Callable[[], Awaitable[None]] = field(kw_only=True)
    asked: list[str] = field(default_factory=list)

    async def find(self, route: str, reference: str) -> Outcome:
        outcome = await super().find(route, reference)
        self.asked.append(reference)
        if len(self.asked) == 2:
            await self.recorded()
        return outcome


async def test_an_intent_expires_though_its_payment_is_looked_at_in_the_same_round(
    desk: Desk, payer: Payer
) -> None:
    waiting = await challenged(desk, expires_at=desk.clock.now() + timedelta(minutes=5))
    assert waiting.row.payment_id
    before = await desk.payments.get(waiting.row.payment_id)

    async def recorded() -> None:
        for _ in range(1_000):
            if (await desk.payments.get(before.row.id)).row != before.row:
                return
            await asyncio.sleep(0.005)

    real = desk.operations.rails
    rails = OvertakenRails(real.routes, real.providers, recorded=recorded)
    desk.clock.advance(timedelta(minutes=5))
    await Recovery(replace(desk.operations, rails=rails)).run_once()

    assert len(rails.asked) >= 2
    assert (await desk.intents.get(waiting.row.id, asks_bank=False)).row.status == "expired"
    await payer.press(waiting, "fail")
    await desk.recover(timedelta(days=1))


async def test_a_question_that_was_lost_on_its_way_is_found(desk: Desk, payer: Payer) -> None:
    row = await intent(desk)
    first = await desk.intents.confirm(
        desk.merchant, row.id, payment_method="tok_challenge_then_drop"
    )
    assert first.row.status == "processing"

    await desk.recover()

    found = await desk.intents.get(row.id)
    assert found.row.status == "requires_action"
    await payer_presses_without_return(payer, found)
    assert (await desk.intents.get(row.id)).row.status == "succeeded"


async def test_a_payment_without_an_intent_has_no_payer_to_send(desk: Desk) -> None:
    row = await desk.pay(10_000, "tok_challenge")

    assert (row.status, row.failure_code) == ("failed", "authentication_required")


async def test_a_confirmation_may_name_another_return_url(desk: Desk, payer: Payer) -> None:
    row = await intent(desk, text={"description": "tea"}, return_url="https://old.example/")
    answer = await desk.intents.confirm(
        desk.merchant, row.id, payment_method="tok_challenge", return_url=BACK
    )

    assert (await payer.press(answer) or "").startswith(BACK)
    assert answer.text == {"description": "tea", "return_url": BACK}


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("cut", ["confirm", "return"])
async def test_a_death_at_any_point_loses_and_doubles_nothing(
    desk: Desk, payer: Payer, monkeypatch: pytest.MonkeyPatch, cut: str, point: str
) -> None:
    row, key = await intent(desk), a_key()

    async def confirm() -> Answer[IntentRow]:
        return await desk.intents.confirm(
            desk.merchant, row.id, payment_method="tok_challenge", asked=key
        )

    async def die(what: Callable[[], Awaitable[object]]) -> None:
        def dies(passed: str) -> None:
            if passed == point:
                raise Died(point)

        with monkeypatch.context() as patched:
            for module in ("operations", "requests"):
                patched.setattr(f"tallystick.payments.{module}.crash_point", dies)
            try:
                await what()
            except Died:
                return

    if cut == "confirm":
        await die(confirm)
        await desk.recover()
        if point == "payments.after_decide":  # never sent, and not sent later
            assert (await desk.intents.get(row.id)).row.status == "requires_payment_method"
            return
    waiting = await confirm()
    assert waiting.row.status == "requires_action"
    await payer_presses_without_return(payer, waiting)
    if cut == "return":
        await die(lambda: desk.intents.get(row.id))
    await desk.recover()

    last = (await desk.intents.get(row.id)).row
    assert (last.status, last.payments) == ("succeeded", 1)
    assert await desk.payable() == 9_600
