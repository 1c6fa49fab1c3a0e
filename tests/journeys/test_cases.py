"""A bank that keeps everybody waiting for days: what a person is shown, and how it ends."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tallystick.platform.clock import HandClock
from tallystick.platform.ids import new_id, random_bucket, typeid
from tallystick.platform.settings import Settings
from tallystick.sandbox import Pace, Sandbox, serve_sandbox
from tests.servers.http_client import Answer
from tests.servers.served import Platform

pytestmark = pytest.mark.anyio

CASES, PAYMENTS = "/api/v1/cases", "/api/v1/payments"
DAY_S = 86_400
DECIDES_AFTER_DAYS = 3
HELD = {"amount": 10_000, "currency": "INR", "payment_method": "tok_visa"}
NO_NOTES: list[dict[str, Any]] = [
    {},
    {"text": ""},
    {"text": 7},
    {"text": None},
    {"text": "x" * 2_001},
    {"text": "Called.", "resolve": True},
]
NOBODY = "cas_01kjpy44e0fh0r68j79jejabkn"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Nobody waits for a time-out here, so a bank may be as slow as a busy machine makes it."""
    return settings.model_copy(update={"test_clock": "hand", "provider_timeout_ms": 10_000})


@pytest.fixture
async def sandbox(tmp_path: Path, clock: HandClock) -> AsyncIterator[Sandbox]:
    """Banks that take three days over whatever is pending."""
    pace = Pace(calm=True, pending_ms=DECIDES_AFTER_DAYS * DAY_S * 1_000)
    async with serve_sandbox(
        tmp_path / "sandbox", pace=pace, durable=False, now=clock.now
    ) as sandbox:
        yield sandbox


@pytest.fixture(autouse=True)
async def decided(platform: Platform) -> AsyncIterator[None]:
    """After the test the banks have decided, and every case has ended by itself."""
    yield
    await wait(platform, DAY_S * (DECIDES_AFTER_DAYS + 1))
    await wait(platform, DAY_S)
    assert await listed(platform, "?status=open") == []


async def wait(platform: Platform, seconds: int) -> None:
    """Turn the clock; what is due by then is done."""
    answer = await platform.operator.post("/api/v1/test/clock/advance", {"seconds": seconds})
    assert answer.status == 200, answer.raw
    assert not [job for job in answer.json["jobs"] if job["failed"]], answer.raw


async def lose_the_next_reply(platform: Platform) -> None:
    """The bank does what it is asked next, and the connection drops."""
    url = f"{platform.sandbox.base_url('hdfc_bank')}/v1/faults"
    async with aiohttp.request("POST", url, json={"fault": "lost_reply"}) as answer:
        assert answer.status == 200


async def listed(platform: Platform, query: str = "") -> list[dict[str, Any]]:
    answer = await platform.operator.get(f"{CASES}{query}")
    assert answer.status == 200, answer.raw
    found: list[dict[str, Any]] = answer.json["data"]
    return found


async def a_case(platform: Platform) -> dict[str, Any]:
    """A payment of which nobody has heard for a day."""
    await platform.till.post(PAYMENTS, HELD | {"payment_method": "tok_pending"})
    await wait(platform, DAY_S)
    (case,) = await listed(platform)
    return case


async def gauges(platform: Platform) -> dict[str, float]:
    """What an alarm would read; gauges at zero left out."""
    raw = (await platform.anybody.get("/metrics")).raw.decode()
    said = [line.rpartition(" ") for line in raw.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in said if float(value)}


async def test_everything_that_may_be_open_becomes_a_case_and_ends_by_itself(
    platform: Platform,
) -> None:
    till = platform.till
    paid = await till.post(PAYMENTS, HELD | {"payment_method": "tok_pending"})
    manual = HELD | {"capture_method": "manual"}
    held = (await till.post(PAYMENTS, manual)).json["id"]
    voided = (await till.post(PAYMENTS, manual | {"amount": 4_357})).json["id"]
    refunded = (await till.post(PAYMENTS, HELD)).json["id"]
    await till.post(f"{PAYMENTS}/{held}/capture", {"amount": 4_157})
    await till.post(f"{PAYMENTS}/{voided}/cancel")
    refund = await till.post("/api/v1/refunds", {"payment_id": refunded, "amount": 4_257})
    payout = await till.post(
        "/api/v1/payouts",
        {
            "currency": "INR",
            "amount": 1_000,
            "destination": {"type": "upi", "upi_id": "pending@sandbox", "name": "Asha Rao"},
        },
    )
    assert (refund.json["status"], payout.json["status"]) == ("pending", "sent")

    await wait(platform, DAY_S)

    found = {case["kind"]: (case["subject"], case["amount"]) for case in await listed(platform)}
    assert found == {
        "authorize": (paid.json["id"], 10_000),
        "capture": (held, 4_157),
        "void": (voided, 4_357),
        "refund": (refund.json["id"], 4_257),
        "payout": (payout.json["id"], 1_000),
    }
    assert {case["status"] for case in await listed(platform)} == {"open"}

    await wait(platform, DAY_S * DECIDES_AFTER_DAYS)

    assert {case["kind"]: case["outcome"] for case in await listed(platform)} == {
        "authorize": "payment.authorized",
        "capture": "payment.captured",
        "void": "payment.cancelled",
        "refund": "refund.succeeded",
        "payout": "payout.paid",
    }
    assert {case["looked_by"] for case in await listed(platform)} == {"recovery"}


