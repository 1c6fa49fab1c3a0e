"""A bank pays out once per reference, and everything that can go wrong can be asked for."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tallystick.platform.clock import HandClock
from tallystick.sandbox import Sandbox
from tallystick.sandbox.payout_magic import PAYOUT_MAGIC
from tests.sandbox.teller import DROPPED, Teller

pytestmark = pytest.mark.anyio

ACCOUNT = {
    "type": "bank_account",
    "account_number": "50100012345678",
    "bank_code": "HDFC0000123",
    "name": "Asha",
}
DONE_BADLY = {"slow": 200, "pay_then_drop": DROPPED, "pay_then_500": 500, "wrong_schema": 200}
NOT_DONE = {"drop_before": DROPPED, "500": 500, "429": 429, "html": 200}


def upi(name: str) -> dict[str, str]:
    return {"type": "upi", "upi_id": f"{name}@sandbox", "name": "Asha"}


async def test_a_payout_to_an_account_or_a_upi_id_is_paid(hdfc: Teller) -> None:
    first, second = hdfc.fresh("pot"), hdfc.fresh("pot")

    said = [await hdfc.pay_out(first, destination=ACCOUNT), await hdfc.pay_out(second)]

    assert [(answer.status, answer.body["status"]) for answer in said] == [(200, "paid")] * 2
    assert [answer.body["method"] for answer in said] == ["bank_account", "upi"]
    assert (await hdfc.find_payout(first)).body == said[0].body


async def test_the_same_reference_pays_once_however_often_it_is_sent(
    hdfc: Teller, sandbox: Sandbox
) -> None:
    reference = hdfc.fresh("pot")

    said = await asyncio.gather(*[hdfc.pay_out(reference) for _ in range(16)])

    assert len({str(answer) for answer in said}) == 1
    book = await sandbox.books["hdfc_bank"].payouts()
    assert [payout.reference for payout in book].count(reference) == 1
    reused = await hdfc.pay_out(reference, amount=1_001)
    assert (reused.status, reused.body["error"]["code"]) == (409, "reference_reused")


@pytest.mark.parametrize(
    ("digits", "name", "code"),
    [(d, name, b.refuse) for d, name, b in PAYOUT_MAGIC if b.refuse and not b.pending],
)
async def test_a_refusal_can_be_asked_for_by_amount_account_and_upi_id(
    hdfc: Teller, digits: int, name: str, code: str
) -> None:
    number = ACCOUNT | {"account_number": f"44000000{digits:04}"[:8] + f"00{digits:02}"}
    said = [
        await hdfc.pay_out(hdfc.fresh("pot"), amount=4_400 + digits),
        await hdfc.pay_out(hdfc.fresh("pot"), destination=number),
        await hdfc.pay_out(hdfc.fresh("pot"), destination=upi(name)),
    ]

    assert [(s.status, s.body["status"], s.body["code"]) for s in said] == [
        (402, "refused", code)
    ] * 3


async def test_what_was_paid_may_come_back_with_a_reason(
    hdfc: Teller, bank_clock: HandClock
) -> None:
    reference = hdfc.fresh("pot")
    paid = await hdfc.pay_out(reference, destination=upi("returned_closed"))
    assert (paid.status, paid.body["status"], paid.body["code"]) == (200, "paid", None)

    bank_clock.advance(timedelta(seconds=2))
    found = (await hdfc.find_payout(reference)).body

    assert (found["status"], found["code"]) == ("returned", "account_closed")
    assert (await hdfc.pay_out(reference, destination=upi("returned_closed"))).body == paid.body


@pytest.mark.parametrize(
    ("name", "end"), [("pending", "paid"), ("pending_then_refused", "refused")]
)
async def test_a_decision_may_take_a_moment(
    hdfc: Teller, bank_clock: HandClock, name: str, end: str
) -> None:
    reference = hdfc.fresh("pot")
    said = await hdfc.pay_out(reference, destination=upi(name))
    assert (said.status, said.body["status"]) == (202, "pending")

    bank_clock.advance(timedelta(milliseconds=500))

    assert (await hdfc.find_payout(reference)).body["status"] == end


@pytest.mark.parametrize(("name", "status"), DONE_BADLY.items())
async def test_what_was_paid_and_badly_answered_is_told_by_its_reference(
    hdfc: Teller, name: str, status: int
) -> None:
    reference = hdfc.fresh("pot")

    said = await hdfc.pay_out(reference, destination=upi(name))

    assert said.status == status
    assert name == "slow" or "status" not in (said.body or {})
    assert (await hdfc.find_payout(reference)).body["status"] == "paid"


@pytest.mark.parametrize(("name", "status"), NOT_DONE.items())
async def test_what_was_never_paid_is_unknown_until_it_is_asked_for_again(
    hdfc: Teller, name: str, status: int
) -> None:
    reference = hdfc.fresh("pot")

    assert (await hdfc.pay_out(reference, destination=upi(name))).status == status
    assert (await hdfc.find_payout(reference)).status == 404
    again = await hdfc.pay_out(reference, destination=upi(name))

    assert (again.status, again.body["status"]) == (200, "paid")


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": 0},
        {"amount": 1.5},
        {"amount": "1000"},
        {"currency": "inr"},
        {"destination": {"type": "cash"}},
        {"destination": ACCOUNT | {"upi_id": "asha@okbank"}},
        {"destination": {"type": "upi", "upi_id": "nobody", "name": "Asha"}},
        {"more": 1},
    ],
    ids=str,
)
async def test_an_order_it_cannot_read_is_refused(hdfc: Teller, changes: dict[str, Any]) -> None:
    said = await hdfc.pay_out(hdfc.fresh("pot"), **changes)

    assert (said.status, said.body["error"]["code"]) == (400, "invalid_request")


async def test_the_banks_own_rules_hold(icici: Teller) -> None:
    said = [
        await icici.pay_out(icici.fresh("pot"), amount=10_000_001),
        await icici.pay_out(icici.fresh("pot"), currency="CHF"),
    ]

    assert [answer.body["code"] for answer in said] == [
        "amount_over_bank_limit",
        "currency_not_supported",
    ]


async def test_the_days_report_lists_what_was_paid_out_and_what_came_back(
    icici: Teller, bank_clock: HandClock
) -> None:
    bank_clock.advance(timedelta(days=1))
    day = bank_clock.now().date().isoformat()
    await icici.pay_out("report-1", amount=3_000)
    await icici.pay_out("report-2", amount=500, destination=upi("returned_invalid"))
    await icici.pay_out("report-3", destination=upi("account_closed"))
    bank_clock.advance(timedelta(seconds=2))

    report = (await icici.get(f"/v1/report?date={day}")).body
    page = (await icici.get(f"/v1/report?date={day}&limit=1")).body
    rest = (
        await icici.get(f"/v1/report?date={day}&limit=1&after_payout={page['next_after_payout']}")
    ).body

    listed = [(row["reference"], row["status"]) for row in report["payouts"]]
    assert listed == [("report-1", "paid"), ("report-2", "returned")]
    assert report["payout_totals"] == [{"currency": "INR", "paid": 3_500, "returned": 500}]
    assert report["next_after_payout"] is None
    pages = [*page["payouts"], *rest["payouts"]]
    assert [row["reference"] for row in pages] == ["report-1", "report-2"]
