"""The continuous proof follows the log, never passes a difference, finds what is altered."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace
from prometheus_client import generate_latest

from tallystick.books.proof.incremental import IncrementalProof, Standing
from tallystick.books.proof.lane_walk import lane_ends, walk_lane
from tallystick.books.proof.slices import Place
from tallystick.platform.clock import HandClock
from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.pools import open_database
from tallystick.platform.settings import load_settings
from tallystick.platform.telemetry import REGISTRY
from tests.books.busy import Busy, open_busy_books, owned
from tests.books.furnished import Books
from tests.books.test_tampering import ROWS, Value, read_values
from tests.servers.keeper import Server
from tests.servers.postgres import cloned_database

pytestmark = pytest.mark.anyio

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)

# What a slice is read from. An account's own terms are for the whole proof, reservations and
# claims too; of a lane only its end is looked at.
SEEN = ("ledger_transfers", "journal_facts", "journal_batches", "journal_lanes", "ledger_accounts")
UNSEEN = {
    ("journal_lanes", "last_at"),
    ("ledger_accounts", "code"),
    ("ledger_accounts", "currency"),
    ("ledger_accounts", "overdraft_limit"),
    ("ledger_accounts", "frozen"),
    ("ledger_accounts", "closed_at"),
    ("ledger_accounts", "revision"),
    ("ledger_accounts", "last_at"),
}


def seen_values() -> list[Value]:
    return [
        value
        for value in read_values()
        if value.table in SEEN and (value.table, value.column) not in UNSEEN
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


async def found(busy: Busy, *statements: str) -> list[str]:
    """What a walk along both lanes finds once the statements have happened."""
    reasons = []
    async with busy.tampered(*statements) as connection:
        ends = []
        for place in (Place(0), Place(1)):
            end = place
            async for walked in walk_lane(connection, place):
                reasons += [str(finding["reason"]) for finding in walked.findings]
                end = walked.place
            ends.append(end)
        reasons += [str(finding["reason"]) for finding in await lane_ends(connection, ends)]
    return reasons


async def test_a_walk_along_honest_lanes_finds_nothing(busy: Busy) -> None:
    assert await found(busy) == []


@pytest.mark.parametrize("value", seen_values(), ids=str)
async def test_who_changes_a_value_is_found_by_the_walk(busy: Busy, value: Value) -> None:
    without_constraint = "ALTER TABLE ledger_accounts DROP CONSTRAINT ledger_accounts_overdraft"

    assert await found(busy, without_constraint, value.statement) != []


@pytest.mark.parametrize(
    "deed",
    [
        f"DELETE FROM ledger_transfers WHERE {ROWS['post']}",
        "DELETE FROM journal_batches WHERE (lane, batch) = (0, 3)",
        "DELETE FROM journal_batches WHERE (lane, batch) = (1, 1)",
        f"DELETE FROM journal_facts WHERE {ROWS['filled']}",
        f"DELETE FROM ledger_accounts WHERE {ROWS['debtor']}",
        (
            "INSERT INTO journal_batches SELECT lane, batch + 1, at, 0, 0, last_position, head"
            " FROM journal_batches WHERE (lane, batch) = (1, 1)"
        ),
    ],
)
async def test_who_adds_or_takes_rows_is_found_by_the_walk(busy: Busy, deed: str) -> None:
    assert await found(busy, deed) != []


# The job ------------------------------------------------------------------------------------------


def positions(standing: Standing) -> dict[int, int]:
    return {place.lane: place.position for place in standing.places}


async def heads(books: Books) -> dict[int, str]:
    rows = await books.database.fetch("SELECT lane, encode(head, 'hex') FROM journal_lanes")
    return dict(map(tuple, rows))


async def test_it_proves_up_to_the_head_of_the_lane(books: Books) -> None:
    before = await heads(books)

    assert await books.proofs.incremental.run_once() > 0

    standing = await books.proofs.incremental.standing()
    assert {place.lane: place.head for place in standing.places} == {0: before[0]}
    assert (standing.age_s, standing.differences, standing.findings) == (0.0, 0, ())


async def test_its_own_facts_do_not_keep_it_busy(books: Books) -> None:
    proof = books.proofs.incremental
    await proof.run_once()
    told = await heads(books)

    for _ in range(3):
        await proof.run_once()

    assert await heads(books) == told


async def test_what_is_not_proven_grows_old(books: Books) -> None:
    proof = books.proofs.incremental
    await proof.run_once()
    await books.transfers.post_one(books.post("bank", "alice", 5))
    books.clock.advance(timedelta(seconds=30))

    waiting = await proof.standing()
    await proof.run_once()

    assert waiting.age_s == 30.0
    assert (await proof.standing()).age_s == 0.0


async def test_small_slices_come_to_the_same_end(books: Books) -> None:
    for number in range(30):
        await books.transfers.post_one(books.post("alice", "bob", number + 1))
    proof = IncrementalProof(books.journal, books.database, books.clock, slice_rows=1)

    rounds = [await proof.run_once()]
    while rounds[-1] == IncrementalProof.ROUND_SLICES:
        rounds.append(await proof.run_once())

    assert len(rounds) > 1
    assert (await proof.standing()).age_s == 0.0


async def test_two_workers_do_each_other_no_harm(books: Books) -> None:
    other = IncrementalProof(books.journal, books.database, books.clock)
    for number in range(5):
        await books.transfers.post_one(books.post("alice", "bob", number + 1))
        await asyncio.gather(books.proofs.incremental.run_once(), other.run_once())

    standing = await other.standing()
    assert (standing.age_s, standing.differences) == (0.0, 0)


async def test_it_never_passes_a_difference_and_goes_on_once_it_is_mended(
    books: Books, owner_address: Address
) -> None:
    proof = IncrementalProof(books.journal, books.database, books.clock)
    await proof.run_once()
    before = positions(await proof.standing())
    await books.transfers.post_one(books.post("alice", "bob", 5))
    async with owned(owner_address) as connection:
        await connection.execute(
            "UPDATE ledger_accounts SET credits_posted = credits_posted + 1 WHERE code = 'bob'"
        )

    await proof.run_once()
    red = await proof.show_standing()

    assert red.differences > 0
    assert positions(red) == before
    assert b'tallystick_books_differences{proof="continuous"} 0.0' not in generate_latest(REGISTRY)

    async with owned(owner_address) as connection:
        await connection.execute(
            "UPDATE ledger_accounts SET credits_posted = credits_posted - 1 WHERE code = 'bob'"
        )
    healed = IncrementalProof(books.journal, books.database, books.clock)
    await healed.run_once()

    green = await healed.show_standing()
    assert (green.differences, green.findings) == (0, ())
    assert positions(green)[0] > before[0]
    assert b'tallystick_books_differences{proof="continuous"} 0.0' in generate_latest(REGISTRY)


async def test_a_log_that_was_cut_back_is_noticed(books: Books, owner_address: Address) -> None:
    proof = IncrementalProof(books.journal, books.database, books.clock)
    await books.transfers.post_one(books.post("alice", "bob", 5))
    await proof.run_once()
    async with owned(owner_address) as connection:
        await connection.execute("SET session_replication_role = replica")
        await connection.execute("UPDATE journal_batches SET head = sha256(head) WHERE lane = 0")

    await proof.run_once()

    assert (await proof.standing()).differences > 0


async def test_rows_are_found_wherever_they_lie(books: Books, owner_address: Address) -> None:
    """A restored or compacted table has its rows in other places than the cursor remembers."""
    proof = IncrementalProof(books.journal, books.database, books.clock)
    await proof.run_once()
    async with owned(owner_address) as connection:
        await connection.execute(
            """UPDATE proof_cursors SET lanes = replace(lanes::text, '"block":0',
               '"block":4000000')::json"""
        )
    await books.transfers.post_one(books.post("alice", "bob", 5))

    await proof.run_once()

    standing = await proof.standing()
    assert (standing.age_s, standing.differences) == (0.0, 0)
