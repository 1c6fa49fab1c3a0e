"""Every event that can be triggered really happens, to the object that is shown."""

import pytest

from tallystick.cli.api_client import ApiClient
from tallystick.cli.trigger import PLAYS
from tallystick.platform.ids import parse_typeid
from tests.servers.served import Platform

pytestmark = pytest.mark.anyio


async def test_every_event_happens(platform: Platform) -> None:
    async with ApiClient.open(platform.base_url, platform.till.api_key) as api:
        for event, play in PLAYS.items():
            made = await play(api)
            facts = await platform.app.journal.facts_of(
                parse_typeid(made["id"].partition("_")[0], made["id"])
            )
            assert event in [fact.kind for fact in facts], event
    await platform.recover()  # what was left unanswered, before the two books are compared
