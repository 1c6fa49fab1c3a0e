"""A no that was said before anything was recorded stands under its key like the journal's own."""

import asyncio

import pytest

from tallystick.journal import Asked, Change, Journal, Refused, Repeated
from tallystick.platform.postgres.pools import Database
from tests.journal.conftest import Ids, notch, open_pair, post

pytestmark = pytest.mark.anyio

WISH = Asked("test", "k1", b"{}")
NO = ("wallet_frozen", "nothing may leave this wallet: it is frozen")


async def test_it_is_what_the_key_is_answered_ever_after(journal: Journal, ids: Ids) -> None:
    await journal.remember_refusal(WISH, *NO)

    with pytest.raises(Repeated) as repeat:
        await journal.record(Change(ids(), (notch(ids(), 1),), claim=WISH.claim(ids())))
    with pytest.raises(Refused) as refused:
        await journal.answer(repeat.value, patience_s=0)

    assert (refused.value.code, refused.value.detail) == NO
    assert (refused.value.remembered, repeat.value.claim.subject_version) == (True, 0)


async def test_it_does_not_stand_over_what_was_done(journal: Journal, ids: Ids) -> None:
    tally = ids()
    await journal.record(Change(ids(), (notch(tally, 1),), claim=WISH.claim(tally)))

    with pytest.raises(Repeated) as repeat:
        await journal.remember_refusal(WISH, *NO)

    assert (repeat.value.claim.state, repeat.value.claim.subject_id) == ("done", tally)


async def test_its_neighbours_in_a_batch_never_notice(
    journal: Journal, database: Database, ids: Ids
) -> None:
    source, target = await open_pair(journal, ids, limit=None)
    moves = [Change(ids(), transfers=(post(source, target, 10),)) for _ in range(20)]
    wishes = [Asked("test", f"no {number}", b"{}") for number in range(10)]

    await asyncio.gather(
        *[journal.record(change) for change in moves],
        *[journal.remember_refusal(wish, *NO) for wish in wishes],
    )

    assert await database.fetchval("SELECT count(*) FROM ledger_transfers") == 20
    refused = "SELECT count(*) FROM journal_claims WHERE state = 'refused'"
    assert await database.fetchval(refused) == 10


async def test_two_at_once_are_one(journal: Journal, database: Database) -> None:
    said = await asyncio.gather(
        *[journal.remember_refusal(WISH, *NO) for _ in range(5)], return_exceptions=True
    )

    assert [type(one) for one in said if one is not None] == [Repeated] * 4
    assert await database.fetchval("SELECT count(*) FROM journal_claims") == 1
