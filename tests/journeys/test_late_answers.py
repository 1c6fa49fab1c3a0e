"""Eight days without an answer from the banks: nothing that ends by the clock ends what is unknown.

The money has moved at the bank, and its answers were lost. Until it is asked, every job has its
turn, again and again: authorizations, intents and reservations run out, and none of these.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from tallystick.app import App
from tallystick.payments import Recovery
from tallystick.platform.settings import Settings
from tallystick.platform.timetable import run_due
from tests.payments.troubled_rails import silent
from tests.servers.served import Platform

pytestmark = pytest.mark.anyio

API = "/api/v1"
CARD = {"amount": 10_000, "currency": "INR", "payment_method": "tok_visa"}
HELD = CARD | {"capture_method": "manual"}
ENDED = {"expired", "failed", "cancelled"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"test_clock": "hand"})


async def lose(platform: Platform, verb: str) -> None:
    """Both banks do what they are asked next, and the connection drops."""
    for bank in platform.sandbox.books:
        url = f"{platform.sandbox.base_url(bank)}/v1/faults"
        async with aiohttp.request("POST", url, json={"fault": "lost_reply", "on": verb}) as answer:
            assert answer.status == 200


async def asked(platform: Platform, path: str, body: Any = None) -> dict[str, Any]:
    answer = await platform.till.post(f"{API}{path}", body or {})
    assert answer.status in (200, 201, 202), answer.raw
    return dict(answer.json)


async def shown(platform: Platform, path: str) -> dict[str, Any]:
    answer = await platform.till.get(f"{API}{path}")
    assert answer.status == 200, answer.raw
    return dict(answer.json)


async def an_intent(platform: Platform) -> str:
    intent = await asked(platform, "/intents", {"amount": 10_000, "currency": "INR"})
    await lose(platform, "authorization")
    await asked(platform, f"/intents/{intent['id']}/confirm", {"payment_method": "tok_visa"})
    return f"/intents/{intent['id']}"


async def an_authorization(platform: Platform) -> str:
    await lose(platform, "authorization")
    return f"/payments/{(await asked(platform, '/payments', HELD))['id']}"


async def a_capture(platform: Platform) -> str:
    payment = await asked(platform, "/payments", HELD)
    await lose(platform, "capture")
    await asked(platform, f"/payments/{payment['id']}/capture", {"amount": 4_000})
    return f"/payments/{payment['id']}"


async def a_void(platform: Platform) -> str:
    payment = await asked(platform, "/payments", HELD)
    await lose(platform, "void")
    await asked(platform, f"/payments/{payment['id']}/cancel")
    return f"/payments/{payment['id']}"


async def a_refund(platform: Platform) -> str:
    await asked(platform, "/payments", CARD)
    payment = await asked(platform, "/payments", CARD)
    await lose(platform, "refund")
    refund = await asked(platform, "/refunds", {"payment_id": payment["id"], "amount": 4_000})
    return f"/refunds/{refund['id']}"


LOST: dict[Callable[[Platform], Any], tuple[str, str]] = {
    an_intent: ("processing", "succeeded"),
    an_authorization: ("pending", "authorized"),
    a_capture: ("authorized", "captured"),
    a_void: ("authorized", "cancelled"),
    a_refund: ("pending", "succeeded"),
}


def out_of_reach(app: App) -> App:
    """The same house while no bank answers."""
    return replace(app, recovery=Recovery(silent(app.recovery.operations)))


@pytest.mark.parametrize("lost", LOST, ids=lambda lost: lost.__name__)
@pytest.mark.parametrize("reachable", [False, True])
async def test_what_is_unknown_outlasts_every_day_of_expiry(
    platform: Platform, lost: Callable[[Platform], Any], reachable: bool
) -> None:
    before, after = LOST[lost]
    path = await lost(platform)
    assert (await shown(platform, path))["status"] == before

    platform.clock.advance(timedelta(days=8))
    if not reachable:
        for job in out_of_reach(platform.app).jobs:  # each of them first, as chance may have it
            await job.run()
            assert (await shown(platform, path))["status"] == before, job.name
        for _ in range(3):
            platform.clock.advance(timedelta(days=8))
            await run_due(out_of_reach(platform.app).jobs)
            assert (await shown(platform, path))["status"] == before

    platform.clock.advance(timedelta(days=1))
    await run_due(platform.app.jobs)

    assert (await shown(platform, path))["status"] == after
