"""Many changes of one caller: each is recorded or refused by itself, and answered in its place."""

import asyncio

import pytest

from tallystick.journal import Asked, Change, Journal, JournalError
from tallystick.journal.model import Recorded
from tallystick.platform.postgres.pools import Database
from tests.journal.conftest import Ids, notch, open_pair, post

pytestmark = pytest.mark.anyio


def _told(outcome: Recorded | JournalError) -> str:
    if isinstance(outcome, Recorded):
        return f"moved, {outcome.transfers[0].credit_balance} there"
    return f"{type(outcome).__name__} {outcome.code}"


async def test_each_is_answered_in_its_place_whatever_becomes_of_the_others(
    journal: Journal, ids: Ids
) -> None:
    source, target = await open_pair(journal, ids, limit=300)
    asked, tally = Asked("scope", "key", b"body"), ids()
    await journal.record(Change(ids(), facts=(notch(tally, 1),), claim=asked.claim(tally)))
    changes = [
        Change(ids(), transfers=(post(source, target, 200),)),
        Change(ids(), transfers=(post(source, target, 200),)),
        Change(ids(), facts=(notch(tally, 9),)),
        Change(ids(), facts=(notch(tally, 2),), claim=asked.claim(tally)),
        Change(ids(), facts=(notch(ids(), 1, label="nul \x00 byte"),)),
        Change(ids(), transfers=(post(source, target, 100),)),
    ]
    assert list(map(_told, await journal.record_each(changes))) == [
        "moved, 200 there",
        "Refused insufficient_funds",
        "Conflict conflict",
        "Repeated repeated",
        "Refused not_recordable",
        "moved, 300 there",
    ]


async def test_more_of_them_than_a_batch_holds_are_all_recorded(
    journal: Journal, database: Database, ids: Ids
) -> None:
    outcomes = await journal.record_each(
        [Change(ids(), facts=(notch(ids(), 1),)) for _ in range(2_500)]
    )
    assert len({outcome.batch for outcome in outcomes if isinstance(outcome, Recorded)}) > 1
    assert await database.fetchval("SELECT count(*) FROM tallies") == 2_500


async def test_none_of_them_is_answered_at_once(journal: Journal) -> None:
    assert await journal.record_each([]) == []


async def test_a_caller_who_goes_away_leaves_those_that_wait_unrecorded(
    journal: Journal, database: Database, ids: Ids
) -> None:
    neighbour = Change(ids(), facts=(notch(ids(), 1),))
    many = [Change(ids(), facts=(notch(ids(), 1),)) for _ in range(10)]
    caller = asyncio.create_task(journal.record_each(many))
    await asyncio.sleep(0)  # they are in the queue, and no batch is drawn yet
    caller.cancel()
    await journal.record(neighbour)
    assert await database.fetchval("SELECT count(*) FROM tallies") == 1
