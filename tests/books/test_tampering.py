"""Whoever gets past every guard and changes one value is found out, whichever value it is.

`tampering.txt` lists the values; each is changed by the owner, with triggers off, in a transaction
that is proven and rolled back.
"""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from tallystick.books.proof.prove import prove_snapshot
from tallystick.books.proof.store import CHECKS
from tallystick.platform.clock import HandClock
from tallystick.platform.postgres.pools import open_database
from tallystick.platform.settings import load_settings
from tests.books.busy import Busy, open_busy_books
from tests.servers.keeper import Server
from tests.servers.postgres import cloned_database

pytestmark = pytest.mark.anyio

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ROWS = {
    "post": "kind = 'post' AND code = 'sale' AND debit_version = 2",
    "settle": "kind = 'settle' AND amount = 200",
    "filled": "position = (SELECT max(position) FROM journal_facts WHERE kind = 'shelf.filled')",
    "opened": "kind = 'account.opened' AND data ->> 'code' = 'debtor'",
    "asked": "request_id = 'req-1'",
    "batch": "lane = 0 AND batch = 3",
    "lane": "lane = 1",
    "done": "state = 'done' AND subject_id = (SELECT id FROM ledger_transfers WHERE amount = 1000)",
    "asserted": "basis = 'recorded'",
    "shelf": "id = (SELECT id FROM shelves LIMIT 1)",
    **{name: f"code = '{name}'" for name in ("alice", "bob", "gone", "debtor")},
    **{
        state: f"state = '{state}'"
        for state in ("open", "settled", "voided", "expired", "refused", "running")
    },
}
NEW = {
    "stranger": "'01900000-0000-7000-8000-000000000001'",
    "gone": "(SELECT id FROM ledger_accounts WHERE code = 'gone')",
}

# Claims lie outside the chain, for they are forgotten after 90 days: what a key was used for is
# known to its claim alone. A subject's key proves itself by what it opens.
BEYOND_PROOF = {("journal_claims", "id"), ("journal_claims", "fingerprint")}


class Value(NamedTuple):
    """One value that is changed, and the checks that must notice."""

    table: str
    column: str
    new: str
    row: str
    noticed_by: set[str]

    @property
    def statement(self) -> str:
        which = ROWS[self.row]
        return f"UPDATE {self.table} SET {self.column} = {self.new.format(**NEW)} WHERE {which}"

    def __str__(self) -> str:
        return f"{self.table}.{self.column} = {self.new} ({self.row})"


def read_values() -> list[Value]:
    lines = Path(__file__).with_name("tampering.txt").read_text(encoding="utf-8").splitlines()
    split = [re.split(r"\s{2,}", line) for line in lines if line and not line.startswith("#")]
    return [
        Value(table, column, new, row, set(noticed.split()))
        for table, column, new, row, noticed in split
    ]


# What else a hand at the database could do.
FORGED = """
INSERT INTO {0}
SELECT (jsonb_populate_record(t, jsonb_build_object('id', gen_random_uuid(), {1}))).*
  FROM {0} AS t WHERE {2}
"""
TOOTHLESS = """
CREATE OR REPLACE FUNCTION journal_refuse_rewriting() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN RETURN NULL; END $$
"""
ON_ROWS = [
    (f"DELETE FROM ledger_transfers WHERE {ROWS['post']}", "chain counters running_balances"),
    ("DELETE FROM journal_batches WHERE (lane, batch) = (1, 1)", "chain batches positions"),
    (f"DELETE FROM journal_facts WHERE {ROWS['filled']}", "chain positions projections"),
    (f"DELETE FROM journal_facts WHERE {ROWS['opened']}", "chain positions fact_versions terms"),
    (f"DELETE FROM ledger_accounts WHERE {ROWS['debtor']}", "terms counters transfers"),
    ("DELETE FROM ledger_reservations WHERE state = 'open'", "reservations"),
    ("DELETE FROM shelves", "projections"),
    ("INSERT INTO shelves VALUES (gen_random_uuid(), 1, 1)", "projections"),
    (
        FORGED.format("ledger_transfers", "'debit_version', 99", ROWS["post"]),
        "chain batches counters running_balances",
    ),
    (
        FORGED.format("ledger_accounts", "'code', 'mine'", ROWS["alice"]),
        "terms counters trial_balance",
    ),
]
ON_THE_GUARD = [
    "GRANT UPDATE ON journal_facts TO tallystick_writer",
    "GRANT UPDATE (code) ON ledger_transfers TO tallystick_writer",
    "GRANT DELETE ON journal_batches TO tallystick_reader",
    "GRANT TRUNCATE ON ledger_transfers TO PUBLIC",
    "ALTER TABLE journal_facts DISABLE TRIGGER append_only",
    "ALTER TABLE ledger_transfers ENABLE REPLICA TRIGGER append_only",
    "DROP TRIGGER append_only ON journal_batches",
    TOOTHLESS,
]


