"""Looking at an intent in a loop is no way to keep its bank busy."""

from dataclasses import replace
from uuid import UUID

import pytest

from tallystick.api.payments.bank_looks import AT_ONCE, INTENTS_MAX, BankLooks
from tallystick.app import App
from tallystick.rails import Rails
from tests.api.conftest import Caller

pytestmark = pytest.mark.anyio
ONE, OTHER = UUID(int=1), UUID(int=2)
INTENTS = "/api/v1/intents"


def test_a_few_at_once_and_then_one_a_second() -> None:
    looks = BankLooks()

    at_once = [looks.may_ask(ONE, 100.0) for _ in range(10)]
    later = [looks.may_ask(ONE, 100.0 + tenth / 10) for tenth in range(1, 101)]

    assert at_once == [True] * AT_ONCE + [False] * (10 - AT_ONCE)
    assert sum(later) == 10


def test_one_intents_looks_are_not_anothers() -> None:
    looks = BankLooks()
    while looks.may_ask(ONE, 100.0):
        pass

    assert looks.may_ask(OTHER, 100.0)
    assert looks.may_ask(ONE, 100.0 + AT_ONCE)


def test_it_keeps_a_bounded_memory() -> None:
    looks = BankLooks()
    for number in range(INTENTS_MAX + 100):
        looks.may_ask(UUID(int=number), 100.0)

    assert len(looks._spent_until_s) == INTENTS_MAX


async def test_a_page_in_a_loop_asks_the_bank_a_few_times_only(
    app: App, seller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await seller.post(INTENTS, {"amount": 10_000, "currency": "INR"})
    one = f"{INTENTS}/{made.json['id']}"
    payer = replace(seller, key=made.json["client_secret"])
    await payer.post(f"{one}/confirm", {"payment_method": "tok_challenge"})
    asked: list[object] = []
    find = Rails.find

    async def counted(rails: Rails, *reference: object, **more: object) -> object:
        asked.append(reference)
        return await find(rails, *reference, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Rails, "find", counted)
    statuses = {(await payer.get(one)).json["status"] for _ in range(30)}

    assert statuses == {"requires_action"}
    assert 1 <= len(asked) <= AT_ONCE + 2  # and one for every second that this took
