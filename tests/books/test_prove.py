"""The proof: green on honest books whatever happens meanwhile, and red as soon as it cannot see."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from msgspec import json

from tallystick.books import Check, CheckFunction, Found, Proof
from tallystick.books.proof import prove
from tallystick.books.proof.checks import CheckResult
from tallystick.journal import Journal
from tallystick.platform.clock import HandClock
from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.pools import Connection, Database
from tests.books.busy import Busy, open_busy_books, owned

pytestmark = pytest.mark.anyio


@pytest.fixture
async def busy(database: Database, owner_address: Address, clock: HandClock) -> AsyncIterator[Busy]:
    async with open_busy_books(database, owner_address, clock) as busy:
        yield busy


async def proof_of(busy: Busy, *checks: Check | CheckFunction) -> Proof:
    books = busy.books
    return await prove(books.database, books.journal, books.clock, checks)


def red(proof: Proof) -> list[tuple[str, object]]:
    """What is broken, and by whom."""
    return [(check.name, check.findings) for check in proof.checks if not check.green]


def result(proof: Proof, name: str) -> CheckResult:
    (found,) = [check for check in proof.checks if check.name == name]
    return found


async def test_honest_books_are_proven(busy: Busy) -> None:
    proof = await proof_of(busy)

    assert red(proof) == []
    assert proof.green
    assert result(proof, "running_balances").checked == 17
    assert result(proof, "reservations").checked == 4
    assert result(proof, "projections").checked == 3
    assert json.decode(json.encode(proof))["green"] is True


async def test_it_says_how_far_it_goes(busy: Busy) -> None:
    proof = await proof_of(busy)

    lanes = {lane.lane: lane for lane in proof.lanes}
    assert set(lanes) == {0, 1}
    assert (lanes[1].batch, lanes[1].position) == (1, 1)
    chain = await busy.books.database.fetchval(
        "SELECT encode(head, 'hex') FROM journal_batches WHERE lane = 1 AND batch = 1"
    )
    assert lanes[1].head == chain


async def test_what_is_recorded_meanwhile_disturbs_nobody(busy: Busy) -> None:
    books = busy.books

    async def trade() -> None:
        for _ in range(40):
            await books.transfers.post_one(books.post("bank", "alice", 5))

    async def examine() -> None:
        for _ in range(3):
            assert red(await proof_of(busy)) == []

    await asyncio.gather(examine(), examine(), trade(), trade())


async def test_unused_books_are_proven(database: Database, clock: HandClock) -> None:
    async with Journal.open(database, clock, master_key=bytes(32)) as journal:
        proof = await prove(database, journal, clock)

    assert red(proof) == []
    assert proof.lanes == ()


async def test_a_rooms_own_check_is_examined_too(busy: Busy) -> None:
    proof = await proof_of(
        busy,
        Check("no_debts", "nobody owes us", "SELECT code FROM ledger_accounts WHERE code='debtor'"),
        Check("clock", "the clock is the caller's", "SELECT $1::timestamptz AS now", "shelves"),
    )

    assert not proof.green
    assert result(proof, "no_debts").findings == ({"code": "debtor"},)
    (found,) = result(proof, "clock").findings
    assert found["now"].startswith(busy.books.clock.now().isoformat()[:19])
    assert result(proof, "clock").checked == 2


async def test_a_check_may_be_a_function(busy: Busy) -> None:
    async def find(connection: Connection) -> Found:
        return Found(7, ({"isolation": await connection.fetchval("SHOW transaction_isolation")},))

    proof = await proof_of(busy, CheckFunction("walk", "a longer way", find))

    assert result(proof, "walk").checked == 7
    assert result(proof, "walk").findings == ({"isolation": "repeatable read"},)


async def test_ten_findings_are_shown_and_all_are_counted(busy: Busy) -> None:
    many = Check("many", "there are no numbers", "SELECT generate_series(1, 25) AS number")

    found = result(await proof_of(busy, many), "many")

    assert (found.broken, len(found.findings)) == (25, 10)


async def test_what_cannot_be_examined_is_not_proven(busy: Busy) -> None:
    books = busy.books

    async def trip(connection: Connection) -> Found:
        raise ValueError("rows beyond decoding")

    proof = await prove(
        books.database,
        books.journal,
        books.clock,
        [
            Check("gone", "a table that is gone", "SELECT 1 FROM gone"),
            CheckFunction("trip", "a walk that stumbles", trip),
            Check("slow", "a check without end", "SELECT pg_sleep(60)"),
            Check("after", "the next one still runs", "SELECT 1 WHERE false"),
        ],
        time_limit_s=2.0,
    )

    assert [result(proof, name).green for name in ("gone", "trip", "slow", "after")] == [
        *(False, False, False, True)
    ]
    assert "gone" in result(proof, "gone").findings[0]["not_examined"]


async def test_rows_that_were_rewritten_are_noticed_by_their_number(
    busy: Busy, owner_address: Address
) -> None:
    """Even when all rows are again what they were: somebody got past the guard."""
    async with owned(owner_address) as connection:
        await connection.execute("SET session_replication_role = replica")
        await connection.execute("UPDATE ledger_transfers SET code = code WHERE kind = 'post'")

    proof = await proof_of(busy)
    while proof.green:  # the server counts with a delay
        await asyncio.sleep(0.1)
        proof = await proof_of(busy)

    assert [name for name, _ in red(proof)] == ["append_only"]
    (found,) = result(proof, "append_only").findings
    assert found["name"] == "ledger_transfers"
