"""The traps a journal can fall into, each with a test that the naive version fails."""

import asyncio
import random
from datetime import timedelta

import asyncpg
import pytest
from msgspec.structs import replace

from tallystick.journal import Change, Journal
from tallystick.platform.clock import HandClock
from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.pools import Connection, Database, open_database
from tallystick.platform.settings import Settings
from tests.journal.conftest import Ids, OpenJournal, notch, open_pair, post
from tests.servers.fault_proxy import Fate, fault_proxy

pytestmark = pytest.mark.anyio

LOCK_LANE = "SELECT seq FROM journal_lanes WHERE lane = 0 FOR UPDATE"


class TestALateCommit:
    """Naive: positions drawn from a sequence outside the lane's lock leave holes behind readers."""

    async def test_is_never_skipped_by_a_reader(
        self, open_journal: OpenJournal, ids: Ids, database: Database
    ) -> None:
        async with open_journal() as one, open_journal() as two:
            writing = asyncio.gather(
                *(_trickle(journal, ids, 150) for journal in (one, two) for _ in range(2))
            )
            seen: list[int] = []
            while not (writing.done() and len(seen) >= 600):
                cursor = seen[-1] if seen else 0
                seen += [fact.position for fact in await one.facts_after(0, cursor)]
                assert seen == list(range(1, len(seen) + 1)), (
                    "a position appeared behind the cursor"
                )
            await writing

    async def test_waits_for_the_batch_that_holds_the_lane(
        self, journal: Journal, owner: Connection, ids: Ids
    ) -> None:
        async with owner.transaction():
            await owner.execute(LOCK_LANE)
            waiting = asyncio.create_task(journal.record(Change(ids(), facts=(notch(ids(), 1),))))
            await asyncio.sleep(0.1)
            assert not waiting.done()
        await waiting


class TestTimeRunningBackwards:
    """Naive: `now()` taken before the locks dates a sixth of an account's history backwards."""

    async def test_never_dates_a_lane_backwards(
        self, journal: Journal, clock: HandClock, ids: Ids
    ) -> None:
        first = await journal.record(Change(ids(), facts=(notch(ids(), 1),)))
        clock.advance(timedelta(minutes=-10))
        second = await journal.record(Change(ids(), facts=(notch(ids(), 1),)))
        assert second.at >= first.at

    async def test_never_dates_an_account_backwards_across_lanes(
        self, open_journal: OpenJournal, clock: HandClock, ids: Ids
    ) -> None:
        async with open_journal() as online, open_journal(lane=1) as bulk:
            source, target = await open_pair(online, ids)
            clock.advance(timedelta(minutes=10))
            ahead = await bulk.record(Change(ids(), transfers=(post(source, target),)))
            clock.advance(timedelta(minutes=-10))
            behind = await online.record(Change(ids(), transfers=(post(source, target),)))
            assert behind.at >= ahead.at
            assert behind.transfers[0].debit_version == 2


class TestAFrozenProcess:
    """Naive: a process that stops while it holds the lane stops the whole cell."""

    async def test_loses_the_lane_within_seconds(
        self, journal: Journal, database: Database, ids: Ids
    ) -> None:
        frozen = await database.open_writer("frozen")
        await frozen.execute("BEGIN")
        await frozen.execute(LOCK_LANE)
        async with asyncio.timeout(5):
            await journal.record(Change(ids(), facts=(notch(ids(), 1),)))
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await frozen.execute("COMMIT")
        frozen.terminate()


class TestALostConnection:
    async def test_in_the_middle_of_batches_neither_loses_nor_doubles(
        self, journal: Journal, owner: Connection, database: Database, ids: Ids
    ) -> None:
        # The driver forgets a future of its own when a COPY is cut; nobody misses its error.
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, _context: None)
        source, target = await open_pair(journal, ids)
        killer = asyncio.create_task(_terminate_lanes(owner, times=10))
        recorded = 0
        while not killer.done():
            changes = [Change(ids(), transfers=(post(source, target, 1),)) for _ in range(25)]
            await asyncio.gather(*map(journal.record, changes))
            recorded += len(changes)
        posted = "SELECT credits_posted FROM ledger_accounts WHERE id = $1"
        assert await database.fetchval(posted, target) == recorded
        assert await database.fetchval("SELECT count(*) FROM ledger_transfers") == recorded


class TestAnAmbiguousCommit:
    """Naive: retrying after a lost reply doubles one operation in two."""

    @pytest.mark.parametrize("cuts", [100, pytest.param(1_000, marks=pytest.mark.slow)])
    async def test_again_and_again_neither_loses_nor_doubles(
        self,
        cuts: int,
        *,
        open_journal: OpenJournal,
        address: Address,
        settings: Settings,
        database: Database,
        ids: Ids,
    ) -> None:
        chance = random.Random(20261120)
        # Two cuts in three commits, the request's and the reply's alike.
        fates: list[Fate] = ["lose_request", "lose_reply", "pass"]
        async with (
            fault_proxy(address, lambda: chance.choice(fates)) as (proxy, port),
            open_database(replace(address, host="127.0.0.1", port=port), settings) as cut_off,
            open_journal(database=cut_off) as journal,
        ):
            source, target = await open_pair(journal, ids)
            recorded = 0
            while sum(proxy.cuts.values()) < cuts:
                changes = [
                    Change(ids(), facts=(notch(ids(), 1),), transfers=(post(source, target, 1),))
                    for _ in range(3)
                ]
                await asyncio.gather(*(journal.record(c, patience_s=30) for c in changes))
                recorded += len(changes)
            assert min(proxy.cuts.values()) > cuts * 0.4
        assert await database.fetchval("SELECT count(*) FROM tallies") == recorded
        posted = "SELECT credits_posted FROM ledger_accounts WHERE id = $1"
        assert await database.fetchval(posted, target) == recorded


async def _trickle(journal: Journal, ids: Ids, count: int) -> None:
    for _ in range(count):
        await journal.record(Change(ids(), facts=(notch(ids(), 1),)))


async def _terminate_lanes(owner: Connection, times: int) -> None:
    killed = 0
    while killed < times:
        await asyncio.sleep(0.05)
        killed += await owner.fetchval(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE application_name = 'tallystick journal lane 0' AND datname = current_database()"
        )
