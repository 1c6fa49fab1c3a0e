"""Rows that a change brings along are not loaded; stale ones are found out."""

import asyncio
from uuid import UUID

import pytest
from msgspec.structs import replace

from tallystick.journal import Asked, Change, Conflict, Journal, Refused
from tallystick.ledger import Void
from tallystick.platform.postgres.pools import Connection
from tests.journal.conftest import TALLY, Ids, TallyRow, notch

pytestmark = pytest.mark.anyio


async def standing(owner: Connection, tally: UUID) -> TallyRow:
    (record,) = await owner.fetch("SELECT * FROM tallies WHERE id = $1", tally)
    return TallyRow(*record)


async def cut(journal: Journal, ids: Ids, owner: Connection, label: str | None = None) -> TallyRow:
    """A tally with its first fact, as it stands."""
    tally = ids()
    await journal.record(Change(ids(), facts=(notch(tally, 1, 1, label),)))
    return await standing(owner, tally)


async def test_a_row_that_is_brought_is_folded_into_as_if_it_had_been_loaded(
    journal: Journal, ids: Ids, owner: Connection
) -> None:
    row = await cut(journal, ids, owner, "first")
    facts = (notch(row.id, 2, 2), notch(row.id, 3, 3))

    recorded = await journal.record(Change(ids(), facts=facts, rows=(row,)))

    after = await standing(owner, row.id)
    assert after == TallyRow(row.id, 3, 6, recorded.at, "first")
    async with owner.transaction():
        assert [table.equal for table in await journal.verify_projections(owner)] == [True]


@pytest.mark.parametrize("off", [-1, 1], ids=["older than what stands", "newer than what stands"])
async def test_a_change_upon_another_version_is_a_conflict(
    journal: Journal, ids: Ids, owner: Connection, off: int
) -> None:
    row = await cut(journal, ids, owner)
    await journal.record(Change(ids(), facts=(notch(row.id, 2),)))
    wrong = replace(row, version=2 + off)

    with pytest.raises(Conflict):
        await journal.record(
            Change(ids(), facts=(notch(row.id, wrong.version + 1),), rows=(wrong,))
        )

    assert (await standing(owner, row.id)).notches == 2
    assert len(await journal.facts_of(row.id)) == 2


async def test_a_stale_row_does_no_harm_to_those_in_the_same_batch(
    journal: Journal, ids: Ids, owner: Connection
) -> None:
    rows = [await cut(journal, ids, owner) for _ in range(5)]
    stale = rows[2]
    await journal.record(Change(ids(), facts=(notch(stale.id, 2),)))
    changes = [Change(ids(), facts=(notch(row.id, 2),), rows=(row,)) for row in rows]

    outcomes = await journal.record_each(changes)

    assert [isinstance(one, Conflict) for one in outcomes] == [row is stale for row in rows]
    assert [(await standing(owner, row.id)).notches for row in rows] == [2] * 5


async def test_a_refusal_upon_a_stale_row_is_a_conflict_and_not_remembered(
    journal: Journal, ids: Ids, owner: Connection
) -> None:
    """He who was faster moved the money too; so the ledger's no is no answer to this wish."""
    row = await cut(journal, ids, owner)
    await journal.record(Change(ids(), facts=(notch(row.id, 2),)))
    asked = Asked("test", "stale", b"{}")
    stale = Change(
        ids(),
        facts=(notch(row.id, 2),),
        transfers=(Void(ids(), "test"),),  # a reservation that is gone
        claim=asked.claim(row.id, version=2),
        rows=(row,),
    )

    with pytest.raises(Conflict):
        await journal.record(stale)
    assert await journal.find_repeat(asked) is None

    fresh = replace(stale, id=ids(), facts=(notch(row.id, 3),), rows=())
    with pytest.raises(Refused, match="there is no reservation"):
        await journal.record(fresh)
    assert await journal.find_repeat(asked)


async def test_of_two_who_bring_the_same_row_one_is_recorded(
    journal: Journal, ids: Ids, owner: Connection
) -> None:
    row = await cut(journal, ids, owner)

    outcomes = await asyncio.gather(
        *(journal.record(Change(ids(), facts=(notch(row.id, 2),), rows=(row,))) for _ in range(8)),
        return_exceptions=True,
    )

    assert sum(isinstance(one, Conflict) for one in outcomes) == 7
    assert (await standing(owner, row.id)).notches == 2


async def test_only_what_has_changed_is_written(
    journal: Journal, ids: Ids, owner: Connection
) -> None:
    row = await cut(journal, ids, owner, "first")
    await owner.execute("UPDATE tallies SET label = 'by hand' WHERE id = $1", row.id)

    await journal.record(Change(ids(), facts=(notch(row.id, 2),), rows=(row,)))

    after = await standing(owner, row.id)
    assert (after.version, after.notches, after.label) == (2, 2, "by hand")
    assert (await journal.row_as_of(TALLY, row.id, 2)).label == "first"
