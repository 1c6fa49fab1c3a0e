"""Published heads: what stood once can be shown later, whatever became of the database."""

from pathlib import Path

import pytest

from tallystick.journal import Change, Journal
from tallystick.platform.postgres.pools import Connection
from tests.journal.conftest import Ids, notch

pytestmark = pytest.mark.anyio


async def record(journal: Journal, ids: Ids) -> None:
    await journal.record(Change(ids(), facts=(notch(ids(), 1),)))


async def test_a_head_is_published_once_for_each_move_of_its_lane(
    journal: Journal, ids: Ids, owner: Connection, tmp_path: Path
) -> None:
    path = tmp_path / "new folder" / "heads.jsonl"
    assert await journal.publish_heads(path) == 0
    await record(journal, ids)
    assert await journal.publish_heads(path) == 1
    assert await journal.publish_heads(path) == 0
    await record(journal, ids)
    assert await journal.publish_heads(path) == 1

    assert await journal.verify_heads(owner, path) == (2, ())


async def test_a_line_that_a_crash_cut_short_is_written_anew(
    journal: Journal, ids: Ids, owner: Connection, tmp_path: Path
) -> None:
    path = tmp_path / "heads.jsonl"
    await record(journal, ids)
    await journal.publish_heads(path)
    path.write_bytes(path.read_bytes()[:-10])

    assert await journal.verify_heads(owner, path) == (0, ())
    assert await journal.publish_heads(path) == 1
    assert await journal.verify_heads(owner, path) == (1, ())


async def test_a_log_that_was_rewritten_or_cut_off_is_found_out(
    journal: Journal, ids: Ids, owner: Connection, tmp_path: Path
) -> None:
    path = tmp_path / "heads.jsonl"
    for _ in range(3):
        await record(journal, ids)
        await journal.publish_heads(path)
    await owner.execute("SET session_replication_role = replica")
    await owner.execute("UPDATE journal_batches SET head = sha256(head) WHERE batch = 2")
    await owner.execute("DELETE FROM journal_batches WHERE batch = 3")

    _, breaks = await journal.verify_heads(owner, path)
    assert [(found.batch, "lacks" in found.reason) for found in breaks] == [(2, False), (3, True)]