async def test_an_operator_asks_and_writes_down_what_he_learned(platform: Platform) -> None:
    await lose_the_next_reply(platform)
    case = await a_case(platform)
    one = f"{CASES}/{case['id']}"

    asked = await platform.operator.post(f"{one}/ask")
    noted = await platform.operator.post(f"{one}/notes", {"text": "Decides on Thursday."})

    assert (asked.status, asked.json["status"]) == (200, "open")
    assert (asked.json["looks"], asked.json["looked_by"]) == (case["looks"] + 1, "operator")
    assert noted.status == 201
    shown = (await platform.operator.get(one)).json
    assert [note["text"] for note in shown["notes"]] == ["Decides on Thursday."]
    assert shown["notes"][0]["key_id"].startswith("key_")


async def test_the_bank_that_has_decided_tells_it_when_asked(platform: Platform) -> None:
    case = await a_case(platform)
    platform.clock.advance(timedelta(days=DECIDES_AFTER_DAYS))

    said = await platform.operator.post(f"{CASES}/{case['id']}/ask")

    assert (said.json["status"], said.json["outcome"]) == ("resolved", "payment.authorized")
    assert said.json["looked_by"] == "operator"
    payment = await platform.till.get(f"{PAYMENTS}/{case['subject']}")
    assert payment.json["status"] == "captured"
    again = await platform.operator.post(f"{CASES}/{case['id']}/ask")
    assert (again.status, again.code) == (409, "case_resolved")


async def test_a_repeat_is_answered_alike_and_asks_nobody(platform: Platform) -> None:
    one = f"{CASES}/{(await a_case(platform))['id']}"

    asked = [await platform.operator.post(f"{one}/ask", key="ask-1") for _ in range(2)]
    noted = [
        await platform.operator.post(f"{one}/notes", {"text": "Called."}, key="note-1")
        for _ in range(2)
    ]
    other = await platform.operator.post(f"{one}/notes", {"text": "Rang."}, key="note-1")

    for first, again in (asked, noted):
        assert (again.raw, again.replayed) == (first.raw, True)
    assert (other.status, other.code) == (422, "idempotency_key_reused")
    assert len((await platform.operator.get(one)).json["notes"]) == 1


async def test_the_list_is_narrowed_and_goes_page_by_page(platform: Platform) -> None:
    for _ in range(3):
        await platform.till.post(PAYMENTS, HELD | {"payment_method": "tok_pending"})
    await wait(platform, DAY_S)

    seen, query = [], "?limit=2"
    while query:
        answer = await platform.operator.get(f"{CASES}{query}")
        seen += [case["id"] for case in answer.json["data"]]
        cursor = answer.json["next_cursor"]
        query = f"?limit=2&cursor={cursor}" if cursor else ""

    assert len(seen) == len(set(seen)) == 3
    assert len(await listed(platform, "?status=open&kind=authorize&route=hdfc_bank")) == 3
    for none in ("?status=resolved", "?kind=payout", "?route=icici_bank"):
        assert await listed(platform, none) == []


async def test_cases_are_for_operators_alone(platform: Platform) -> None:
    one = f"{CASES}/{(await a_case(platform))['id']}"

    said: list[Answer] = [
        await platform.till.get(CASES),
        await platform.till.get(one),
        await platform.till.post(f"{one}/ask"),
        await platform.till.post(f"{one}/notes", {"text": "Mine."}),
    ]

    assert {(answer.status, answer.code) for answer in said} == {(403, "permission_denied")}


