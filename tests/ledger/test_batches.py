"""A batch against PostgreSQL: what was judged is what stands, and what stands is what is judged."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest

from tallystick.ledger import (
    Close,
    Expire,
    Freeze,
    Ledger,
    LedgerBatch,
    Limit,
    Open,
    Post,
    Reserve,
    Settle,
    Void,
)
from tallystick.ledger.model import Account, AccountVerb, Transfer, TransferRow
from tallystick.platform.ids import derived_id, numbered_id
from tallystick.platform.postgres.pools import Connection, Database

pytestmark = pytest.mark.anyio

WORLD = UUID("01900000-0000-7000-8000-000000000000")
AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
CHANGES = (derived_id(WORLD, f"change {n}") for n in range(10_000))


def named(name: str) -> UUID:
    return derived_id(WORLD, name)


OPENS = (
    Open(named("bank"), "bank", "INR", "debit", None),
    Open(named("alice"), "alice", "INR", "credit", 0),
    Open(named("bob"), "bob", "INR", "credit", 500),
)


async def write(
    writer: Connection,
    *transfers: Transfer,
    verbs: Sequence[AccountVerb] = (),
    at: datetime = AT,
) -> list[TransferRow]:
    """One batch of one change, committed."""
    async with writer.transaction():
        batch = LedgerBatch(writer)
        await batch.lock(transfers, verbs)
        verdict = batch.judge(next(CHANGES), transfers, verbs, at=at, lane=0, batch=1)
        assert verdict.refusal is None, verdict.refusal
        await batch.write()
        return batch.transfers


async def furnished(writer: Connection) -> None:
    await write(writer, Post(named("bank"), named("alice"), 1_000, "INR", "fund"), verbs=OPENS)


async def standing(database: Database, name: str) -> Account:
    account = await Ledger(database).find_account(named(name))
    assert account is not None
    return account


async def test_every_column_comes_back_as_it_was_written(
    writer: Connection, database: Database
) -> None:
    await furnished(writer)
    earlier, later = AT - timedelta(days=1), AT + timedelta(hours=1)
    rows = await write(
        writer,
        Post(named("alice"), named("bob"), 100, "INR", "sale", earlier),
        Reserve(named("alice"), named("bob"), 300, "INR", "hold", later),
        verbs=(Freeze(named("bank"), "all"), Limit(named("bob"), None)),
        at=AT + timedelta(seconds=1),
    )

    ledger = Ledger(database)
    assert [await ledger.find_transfer(row.id) for row in rows] == rows
    assert rows[0].effective_at == earlier
    assert rows[1].reservation_id == rows[1].id
    alice, bank, bob = [await standing(database, n) for n in ("alice", "bank", "bob")]
    assert (alice.debits_posted, alice.debits_pending, alice.credits_posted) == (100, 300, 1_000)
    assert (alice.version, alice.revision, alice.last_at) == (3, 1, AT + timedelta(seconds=1))
    assert (bank.frozen, bank.normal_side, bank.revision, bank.last_at) == (
        *("all", "debit", 2),
        AT + timedelta(seconds=1),
    )
    assert (bob.overdraft_limit, bob.credits_pending) == (None, 300)


async def test_a_reservation_lives_across_batches(writer: Connection, database: Database) -> None:
    await furnished(writer)
    later = AT + timedelta(hours=1)
    holds = [
        (await write(writer, Reserve(named("alice"), named("bob"), 100, "INR", "hold", later)))[
            0
        ].id
        for _ in range(4)
    ]

    await write(writer, Settle(holds[0], "sale", 30, final=False))
    await write(writer, Settle(holds[0], "sale"), Void(holds[1], "void"))
    await write(writer, Expire(holds[2]), at=later)

    rows = await database.fetch(
        "SELECT id, remaining, state FROM ledger_reservations ORDER BY array_position($1, id)",
        holds,
    )
    assert [(row["remaining"], row["state"]) for row in rows] == [
        *((0, "settled"), (0, "voided"), (0, "expired"), (100, "open"))
    ]
    assert (await standing(database, "bob")).posted_minor == 100
    assert (await standing(database, "alice")).debits_pending == 100


async def test_a_hot_account_is_written_once_a_batch(
    writer: Connection, database: Database
) -> None:
    await furnished(writer)
    posts = [Post(named("bank"), named("alice"), 1, "INR", "fund") for _ in range(500)]

    async with writer.transaction():
        batch = LedgerBatch(writer)
        await batch.lock(posts, ())
        batch.judge(next(CHANGES), posts, (), at=AT, lane=0, batch=2)
        await batch.write()
        written = await writer.fetchval(
            "SELECT pg_stat_get_xact_tuples_updated('ledger_accounts'::regclass)"
        )

    assert written == 2
    assert (await standing(database, "alice")).version == 501


async def test_a_refused_change_writes_nothing(writer: Connection, database: Database) -> None:
    await furnished(writer)
    async with writer.transaction():
        batch = LedgerBatch(writer)
        orders = [Post(named("alice"), named("bob"), n, "INR", "sale") for n in (900, 101, 50)]
        await batch.lock(orders, ())
        verdicts = [
            batch.judge(next(CHANGES), [order], (), at=AT, lane=0, batch=2) for order in orders
        ]
        await batch.write()
        rows = batch.transfers

    assert [verdict.refusal and verdict.refusal[0] for verdict in verdicts] == [
        *(None, "insufficient_funds", None)
    ]
    assert sorted(row.amount for row in rows) == [50, 900]
    assert (await standing(database, "alice")).posted_minor == 50


async def test_the_latest_instant_of_the_accounts_is_told(writer: Connection) -> None:
    await furnished(writer)
    await write(
        writer,
        Post(named("bank"), named("bob"), 1, "INR", "fund"),
        at=AT + timedelta(minutes=5),
    )

    async with writer.transaction():
        batch = LedgerBatch(writer)
        order = Post(named("alice"), named("bob"), 1, "INR", "sale")
        assert await batch.lock([order], ()) == AT + timedelta(minutes=5)
        assert await LedgerBatch(writer).lock([], [Open(named("x"), "x", "INR", "credit")]) is None


async def test_what_another_transaction_holds_is_judged_only_when_it_has_ended(
    writer: Connection, database: Database
) -> None:
    """The load follows the lock: a statement that locks and loads together would see 1,000."""
    await furnished(writer)
    order = Post(named("alice"), named("bob"), 600, "INR", "sale")
    other = await database.open_writer("another")
    try:
        first = writer.transaction()
        await first.start()
        batch = LedgerBatch(writer)
        await batch.lock([order], ())
        batch.judge(next(CHANGES), [order], (), at=AT, lane=0, batch=2)
        await batch.write()
        waiting = asyncio.create_task(judged(other, order))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        await first.commit()

        assert await waiting == "insufficient_funds"
    finally:
        await other.close()


async def judged(connection: Connection, order: Transfer) -> str | None:
    async with connection.transaction():
        batch = LedgerBatch(connection)
        await batch.lock([order], ())
        verdict = batch.judge(next(CHANGES), [order], (), at=AT, lane=1, batch=1)
    return verdict.refusal[0] if verdict.refusal else None


async def test_two_batches_over_the_same_accounts_queue_up_in_no_circle(
    writer: Connection, database: Database
) -> None:
    await furnished(writer)
    other = await database.open_writer("another")
    there = Post(named("alice"), named("bob"), 1, "INR", "sale")
    back = Post(named("bob"), named("alice"), 1, "INR", "sale")
    try:
        async with asyncio.TaskGroup() as group:
            for connection, orders in ((writer, (there, back)), (other, (back, there))):
                group.create_task(many(connection, orders))
    finally:
        await other.close()

    deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    assert await database.fetchval(deadlocks) == 0
    assert (await standing(database, "alice")).version == 1 + 2 * 2 * 25


async def many(connection: Connection, orders: Sequence[Transfer]) -> None:
    for _ in range(25):
        await write(connection, *orders)


async def test_the_database_itself_refuses_an_overdraft(
    writer: Connection, database: Database
) -> None:
    """The pair of the judge's own assertion, should anybody ever write past the judge."""
    await furnished(writer)

    with pytest.raises(asyncpg.CheckViolationError, match="ledger_accounts_overdraft"):
        await writer.execute("UPDATE ledger_accounts SET debits_posted = 1001 WHERE code = 'alice'")


@pytest.mark.parametrize("statement", ["DELETE FROM {}", "TRUNCATE {}", "UPDATE {} SET lane = 1"])
async def test_the_writer_may_not_rewrite_transfers(writer: Connection, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await writer.execute(statement.format("ledger_transfers"))


async def test_a_closed_account_stays_in_the_book(writer: Connection, database: Database) -> None:
    await furnished(writer)
    await write(writer, verbs=[Close(named("bob"))], at=AT + timedelta(hours=1))

    bob = await standing(database, "bob")
    assert (bob.closed_at, bob.last_at) == (AT + timedelta(hours=1), AT + timedelta(hours=1))


async def test_transfers_of_a_change_have_consecutive_ids(writer: Connection) -> None:
    await furnished(writer)
    rows = await write(
        writer, *(Post(named("bank"), named("alice"), n, "INR", "fund") for n in (1, 2, 3))
    )

    assert [row.id for row in rows] == [numbered_id(rows[0].change_id, n) for n in range(3)]
    assert [row.amount for row in rows] == [1, 2, 3]