@pytest.fixture(scope="module")
async def busy(server: Server) -> AsyncIterator[Busy]:
    settings = load_settings(env_file=None, db_pool_min=0, db_pool_max=5)
    async with cloned_database(server) as name:
        login = replace(server.login, database=name)
        owner = replace(server.owner, database=name)
        async with (
            open_database(login, settings) as database,
            open_busy_books(database, owner, HandClock(START)) as busy,
        ):
            yield busy


async def broken(busy: Busy, *statements: str) -> set[str]:
    """The promises that are broken once the statements have happened."""
    async with busy.tampered(*statements) as connection:
        proof = await prove_snapshot(connection, busy.books.journal, busy.books.clock)
    return {check.name for check in proof.checks if not check.green}


# The server counts rewritten rows even when they are rolled back, so `append_only` is red for good
# once rows have been touched: what touches only the guard comes first.
@pytest.mark.parametrize("deed", ON_THE_GUARD)
async def test_who_touches_the_guard_is_found_out(busy: Busy, deed: str) -> None:
    assert await broken(busy) == set()
    assert await broken(busy, deed) == {"append_only"}


@pytest.mark.parametrize(("deed", "noticed_by"), ON_ROWS)
async def test_who_adds_or_takes_rows_is_found_out(busy: Busy, deed: str, noticed_by: str) -> None:
    assert await broken(busy, deed) >= set(noticed_by.split())


@pytest.mark.parametrize("value", read_values(), ids=str)
async def test_who_changes_a_value_is_found_out(busy: Busy, value: Value) -> None:
    without_constraint = "ALTER TABLE ledger_accounts DROP CONSTRAINT ledger_accounts_overdraft"

    noticed = await broken(busy, without_constraint, value.statement)

    assert noticed - {"append_only"} == value.noticed_by


async def test_a_claim_that_runs_for_too_long_is_found_out(busy: Busy) -> None:
    clock = HandClock(busy.books.clock.now())
    async with busy.tampered() as connection:
        clock.advance(timedelta(hours=25))
        young = await prove_snapshot(connection, busy.books.journal, clock)
        clock.advance(timedelta(hours=2))
        old = await prove_snapshot(connection, busy.books.journal, clock)

    assert "claims" not in {check.name for check in young.checks if not check.green}
    assert "claims" in {check.name for check in old.checks if not check.green}


async def test_every_column_and_every_check_has_been_tried(busy: Busy) -> None:
    values = read_values()
    tables = sorted({value.table for value in values})
    rows = await busy.books.database.fetch(
        "SELECT attrelid::regclass::text, attname FROM pg_attribute"
        " WHERE attrelid = ANY($1::text[]::regclass[]) AND attnum > 0 AND NOT attisdropped",
        tables,
    )
    noticed = {name for value in values for name in value.noticed_by}

    assert {(row[0], row[1]) for row in rows} - {(v.table, v.column) for v in values} == (
        BEYOND_PROOF
    )
    assert {check.name for check in CHECKS} | {"chain", "projections"} == noticed | {"append_only"}
