"""Every event that can be triggered really happens, to the object that is shown."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from tallystick.cli.api_client import ApiClient
from tallystick.cli.trigger import PLAYS
from tallystick.platform.ids import parse_typeid
from tests.servers.served import Platform

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def worker(platform: Platform) -> AsyncIterator[None]:
    """What a worker does about disputes, while the time goes by."""

    async def work() -> None:
        while True:
            await platform.app.disputes.feed.read_all()
            await platform.app.disputes.look_at_due()
            platform.clock.advance(timedelta(seconds=20))
            await asyncio.sleep(0.05)

    working = asyncio.create_task(work())
    try:
        yield
    finally:
        working.cancel()


async def test_every_event_happens(platform: Platform) -> None:
    opened = ApiClient.open(platform.base_url, platform.till.api_key)
    async with opened as api, worker(platform):
        for event, play in PLAYS.items():
            made = await play(api)
            facts = await platform.app.journal.facts_of(
                parse_typeid(made["id"].partition("_")[0], made["id"])
            )
            assert event in [fact.kind for fact in facts], event
    await platform.recover()  # what was left unanswered, before the two books are compared
