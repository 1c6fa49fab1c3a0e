"""Time turned by hand: what takes days is driven over HTTP, and happens before the answer."""

from typing import Any

import aiohttp
import pytest

from tallystick.platform.settings import Settings
from tests.servers.served import Platform

pytestmark = pytest.mark.anyio
CLOCK, ADVANCE = "/api/v1/test/clock", "/api/v1/test/clock/advance"
PAYMENTS, INTENTS = "/api/v1/payments", "/api/v1/intents"
HELD = {"amount": 10_000, "currency": "INR", "payment_method": "tok_visa"}
MANUAL = {"capture_method": "manual"}
A_DAY, A_WEEK = 86_400, 604_800
STRANGE_TURNS: list[dict[str, object]] = [
    {},
    {"seconds": 1, "to": "2026-03-03T00:00:00Z"},
    {"seconds": 0},
    {"seconds": -1},
    {"seconds": 1.5},
    {"seconds": "1"},
    {"seconds": True},
    {"seconds": 366 * A_DAY + 1},
    {"seconds": 10**30},
    {"to": "2026-03-02T09:29:59Z"},
    {"to": "2027-03-04T09:30:00Z"},
    {"to": "9999-12-31T00:00:00Z"},
    {"to": "2026-03-03"},
    {"to": "2026-03-03T00:00:00"},
    {"by": 1},
]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"test_clock": "hand"})


async def turned(platform: Platform, **how: object) -> dict[str, int]:
    """Turn the clock; what each job did."""
    answer = await platform.operator.post(ADVANCE, how)
    assert answer.status == 200, answer.raw
    assert not [job for job in answer.json["jobs"] if job["failed"]]
    return {job["name"]: job["done"] for job in answer.json["jobs"]}


async def made(platform: Platform, **more: object) -> str:
    answer = await platform.till.post(PAYMENTS, HELD | more)
    assert answer.status == 201, answer.raw
    return f"{PAYMENTS}/{answer.json['id']}"


async def seen(platform: Platform, one: str) -> dict[str, Any]:
    found: dict[str, Any] = (await platform.till.get(one)).json
    return found


async def test_what_runs_out_is_given_back_at_the_bank(platform: Platform) -> None:
    whole, part = [await made(platform, **MANUAL) for _ in range(2)]
    await platform.till.post(f"{part}/capture", {"amount": 4_000})
    wish = (await platform.till.post(INTENTS, {"amount": 500, "currency": "INR"})).json

    await turned(platform, seconds=A_DAY)
    assert (await seen(platform, f"{INTENTS}/{wish['id']}"))["status"] == "expired"
    assert (await seen(platform, whole))["status"] == "authorized"

    done = await turned(platform, seconds=A_WEEK - A_DAY)

    assert done["recovery"] == 2
    assert (await seen(platform, whole))["status"] == "expired"
    found = await seen(platform, part)
    assert (found["status"], found["amount_captured"], found["amount_capturable"]) == (
        *("captured", 4_000),
        0,
    )
    voids = [
        operation
        for operation in await platform.sandbox.books["hdfc_bank"].operations()
        if operation.kind == "void"
    ]
    assert len(voids) == 2
    assert (await turned(platform, to=(await now(platform))))["recovery"] == 0


async def test_an_unanswered_payment_is_recovered(platform: Platform) -> None:
    charged = await made(platform, payment_method="tok_charge_then_drop")
    lost = await made(platform, payment_method="tok_drop_before")
    assert [(await seen(platform, one))["status"] for one in (charged, lost)] == ["pending"] * 2

    await turned(platform, seconds=61)

    assert (await seen(platform, charged))["status"] == "captured"
    assert (await seen(platform, lost))["status"] == "failed"
    assert await platform.payable() == 9_600


async def test_a_lost_reply_to_a_capture_is_recovered(platform: Platform) -> None:
    one = await made(platform, **MANUAL)
    switch = {"fault": "lost_reply", "on": "capture"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{platform.sandbox.base_url('hdfc_bank')}/v1/faults", json=switch) as said,
    ):
        assert said.status == 200
    captured = await platform.till.post(f"{one}/capture")
    assert (captured.status, captured.json["status"]) == (200, "authorized")

    await turned(platform, seconds=61)

    found = await seen(platform, one)
    assert (found["status"], found["amount_captured"]) == ("captured", 10_000)


async def test_the_same_steps_end_the_same(platform: Platform) -> None:
    """Nothing but the clock's turns moves anything: the facts carry the times it was turned to."""
    started = await now(platform)
    one = await made(platform, payment_method="tok_pending")
    assert (await platform.operator.get(CLOCK)).json == {"now": started}

    for _ in range(3):
        await turned(platform, seconds=400)

    events = (await platform.till.get(f"{one}/events")).json["data"]
    assert [event["event_type"] for event in events] == [
        "payment.initiated",
        "payment.attempt_sending",
        "payment.outcome_unknown",
        "payment.authorized",
        "payment.captured",
    ]
    assert [event["timestamp"] for event in events[:3]] == [started] * 3
    assert events[3]["timestamp"] == events[4]["timestamp"] > started


async def now(platform: Platform) -> str:
    return str((await platform.operator.get(CLOCK)).json["now"])


async def test_a_strange_turn_is_refused(platform: Platform) -> None:
    before = platform.clock.now()
    for body in STRANGE_TURNS:
        refused = await platform.operator.post(ADVANCE, body)

        assert (refused.status, refused.code) == (422, "invalid_fields"), body
        assert platform.clock.now() == before, body


async def test_it_is_the_operators(platform: Platform) -> None:
    for caller, status in ((platform.till, 403), (platform.anybody, 401)):
        assert (await caller.get(CLOCK)).status == status
        assert (await caller.post(ADVANCE, {"seconds": 1})).status == status


class TestWithoutTheSetting:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"test_clock": "running"})

    async def test_neither_address_exists(self, platform: Platform) -> None:
        assert (await platform.operator.get(CLOCK)).status == 404
        assert (await platform.operator.post(ADVANCE, {"seconds": 1})).status == 404
        described = (await platform.anybody.get("/openapi.json")).json
        assert not [path for path in described["paths"] if "/test/" in path]
