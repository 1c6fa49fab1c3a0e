"""A reference stands for one order for ever: one effect, one answer."""

import asyncio

import pytest

from tallystick.sandbox import Sandbox
from tests.sandbox.teller import DROPPED, Teller

pytestmark = pytest.mark.anyio


async def test_64_equal_orders_at_once_have_one_effect(sandbox: Sandbox, hdfc: Teller) -> None:
    reference = hdfc.fresh("a")

    said = await asyncio.gather(*(hdfc.authorize(reference, capture=True) for _ in range(64)))

    assert {answer.status for answer in said} == {200}
    assert len({str(answer.body) for answer in said}) == 1
    book = await sandbox.books["hdfc_bank"].operations()
    assert [row.amount_minor for row in book if row.reference == reference] == [1_000]


async def test_64_captures_at_once_never_take_more_than_was_held(hdfc: Teller) -> None:
    reference = hdfc.fresh("a")
    await hdfc.authorize(reference, amount=1_000)

    said = await asyncio.gather(
        *(hdfc.capture(reference, hdfc.fresh("c"), 100, final=False) for _ in range(64))
    )

    assert sorted(answer.status for answer in said) == [200] * 10 + [402] * 54


async def test_of_64_asked_at_once_one_is_dropped_and_all_others_told(hdfc: Teller) -> None:
    reference = hdfc.fresh("a")

    said = await asyncio.gather(
        *(hdfc.authorize(reference, token="tok_charge_then_drop") for _ in range(64))
    )

    assert sorted({answer.status for answer in said}) == [DROPPED, 200]
    assert [answer.status for answer in said].count(DROPPED) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": 1_001},
        {"currency": "USD"},
        {"token": "tok_mastercard"},
        {"capture": True},
        {"merchant": "mer_2"},
    ],
)
async def test_another_order_under_a_known_reference_is_refused(
    changes: dict[str, object], hdfc: Teller
) -> None:
    reference = hdfc.fresh("a")
    first = await hdfc.authorize(reference, merchant="mer_1")

    other = await hdfc.authorize(reference, **({"merchant": "mer_1"} | changes))

    assert (other.status, other.body["error"]["code"]) == (409, "reference_reused")
    assert await hdfc.authorize(reference, merchant="mer_1") == first


async def test_a_reference_of_one_verb_is_no_reference_of_another(hdfc: Teller) -> None:
    reference, other = hdfc.fresh("a"), hdfc.fresh("a")
    await hdfc.authorize(reference)
    await hdfc.authorize(other)
    await hdfc.capture(reference, "shared", 500, final=False)

    for said in (
        await hdfc.capture(other, "shared", 500, final=False),
        await hdfc.capture(reference, "shared", 500),
        await hdfc.refund(reference, "shared", 500),
        await hdfc.void(reference, "shared"),
        await hdfc.authorize("shared"),
    ):
        assert (said.status, said.body["error"]["code"]) == (409, "reference_reused")


async def test_an_answer_stays_the_same_whatever_happens_later(hdfc: Teller) -> None:
    reference, capture, refund = hdfc.fresh("a"), hdfc.fresh("c"), hdfc.fresh("r")
    before = [
        await hdfc.authorize(reference),
        await hdfc.refund(reference, hdfc.fresh("r"), 1),
        await hdfc.capture(reference, capture, 600),
        await hdfc.refund(reference, refund, 600),
    ]

    after = [
        await hdfc.authorize(reference),
        await hdfc.refund(reference, before[1].body["reference"], 1),
        await hdfc.capture(reference, capture, 600),
        await hdfc.refund(reference, refund, 600),
    ]

    assert [answer.status for answer in before] == [200, 402, 200, 200]
    assert after == before
