"""The clock is turned by one process while another one works: nothing is done twice or lost."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec import structs

from tallystick.app import App, open_app
from tallystick.platform.clock import HandClock
from tallystick.platform.postgres.address import Address
from tallystick.platform.settings import Settings
from tallystick.platform.timetable import keep_timetable
from tallystick.sandbox import Sandbox
from tests.journeys.test_hand_clock import A_WEEK, ADVANCE, HELD, MANUAL, PAYMENTS
from tests.servers.served import Platform

pytestmark = pytest.mark.anyio
EACH = 6


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"test_clock": "hand"})


@pytest.fixture
async def worker(
    settings: Settings, address: Address, clock: HandClock, sandbox: Sandbox, app: App
) -> AsyncIterator[App]:
    """A house of its own over the same database and banks, whose jobs never rest."""
    del app  # opened first
    chosen = settings.model_copy(update={"sandbox_port": sandbox.port})
    async with open_app(chosen, address=address, clock=clock) as house:
        stop = asyncio.Event()
        jobs = [structs.replace(job, every_s=0.02) for job in house.jobs]
        working = asyncio.create_task(keep_timetable(jobs, stop))
        yield house
        stop.set()
        await working


async def paid(platform: Platform, **more: object) -> str:
    answer = await platform.till.post(PAYMENTS, HELD | more)
    return f"{PAYMENTS}/{answer.json['id']}"


async def status_of(platform: Platform, one: str) -> str:
    return str((await platform.till.get(one)).json["status"])


async def test_both_do_what_is_due_and_it_is_done_once(platform: Platform, worker: App) -> None:
    held = [await paid(platform, **MANUAL) for _ in range(EACH)]
    lost = [await paid(platform, payment_method="tok_charge_then_drop") for _ in range(EACH)]

    turns = [await platform.operator.post(ADVANCE, {"seconds": 61})]
    turns += await asyncio.gather(
        *[platform.operator.post(ADVANCE, {"seconds": A_WEEK // 2}) for _ in range(3)]
    )
    await asyncio.sleep(0.1)  # whatever the worker has begun comes to its end

    assert [turn.status for turn in turns] == [200] * 4
    assert not [job for turn in turns for job in turn.json["jobs"] if job["failed"]]
    assert {await status_of(platform, one) for one in held} == {"expired"}
    assert {await status_of(platform, one) for one in lost} == {"captured"}
    at_the_bank = await platform.sandbox.books["hdfc_bank"].operations()
    assert Counter(str(operation.kind) for operation in at_the_bank)["void"] == EACH
    for one in held:
        events = (await platform.till.get(f"{one}/events")).json["data"]
        assert kinds(events).count("payment.expired") == 1
    for one in lost:
        events = (await platform.till.get(f"{one}/events")).json["data"]
        assert kinds(events).count("payment.captured") == 1


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [event["event_type"] for event in events]
