"""Batches that PostgreSQL hashes itself are sealed as well as any other, column by column."""

import asyncio
from uuid import UUID

import pytest

from tallystick.books.proof.lane_walk import walk_slice
from tallystick.books.proof.slices import Place
from tallystick.journal import Change, Journal
from tallystick.journal.model import Busy
from tallystick.ledger import BulkPosting, NotPostable, Open
from tallystick.platform.postgres.pools import Connection
from tests.journal.conftest import Ids, post
from tests.journal.test_chain import DAMAGES, walk

pytestmark = pytest.mark.anyio

WHICH = {
    "journal_facts": "lane = 1 AND position = 3",
    "ledger_transfers": "id = (SELECT id FROM ledger_transfers ORDER BY id DESC LIMIT 1)",
    "journal_batches": "batch = 2 AND lane = 1",
    "journal_lanes": "lane = 1",
}


class Load:
    """Notches for fresh tallies, loaded in bulk."""

    def __init__(self, journal: Journal, ids: Ids, posting: BulkPosting | None = None) -> None:
        self.journal, self.ids, self.posting = journal, ids, posting

    async def __call__(self, *labels: str, wait: asyncio.Event | None = None) -> list[UUID]:
        tallies = [self.ids() for _ in labels]
        rows = ", ".join(
            f'(\'{tally}\'::uuid, {place}::bigint, \'{{"notches": 1, "label": "{label}"}}\'::json,'
            f" {place}00::bigint)"
            for place, (tally, label) in enumerate(zip(tallies, labels, strict=True), 1)
        )
        values = f"(VALUES {rows}) AS v(id, ordinal, data, amount)"
        async with (
            self.journal.loader("test", timeout_ms=5_000) as loader,
            loader.batch(self.posting) as batch,
        ):
            await batch.tell("tally.notched", f"SELECT id, ordinal, data FROM {values}")
            await batch.connection.execute(
                f"INSERT INTO tallies SELECT id, 1, 1, $1, data ->> 'label' FROM {values}", batch.at
            )
            if self.posting:
                await batch.post(self.posting, f"SELECT id, ordinal, amount FROM {values}")
            if wait:
                await wait.wait()
        return tallies


@pytest.fixture
async def posting(journal: Journal, ids: Ids) -> BulkPosting:
    source, target = ids(), ids()
    opened = [
        Open(account, f"test:{account}", "INR", "credit", None) for account in (source, target)
    ]
    await journal.record(Change(ids(), accounts=tuple(opened)))
    return BulkPosting(source, target, "INR", "test")


@pytest.fixture
async def load(journal: Journal, ids: Ids, posting: BulkPosting) -> Load:
    load = Load(journal, ids, posting)
    await load("ä:1 2", "3")
    await load("4", "5", "6")
    return load


async def test_an_untouched_bulk_lane_is_intact(
    journal: Journal, load: Load, owner: Connection
) -> None:
    report = await walk(journal, owner)
    assert report.breaks == ()
    assert set(report.heads) == {0, 1}
    async with owner.transaction(isolation="repeatable_read", readonly=True):
        assert all(one.equal for one in await journal.verify_projections(owner))
    async with owner.transaction(isolation="repeatable_read", readonly=True):
        walked = await walk_slice(owner, Place(1))
    assert walked is not None
    assert (walked.findings, walked.facts, walked.transfers) == ((), 5, 5)
    balances = "SELECT debit_balance FROM ledger_transfers ORDER BY debit_version"
    assert [row[0] for row in await owner.fetch(balances)] == [-100, -300, -400, -600, -900]


@pytest.mark.parametrize("table", DAMAGES)
async def test_any_changed_column_of_it_breaks_it(
    journal: Journal, load: Load, owner: Connection, table: str
) -> None:
    await owner.execute("SET session_replication_role = replica")
    for column, value in {**DAMAGES[table], **HASHING.get(table, {})}.items():
        tampering = owner.transaction()
        await tampering.start()
        done = await owner.execute(f"UPDATE {table} SET {column} = {value} WHERE {WHICH[table]}")
        assert done == "UPDATE 1"
        assert (await journal.verify_chain(owner)).breaks, f"{column} may be changed unnoticed"
        if table in ("journal_facts", "ledger_transfers"):
            walked = await walk_slice(owner, Place(1))
            assert walked is None or walked.findings, f"{column} is not seen by a slice"
        await tampering.rollback()


HASHING = {"journal_batches": {"hashing": "0"}}


async def test_two_loaders_at_once_take_two_lanes(
    journal: Journal, ids: Ids, owner: Connection
) -> None:
    load, go_on = Load(journal, ids), asyncio.Event()
    waiting = asyncio.create_task(load("one", wait=go_on))
    await asyncio.sleep(0.1)
    await load("two")
    go_on.set()
    await waiting
    report = await walk(journal, owner)
    assert report.breaks == ()
    assert set(report.heads) == {1, 2}


async def test_what_fails_within_leaves_nothing(
    journal: Journal, ids: Ids, owner: Connection
) -> None:
    async def fail() -> None:
        async with journal.loader("test", timeout_ms=5_000) as loader, loader.batch() as batch:
            await batch.tell("tally.notched", f"SELECT '{ids()}'::uuid, 1::bigint, '{{}}'::json")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await owner.fetchval("SELECT count(*) FROM journal_facts") == 0
    assert (await walk(journal, owner)).breaks == ()


async def test_a_frozen_account_takes_nothing_in_bulk(
    journal: Journal, ids: Ids, posting: BulkPosting, owner: Connection
) -> None:
    await owner.execute("UPDATE ledger_accounts SET frozen = 'all' WHERE id = $1", posting.debit)
    with pytest.raises(NotPostable):
        await Load(journal, ids, posting)("one")


async def test_a_batch_whose_line_is_cut_is_told_as_not_loaded(
    journal: Journal, ids: Ids, owner: Connection
) -> None:
    async def be_cut() -> None:
        async with journal.loader("to be cut", timeout_ms=5_000) as loader, loader.batch() as batch:
            await owner.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'tallystick to be cut'"
            )
            await batch.connection.execute("SELECT 1")

    with pytest.raises(Busy):
        await be_cut()
    assert await Load(journal, ids)("next")


async def test_lane_zero_and_a_bulk_lane_share_accounts(
    journal: Journal, load: Load, ids: Ids, owner: Connection
) -> None:
    posting = load.posting
    assert posting
    for _ in range(3):
        await journal.record(Change(ids(), transfers=(post(posting.debit, posting.credit),)))
        await load(f"label {ids()}")
    report = await walk(journal, owner)
    assert report.breaks == ()
    async with owner.transaction(isolation="repeatable_read", readonly=True):
        for lane in (0, 1):
            walked = await walk_slice(owner, Place(lane))
            assert walked is not None
            assert walked.findings == ()
