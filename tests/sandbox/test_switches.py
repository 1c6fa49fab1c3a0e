"""Fault switches: the next orders go wrong, each once, and what is repeated is sound."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tallystick.sandbox import Sandbox
from tests.sandbox.teller import DROPPED, Teller

pytestmark = pytest.mark.anyio
PATH = "/v1/faults"


@pytest.fixture(autouse=True)
async def sound(hdfc: Teller) -> AsyncIterator[None]:
    """No test leaves a switch to the next."""
    yield
    async with hdfc.session.delete(hdfc.url + PATH) as answer:
        assert await answer.json() == {"faults": []}


async def test_a_lost_reply_is_learned_by_asking(hdfc: Teller) -> None:
    await hdfc.post(PATH, fault="lost_reply", times=2)
    first, second, third = [hdfc.fresh("auth") for _ in range(3)]

    assert (await hdfc.authorize(first)).status == DROPPED
    assert (await hdfc.find(first)).body["status"] == "approved"
    assert (await hdfc.authorize(first)).status == 200
    assert (await hdfc.authorize(second)).status == DROPPED
    assert (await hdfc.authorize(third)).status == 200
    assert (await hdfc.get(PATH)).body == {"faults": []}


async def test_a_late_success_comes_when_nobody_waits(hdfc: Teller) -> None:
    await hdfc.post(PATH, fault="late_success")
    reference = hdfc.fresh("auth")

    waiting = asyncio.create_task(hdfc.authorize(reference))
    await asyncio.sleep(0.02)
    assert (await hdfc.find(reference)).status == 404
    assert (await waiting).body["status"] == "approved"


async def test_a_duplicate_is_done_once(hdfc: Teller) -> None:
    reference = hdfc.fresh("auth")
    await hdfc.authorize(reference)
    await hdfc.post(PATH, fault="duplicate", on="capture")

    captured = await hdfc.capture(reference, hdfc.fresh("capture"), 600, final=False)
    over = await hdfc.capture(reference, hdfc.fresh("capture"), 401)

    assert (captured.status, captured.body["amount"]) == (200, 600)
    assert over.body["code"] == "capture_exceeds_authorization"


async def test_disorder_answers_the_later_first(hdfc: Teller) -> None:
    await hdfc.post(PATH, fault="disorder", times=2)
    answered: list[str] = []

    async def ask(reference: str) -> None:
        said = await hdfc.authorize(reference)
        answered.append(said.body["reference"])

    first, second = hdfc.fresh("auth"), hdfc.fresh("auth")
    waiting = asyncio.create_task(ask(first))
    await asyncio.sleep(0.05)
    await ask(second)
    await waiting

    assert answered == [second, first]


async def test_a_switch_waits_for_its_kind_and_lets_magic_be(hdfc: Teller) -> None:
    await hdfc.post(PATH, fault="lost_reply", on="void")
    reference = hdfc.fresh("auth")

    assert (await hdfc.authorize(reference)).status == 200
    assert (await hdfc.authorize(hdfc.fresh("auth"), amount=4_001)).status == 402
    assert (await hdfc.void(reference, hdfc.fresh("void"))).status == DROPPED


async def test_payouts_go_wrong_as_well(hdfc: Teller) -> None:
    await hdfc.post(PATH, fault="lost_reply", on="payout")
    reference, late = hdfc.fresh("pot"), hdfc.fresh("pot")

    assert (await hdfc.authorize(hdfc.fresh("auth"))).status == 200
    assert (await hdfc.pay_out(reference)).status == DROPPED
    assert (await hdfc.find_payout(reference)).body["status"] == "paid"
    assert (await hdfc.pay_out(reference)).status == 200
    await hdfc.post(PATH, fault="late_success", on="payout")
    waiting = asyncio.create_task(hdfc.pay_out(late))
    await asyncio.sleep(0.02)
    assert (await hdfc.find_payout(late)).status == 404
    assert (await waiting).body["status"] == "paid"


async def test_a_payout_that_reaches_the_bank_twice_is_paid_once(
    hdfc: Teller, sandbox: Sandbox
) -> None:
    reference = hdfc.fresh("pot")
    await hdfc.post(PATH, fault="duplicate")

    assert (await hdfc.pay_out(reference)).body["status"] == "paid"
    book = await sandbox.books["hdfc_bank"].payouts()
    assert [payout.reference for payout in book].count(reference) == 1


async def test_payouts_are_answered_out_of_order(hdfc: Teller) -> None:
    await hdfc.post(PATH, fault="disorder", on="payout", times=2)
    answered: list[str] = []

    async def pay(reference: str) -> None:
        answered.append((await hdfc.pay_out(reference)).body["reference"])

    first, second = hdfc.fresh("pot"), hdfc.fresh("pot")
    waiting = asyncio.create_task(pay(first))
    await asyncio.sleep(0.05)
    await pay(second)
    await waiting

    assert answered == [second, first]


async def test_a_payout_with_magic_of_its_own_uses_up_no_switch(hdfc: Teller) -> None:
    await hdfc.post(PATH, fault="lost_reply", on="payout")

    assert (await hdfc.pay_out(hdfc.fresh("pot"), amount=4_401)).status == 402
    assert len((await hdfc.get(PATH)).body["faults"]) == 1


async def test_one_banks_switch_is_not_the_others(hdfc: Teller, icici: Teller) -> None:
    await hdfc.post(PATH, fault="lost_reply")

    assert (await icici.authorize(icici.fresh("auth"))).status == 200
    assert (await icici.get(PATH)).body == {"faults": []}
    assert (await hdfc.get(PATH)).body == {
        "faults": [{"fault": "lost_reply", "on": None, "times": 1}]
    }


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"fault": "earthquake"},
        {"fault": "lost_reply", "on": "transfer"},
        {"fault": "lost_reply", "times": 0},
        {"fault": "lost_reply", "times": 1_001},
        {"fault": "lost_reply", "times": 1.5},
        {"fault": "lost_reply", "often": 1},
    ],
)
async def test_a_strange_switch_is_refused(hdfc: Teller, body: dict[str, object]) -> None:
    said = await hdfc.post(PATH, **body)

    assert (said.status, said.body["error"]["code"]) == (400, "invalid_request")
