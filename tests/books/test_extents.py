"""Proofs with limits: they look at a part, find what is wrong in it, and say what they left out."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from tallystick.books.proof.extents import Limits
from tallystick.books.proof.prove import prove_snapshot
from tallystick.platform.clock import HandClock
from tallystick.platform.postgres.pools import open_database
from tallystick.platform.settings import load_settings
from tests.books.busy import Busy, open_busy_books
from tests.servers.keeper import Server
from tests.servers.postgres import cloned_database

pytestmark = pytest.mark.anyio

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
OF_ALICE = "code = 'alice'"


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


async def broken(busy: Busy, limits: Limits, *statements: str) -> set[str]:
    """What a limited proof finds once the statements have happened."""
    async with busy.tampered(*statements) as connection:
        proof = await prove_snapshot(
            connection, busy.books.journal, busy.books.clock, limits=limits
        )
    return {check.name for check in proof.checks if not check.green} - {"append_only"}


def of(busy: Busy, name: str) -> Limits:
    return Limits(account_id=busy.books.account(name))


@pytest.mark.parametrize("name", ["alice", "bob", "bank", "fees", "debtor", "gone"])
async def test_honest_accounts_prove(busy: Busy, name: str) -> None:
    assert await broken(busy, of(busy, name)) == set()


@pytest.mark.parametrize(
    ("statement", "noticed_by"),
    [
        (f"UPDATE ledger_accounts SET debits_posted = 0 WHERE {OF_ALICE}", {"counters"}),
        (f"UPDATE ledger_accounts SET frozen = 'all' WHERE {OF_ALICE}", {"terms"}),
        (
            f"UPDATE ledger_accounts SET closed_at = last_at WHERE {OF_ALICE}",
            {"limits", "terms"},
        ),
        (
            (
                "UPDATE ledger_transfers SET debit_balance = 1 WHERE code = 'sale'"
                " AND debit_version = 2"
            ),
            {"running_balances"},
        ),
        ("UPDATE ledger_transfers SET currency = 'USD' WHERE amount = 1000", {"transfers"}),
        (
            "UPDATE ledger_reservations SET remaining = remaining - 1 WHERE state = 'open'",
            {"reservations"},
        ),
        (
            (
                "UPDATE journal_facts SET version = 5 WHERE kind = 'account.opened'"
                " AND data ->> 'code' = 'alice'"
            ),
            {"fact_versions", "terms"},
        ),
    ],
)
async def test_what_is_wrong_with_one_account_is_its_own_matter(
    busy: Busy, statement: str, noticed_by: set[str]
) -> None:
    assert await broken(busy, of(busy, "alice"), statement) == noticed_by
    assert await broken(busy, of(busy, "gone"), statement) == set()


async def test_an_assertion_about_one_account_is_checked_with_it(busy: Busy) -> None:
    earlier = "UPDATE balance_assertions SET stood_at = stood_at - interval '9 d'"

    assert await broken(busy, of(busy, "fees"), earlier) == {"assertions"}
    assert await broken(busy, of(busy, "alice"), earlier) == set()


async def test_since_looks_at_what_came_later_and_at_nothing_before(busy: Busy) -> None:
    later = "UPDATE ledger_transfers SET code = 'gift' WHERE amount = 4000"
    before = "UPDATE ledger_transfers SET code = 'gift' WHERE amount = 10000"
    everything = Limits(since=START)
    after_the_reservations = Limits(since=START.replace(minute=36))

    assert await broken(busy, everything, later) == {"slices"}
    assert await broken(busy, everything, before) == {"slices"}
    assert await broken(busy, after_the_reservations, later) == {"slices"}
    assert await broken(busy, after_the_reservations, before) == set()


async def test_both_limits_together_are_both_proofs(busy: Busy) -> None:
    limits = Limits(START.replace(minute=36), busy.books.account("alice"))
    counters = f"UPDATE ledger_accounts SET debits_pending = 0 WHERE {OF_ALICE}"

    assert await broken(busy, limits) == set()
    assert "counters" in await broken(busy, limits, counters)


async def test_a_limited_proof_says_what_it_left_out(busy: Busy) -> None:
    proofs = busy.books.proofs
    whole = await proofs.prove()
    account = await proofs.prove(account_id=busy.books.account("alice"))
    since = await proofs.prove(since=START)

    assert whole.not_proven == ()
    assert {check.name for check in whole.checks} > {"chain", "counters", "assertions"}
    for proof in (account, since):
        made = {check.name for check in proof.checks}
        assert {"chain", "projections"} <= set(proof.not_proven)
        assert made.isdisjoint(proof.not_proven)
    assert "counters" in since.not_proven
    assert (account.accounts, whole.accounts) == (1, 6)
