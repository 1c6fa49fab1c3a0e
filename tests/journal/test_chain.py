"""Nothing that was recorded can be changed without the chain saying so, column by column."""

import pytest

from tallystick.journal import Change, Journal
from tallystick.journal.verify import ChainReport
from tallystick.platform.postgres.pools import Connection
from tests.journal.conftest import Ids, OpenJournal, notch, open_pair, post

pytestmark = pytest.mark.anyio

FACT_DAMAGE = {
    "position": "position + 1000",
    "batch": "batch + 1",
    "at": "at + interval '1 microsecond'",
    "aggregate_id": "gen_random_uuid()",
    "version": "version + 1",
    "lane": "2",
    "schema_version": "schema_version + 1",
    "kind": "kind || 'x'",
    "data": "replace(data::text, '1', '2')::json",
    "actor": "gen_random_uuid()",
    "request_id": "'someone else'",
    "cause": "gen_random_uuid()",
}
TRANSFER_DAMAGE = {
    "id": "gen_random_uuid()",
    "part_of": "gen_random_uuid()",
    "lane": "2",
    "batch": "batch + 1",
    "debit": "gen_random_uuid()",
    "credit": "gen_random_uuid()",
    "amount": "amount + 1",
    "currency": "'USD'",
    "code": "code || 'x'",
    "kind": "'void'",
    "reservation_id": "gen_random_uuid()",
    "effective_at": "now()",
    "expires_at": "now()",
    "debit_balance": "debit_balance + 1",
    "debit_version": "debit_version + 1",
    "credit_balance": "credit_balance + 1",
    "credit_version": "credit_version + 1",
}
BATCH_DAMAGE = {
    "lane": "2",
    "batch": "batch + 100",
    "at": "at + interval '1 second'",
    "facts": "facts + 1",
    "transfers": "transfers + 1",
    "head": "sha256(head)",
}
LANE_DAMAGE = {"seq": "seq + 1", "head": "sha256(head)"}
WHICH = {
    "journal_facts": "position = (SELECT max(position) - 2 FROM journal_facts)",
    "ledger_transfers": "id = (SELECT id FROM ledger_transfers ORDER BY id LIMIT 1)",
    "journal_batches": "batch = 2 AND lane = 0",
    "journal_lanes": "lane = 0",
}
DAMAGES = {
    "journal_facts": FACT_DAMAGE,
    "ledger_transfers": TRANSFER_DAMAGE,
    "journal_batches": BATCH_DAMAGE,
    "journal_lanes": LANE_DAMAGE,
}


@pytest.fixture
async def written(journal: Journal, ids: Ids, owner: Connection) -> Connection:
    """A small log of several batches; the owner may now tamper with it unhindered."""
    source, target = await open_pair(journal, ids)
    for _ in range(4):
        facts = (notch(ids(), 1),)
        await journal.record(Change(ids(), facts=facts, transfers=(post(source, target),)))
    await owner.execute("SET session_replication_role = replica")
    return owner


async def walk(journal: Journal, owner: Connection) -> ChainReport:
    async with owner.transaction(isolation="repeatable_read", readonly=True):
        return await journal.verify_chain(owner)


async def test_an_untouched_log_is_intact(journal: Journal, written: Connection) -> None:
    report = await walk(journal, written)
    assert report.breaks == ()
    assert (report.batches, report.facts, report.transfers) == (5, 6, 4)


@pytest.mark.parametrize("table", DAMAGES)
async def test_any_changed_column_breaks_it(
    journal: Journal, written: Connection, table: str
) -> None:
    for column, value in DAMAGES[table].items():
        tampering = written.transaction()
        await tampering.start()
        done = await written.execute(f"UPDATE {table} SET {column} = {value} WHERE {WHICH[table]}")
        assert done == "UPDATE 1"
        assert (await journal.verify_chain(written)).breaks, f"{column} may be changed unnoticed"
        await tampering.rollback()


@pytest.mark.parametrize("table", ["journal_facts", "ledger_transfers", "journal_batches"])
async def test_any_missing_row_breaks_it(journal: Journal, written: Connection, table: str) -> None:
    await written.execute(f"DELETE FROM {table} WHERE {WHICH[table]}")
    assert (await walk(journal, written)).breaks


async def test_an_added_row_breaks_it(journal: Journal, written: Connection) -> None:
    await written.execute(
        "INSERT INTO journal_facts SELECT position + 1000, batch, at, gen_random_uuid(), version,"
        " lane, schema_version, kind, data FROM journal_facts LIMIT 1"
    )
    assert (await walk(journal, written)).breaks


async def test_every_lane_has_a_chain_of_its_own(
    open_journal: OpenJournal, journal: Journal, owner: Connection, ids: Ids
) -> None:
    async with open_journal(lane=1) as bulk:
        for writer in (journal, bulk, journal, bulk):
            await writer.record(Change(ids(), facts=(notch(ids(), 1),)))
    report = await walk(journal, owner)
    assert report.breaks == ()
    assert set(report.heads) == {0, 1}
