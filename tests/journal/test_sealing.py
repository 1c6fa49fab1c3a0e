"""What was erased reads as nothing; what was changed is told, whoever changed the log with it."""

from collections.abc import Callable
from uuid import UUID

import pytest
from msgspec import structs

from tallystick.journal import Change, Journal, SealTampered
from tallystick.journal.rebuild import Comparison
from tallystick.platform.postgres.pools import Connection
from tests.journal.conftest import TALLY, Ids, OpenJournal, notch

pytestmark = pytest.mark.anyio

SEALED_TALLY = structs.replace(TALLY, seals=lambda row: [(row.id, row.label)])
NAME = {"name": "Asha"}
TAMPERINGS: dict[str, Callable[[str], str]] = {
    "the last letter": lambda text: f"{text[:-6]}{'B' if text[-6] == 'A' else 'A'}{text[-5:]}",
    "cut short": lambda text: text[:-4],
    "all but the key's name gone": lambda text: text.partition(".")[0] + ".",
    "no base64": lambda text: text[:-1] + "!",
}


def of_old(sealed: str) -> str:
    """The text as it was sealed before keys had names."""
    return sealed.partition(".")[2]


@pytest.mark.parametrize("tampering", TAMPERINGS)
async def test_a_text_that_was_changed_is_not_taken_for_an_erased_one(
    journal: Journal, ids: Ids, tampering: str
) -> None:
    subject = ids()
    changed = TAMPERINGS[tampering](await journal.seal(subject, NAME))

    with pytest.raises(SealTampered) as found:
        await journal.unseal(subject, changed)

    assert found.value.code == "seal_tampered"


async def test_a_text_whose_key_was_destroyed_reads_as_nothing_beside_a_new_key(
    journal: Journal, ids: Ids
) -> None:
    subject = ids()
    erased = await journal.seal(subject, NAME)
    await journal.erase(subject)
    said_since = await journal.seal(subject, {"note": "asked by telephone"})

    assert await journal.unseal(subject, erased) is None
    assert await journal.unseal(subject, said_since) == {"note": "asked by telephone"}


async def test_texts_of_old_stay_readable_and_erasable(journal: Journal, ids: Ids) -> None:
    subject = ids()
    old = of_old(await journal.seal(subject, NAME))

    assert await journal.unseal(subject, old) == NAME
    await journal.erase(subject)
    assert await journal.unseal(subject, old) is None


async def test_nobody_says_that_a_text_of_old_was_changed(journal: Journal, ids: Ids) -> None:
    subject = ids()
    old = of_old(await journal.seal(subject, NAME))

    assert await journal.unseal(subject, TAMPERINGS["the last letter"](old)) is None


async def test_what_was_changed_in_log_and_table_alike_is_found(
    open_journal: OpenJournal, owner: Connection, ids: Ids
) -> None:
    async with open_journal(projections=[SEALED_TALLY]) as journal:
        kept, changed, erased = [await sealed_tally(journal, ids) for _ in range(3)]
        await owner.execute("SET session_replication_role = replica")
        text = await owner.fetchval("SELECT label FROM tallies WHERE id = $1", changed)
        other = TAMPERINGS["the last letter"](text)
        for table, column in (("tallies", "label"), ("journal_facts", "data")):
            await owner.execute(
                f"UPDATE {table} SET {column} = replace({column}::text, $1, $2)::"
                f"{'json' if column == 'data' else 'text'}",
                text,
                other,
            )
        await journal.erase(erased)

        found = await compared(journal, owner)

        assert (found.equal, found.sound, found.tampered) == (True, False, (changed,))
        assert kept not in found.tampered


async def test_a_key_that_was_changed_is_found(
    open_journal: OpenJournal, owner: Connection, ids: Ids
) -> None:
    async with open_journal(projections=[SEALED_TALLY]) as journal:
        tally = await sealed_tally(journal, ids)
        assert (await compared(journal, owner)).sound
        await owner.execute(
            "UPDATE journal_subject_keys SET wrapped = set_byte(wrapped, 20, 255 - get_byte("
            "wrapped, 20))"
        )

        assert (await compared(journal, owner)).tampered == (tally,)


async def sealed_tally(journal: Journal, ids: Ids) -> UUID:
    """A tally with a sealed label."""
    tally = ids()
    label = await journal.seal(tally, NAME)
    await journal.record(Change(ids(), facts=(notch(tally, 1, 1, label),)))
    return tally


async def compared(journal: Journal, owner: Connection) -> Comparison:
    async with owner.transaction(isolation="repeatable_read", readonly=True):
        (comparison,) = await journal.verify_projections(owner)
    return comparison