async def test_only_what_nobody_can_learn_is_said_by_hand(platform: Platform) -> None:
    case = await a_case(platform)
    one, word = f"{CASES}/{case['id']}", {"note": "Their letter."}

    answers = [
        await platform.operator.post(f"{one}/close", word),
        await platform.operator.post(f"{one}/resolve", word | {"outcome": "approved"}),
        await platform.operator.post(f"{one}/resolve", word | {"outcome": "perhaps"}),
        await platform.operator.post(f"{one}/resolve", word | {"outcome": "failed"}),
    ]

    assert [(answer.status, answer.code) for answer in answers] == [
        (409, "case_not_closable"),
        (422, "invalid_outcome"),
        (422, "invalid_fields"),
        (409, "case_answerable"),  # the bank has it, and is still deciding
    ]
    platform.clock.advance(timedelta(days=DECIDES_AFTER_DAYS))
    said = await platform.operator.post(f"{one}/resolve", word | {"outcome": "failed"})
    assert said.status == 200, said.raw
    assert (said.json["outcome"], said.json["decided"]) == ("payment.authorized", None)


async def test_what_is_not_there_is_not_found(platform: Platform) -> None:
    for name in (NOBODY, "cas_x", "pay_01kjpy44e0fh0r68j79jejabkn", "'--"):
        one = f"{CASES}/{name}"
        said = [
            await platform.operator.get(one),
            await platform.operator.post(f"{one}/ask"),
            await platform.operator.post(f"{one}/notes", {"text": "Hm."}),
        ]

        assert {(answer.status, answer.code) for answer in said} == {(404, "case_not_found")}


async def test_every_wrong_filter_and_cursor_is_named(platform: Platform) -> None:
    wrong = ("status=shut", "kind=prayer", "limit=0", "limit=201", "limit=x", f"route={'x' * 65}")
    for query in wrong:
        said = await platform.operator.get(f"{CASES}?{query}")

        assert (said.status, said.code) == (422, "invalid_fields"), said.raw
        assert [error["field"] for error in said.json["errors"]] == [query.partition("=")[0]]
    said = await platform.operator.get(f"{CASES}?cursor=x")
    assert (said.status, said.code) == (422, "invalid_cursor")


async def test_what_is_no_note_or_no_question_is_refused(platform: Platform) -> None:
    one = f"{CASES}/{(await a_case(platform))['id']}"
    for body in NO_NOTES:
        said = await platform.operator.post(f"{one}/notes", body)

        assert (said.status, said.code) == (422, "invalid_fields"), said.raw
    blank = await platform.operator.post(f"{one}/notes", {"text": " \n"})
    declared = await platform.operator.post(f"{one}/ask", {"outcome": "payment.captured"})

    assert (blank.status, blank.code) == (422, "invalid_note")
    assert (declared.status, declared.code) == (422, "invalid_fields")
    shown = (await platform.operator.get(one)).json
    assert (shown["notes"], shown["status"]) == ([], "open")


async def test_a_wallets_payout_is_a_case_of_its_owner(platform: Platform) -> None:
    user_id = new_id(platform.clock.now(), random_bucket())
    seen = await platform.app.wallets.open(user_id, "INR")
    wallet = typeid("wal", seen.wallet.id)
    await platform.till.post(PAYMENTS, HELD | {"wallet_id": wallet})
    await platform.app.delivery.drain("top_ups")
    await platform.app.top_ups.credit_due()
    destination = {"type": "upi", "upi_id": "pending@sandbox", "name": "Asha Rao"}
    body = {"wallet_id": wallet, "amount": 2_000, "destination": destination}
    payout = await platform.operator.post("/api/v1/payouts", body)
    assert payout.json["status"] == "sent"
    await wait(platform, DAY_S)
    (case,) = await listed(platform, "?kind=payout")

    asked = await platform.operator.post(f"{CASES}/{case['id']}/ask")

    assert (case["subject"], case["amount"]) == (payout.json["id"], 2_000)
    assert (asked.json["status"], asked.json["looks"]) == ("open", case["looks"] + 1)


async def test_what_is_not_known_is_measured(platform: Platform) -> None:
    await platform.till.post(PAYMENTS, HELD | {"payment_method": "tok_pending"})
    await wait(platform, DAY_S)

    said = await gauges(platform)

    labels = '{currency="INR",kind="payment",route="hdfc_bank",state="unknown"}'
    assert said[f"tallystick_unknown_outcomes{labels}"] == 1
    assert said[f"tallystick_unknown_outcomes_amount_minor{labels}"] == 10_000
    assert said['tallystick_unknown_outcomes_oldest_age_seconds{kind="payment"}'] == DAY_S
    assert said['tallystick_cases_open{kind="authorize"}'] == 1

    await wait(platform, DAY_S * DECIDES_AFTER_DAYS)

    left = [name for name in await gauges(platform) if name.startswith("tallystick_unknown")]
    assert left == []
