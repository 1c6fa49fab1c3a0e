"""What is presumed of a batch is what the judge says of it, or nothing of it stands."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from tallystick.ledger import Ledger, LedgerBatch, Misjudged, Open, Post, Reserve, Settle, presume
from tallystick.ledger.model import Account, Transfer
from tallystick.platform.ids import derived_id
from tallystick.platform.postgres.pools import Connection, Database

pytestmark = pytest.mark.anyio

WORLD = UUID("01900000-0000-7000-8000-000000000000")
AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
NAMES = [derived_id(WORLD, f"account {n}") for n in range(6)]
CHANGES = (derived_id(WORLD, f"change {n}") for n in range(100_000))
PLAIN = Post(NAMES[0], NAMES[1], 100, "INR", "sale")


@pytest.fixture
async def accounts(writer: Connection) -> None:
    """Six accounts, of either side; the last may not be overdrawn."""
    opens = [
        Open(name, f"a:{n}", "INR", "debit" if n % 2 else "credit", None if n < 5 else 0)
        for n, name in enumerate(NAMES)
    ]
    async with writer.transaction():
        batch = LedgerBatch(writer)
        await batch.lock((), opens)
        batch.judge(next(CHANGES), (), opens, at=AT, lane=0, batch=1)
        await batch.write()


async def presumed(writer: Connection, orders: Sequence[Transfer], at: datetime = AT) -> None:
    """One batch of one change an order, on the presumption. Raises Misjudged."""
    async with writer.transaction():
        batch = LedgerBatch(writer)
        presumption = presume(orders)
        assert presumption
        await batch.take(presumption, at)
        for order in orders:
            batch.judge(next(CHANGES), [order], (), at=at, lane=0, batch=2)
        batch.confirm()
        await batch.write()


async def standing(database: Database) -> list[Account | None]:
    return [await Ledger(database).find_account(name) for name in NAMES]


@pytest.mark.parametrize("seed", range(20))
async def test_a_batch_that_is_all_accepted_leaves_what_judging_on_locks_leaves(
    seed: int, writer: Connection, database: Database, accounts: None
) -> None:
    dice = random.Random(seed)
    orders: list[Transfer] = []
    for _ in range(dice.randint(1, 40)):
        debit, credit = dice.sample(NAMES[:5], 2)
        kind = dice.choice((Post, Reserve))
        orders.append(kind(debit, credit, dice.randint(1, 10**15), "INR", "sale"))

    undone = writer.transaction()
    await undone.start()
    slowly = LedgerBatch(writer)
    await slowly.lock(orders, ())
    for order in orders:
        assert slowly.judge(next(CHANGES), [order], (), at=AT, lane=0, batch=2).refusal is None
    await slowly.write()
    expected = [
        Account(*row)
        for row in await writer.fetch(
            f"SELECT {', '.join(Account.__struct_fields__)} FROM ledger_accounts ORDER BY id"
        )
    ]
    await undone.rollback()
    await presumed(writer, orders)

    found = [account for account in await standing(database) if account]
    assert sorted(found, key=lambda a: a.id) == expected


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (Post(NAMES[0], derived_id(WORLD, "nobody"), 1, "INR", "sale"), "missing"),
        (Post(NAMES[0], NAMES[1], 1, "USD", "sale"), "not all"),
        # The last account grows on the debit side: a credit takes from it.
        (Post(NAMES[0], NAMES[5], 1, "INR", "sale"), "limit"),
        (Reserve(NAMES[0], NAMES[1], 1, "INR", "hold", AT), "not all"),
    ],
    ids=["an unknown account", "another currency", "not covered", "born expired"],
)
async def test_one_order_refused_is_noticed_before_anything_is_kept(
    wrong: Transfer, why: str, writer: Connection, database: Database, accounts: None
) -> None:
    before = await standing(database)
    with pytest.raises(Misjudged, match=why):
        await presumed(writer, [PLAIN, wrong])
    assert await standing(database) == before


async def test_money_that_is_only_there_at_the_end_of_the_batch_is_not_there_before(
    writer: Connection, database: Database, accounts: None
) -> None:
    """The net is covered, so PostgreSQL takes it; the judge hears the orders one by one."""
    spend = Post(NAMES[0], NAMES[5], 100, "INR", "sale")
    fund = Post(NAMES[5], NAMES[0], 100, "INR", "fund")
    with pytest.raises(Misjudged, match="not all"):
        await presumed(writer, [spend, fund])
    await presumed(writer, [fund, spend])


async def test_an_account_that_has_seen_a_later_instant_is_not_dated_back(
    writer: Connection, accounts: None
) -> None:
    await presumed(writer, [PLAIN], AT + timedelta(seconds=1))
    with pytest.raises(Misjudged, match="later"):
        await presumed(writer, [PLAIN])


async def test_a_counter_beyond_64_bits_is_left_to_the_judge(
    writer: Connection, accounts: None
) -> None:
    full = "UPDATE ledger_accounts SET debits_posted = 9223372036854775807 WHERE id = $1"
    await writer.execute(full, NAMES[0])
    with pytest.raises(Misjudged, match="overflow"):
        await presumed(writer, [PLAIN])


@pytest.mark.parametrize(
    "order",
    [
        Settle(NAMES[0], "sale"),
        Post(NAMES[0], NAMES[1], 100, "INR", "sale", up_to=True),
        Post(NAMES[0], NAMES[0], 100, "INR", "sale"),
        Post(NAMES[0], NAMES[1], 0, "INR", "sale"),
        Post(NAMES[0], NAMES[1], 2**63, "INR", "sale"),
    ],
)
def test_nothing_is_presumed_of_what_only_a_judge_can_say(order: Transfer) -> None:
    assert presume([PLAIN, order]) is None
