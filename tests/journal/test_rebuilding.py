"""A projection is what its facts make; where it is not, verifying tells and a rebuild mends."""

import asyncio
from uuid import UUID

import pytest

from tallystick.journal import Change, Journal
from tallystick.platform.postgres.pools import Connection
from tests.journal.conftest import TALLY, Ids, OpenJournal, notch

pytestmark = pytest.mark.anyio


@pytest.fixture
async def tallies(journal: Journal, ids: Ids) -> list[UUID]:
    tallies = [ids() for _ in range(20)]
    for version in (1, 2, 3):
        await asyncio.gather(
            *(journal.record(Change(ids(), facts=(notch(t, version, version),))) for t in tallies)
        )
    return tallies


async def differing(journal: Journal, owner: Connection) -> tuple[int, int]:
    async with owner.transaction(isolation="repeatable_read", readonly=True):
        (comparison,) = await journal.verify_projections(owner)
    return len(comparison.differing), len(comparison.strangers)


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        ("UPDATE tallies SET notches = notches + 1 WHERE id = $1", (1, 0)),
        ("UPDATE tallies SET version = 2 WHERE id = $1", (1, 0)),
        ("UPDATE tallies SET label = 'x' WHERE id = $1", (1, 0)),
        ("DELETE FROM tallies WHERE id >= $1", (20, 0)),
        ("INSERT INTO tallies VALUES (gen_random_uuid(), 1, 1, now(), $1::uuid::text)", (0, 1)),
    ],
)
async def test_damage_is_found_and_mended(
    journal: Journal,
    owner: Connection,
    tallies: list[UUID],
    damage: str,
    found: tuple[int, int],
) -> None:
    assert await differing(journal, owner) == (0, 0)
    await owner.execute(damage, min(tallies))
    assert await differing(journal, owner) == found
    rebuilt = await journal.rebuild(owner, "tallies")
    assert (len(rebuilt.differing), len(rebuilt.strangers)) == found
    assert await differing(journal, owner) == (0, 0)
    assert await owner.fetchval("SELECT sum(notches) FROM tallies") == 20 * 6


async def test_an_empty_table_is_rebuilt_while_writers_go_on(
    journal: Journal, open_journal: OpenJournal, owner: Connection, tallies: list[UUID], ids: Ids
) -> None:
    await owner.execute("TRUNCATE tallies")
    writing = asyncio.gather(
        *(journal.record(Change(ids(), facts=(notch(ids(), 1),))) for _ in range(500))
    )
    await journal.rebuild(owner, "tallies")
    await writing
    assert await differing(journal, owner) == (0, 0)
    await journal.record(Change(ids(), facts=(notch(tallies[0], 4),)))


async def test_a_row_as_it_once_stood_is_folded_from_its_first_facts(
    journal: Journal, tallies: list[UUID]
) -> None:
    rows = [await journal.row_as_of(TALLY, tallies[0], version) for version in (1, 2, 3)]
    assert [row.notches for row in rows] == [1, 3, 6]


async def test_no_projection_of_that_name_is_a_clear_error(
    journal: Journal, owner: Connection
) -> None:
    with pytest.raises(LookupError, match="there are tallies"):
        await journal.rebuild(owner, "payments; DROP TABLE tallies")
