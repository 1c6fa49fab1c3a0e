"""Schedules: each run once, by whichever worker; a failed one on record; paused, resumed, ended."""

import asyncio
import sys
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from tallystick.journal import Refused
from tallystick.journal.model import KeyReused
from tallystick.platform.clock import HandClock
from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.pools import Database
from tallystick.wallets.model import WalletNotFound
from tallystick.wallets.transfers.errors import (
    InvalidSchedule,
    ScheduleEnded,
    ScheduleNotActive,
    ScheduleNotFound,
    ScheduleNotPaused,
)
from tallystick.wallets.transfers.folds import WalletTransferRow
from tallystick.wallets.transfers.schedule_folds import ScheduleRow
from tallystick.wallets.transfers.store import Wanted
from tests.wallets.sending import Office, asked, furnish, open_office

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
async def office(database: Database, clock: HandClock) -> AsyncIterator[Office]:
    async with open_office(database, clock) as office:
        await furnish(office)
        yield office
        assert await office.prove() == {}


async def runs_of(office: Office, row: ScheduleRow) -> list[WalletTransferRow]:
    """Its transfers, oldest first."""
    found = await office.transfers.list_transfers(Wanted(schedule_id=row.id, limit=100))
    return sorted(found, key=lambda run: run.created_at)


async def run_days(office: Office, days: int) -> None:
    """Let a worker come by shortly after noon, so many days in a row."""
    for _ in range(days):
        office.clock.advance(DAY)
        await office.schedules.run_due()


class TestCreating:
    async def test_says_when_it_is_due_first(self, office: Office) -> None:
        alice, bob = await office.wallet("alice"), await office.wallet("bob")

        row = await office.schedule(alice, bob)

        assert (row.status, row.due_at, row.runs) == ("active", NOON, 0)
        assert await office.schedules.get(row.id) == row

    async def test_asks_for_no_money_yet(self, office: Office) -> None:
        alice, bob = await office.wallet("alice"), await office.wallet("bob")

        assert (await office.schedule(alice, bob, 10**9)).status == "active"

    async def test_refuses_what_could_never_run(self, office: Office) -> None:
        alice, bob = await office.wallet("alice"), await office.wallet("bob", currency="USD")

        with pytest.raises(Refused):
            await office.schedule(alice, bob)
        with pytest.raises(Refused):
            await office.schedule(alice, alice)
        with pytest.raises(WalletNotFound):
            await office.schedule(alice, office.owner("nobody"))
        with pytest.raises(InvalidSchedule):
            await office.schedule(alice, await office.wallet("bob"), stop_after_failures=0)

    async def test_a_merchant_pays_from_its_own_wallets_only(self, office: Office) -> None:
        alice, bob = await office.wallet("alice"), await office.wallet("bob")

        with pytest.raises(WalletNotFound):
            await office.schedule(alice, bob, merchant_id=office.owner("shop"))

    async def test_again_with_the_same_key_makes_no_second_one(self, office: Office) -> None:
        alice, bob = await office.wallet("alice"), await office.wallet("bob")

        first = await office.schedule(alice, bob, frequency="once", asked=asked("key"))
        office.clock.set(NOON + DAY)  # and though its day is over
        again = await office.schedule(alice, bob, frequency="once", asked=asked("key"))

        assert again == first
        with pytest.raises(KeyReused):
            await office.schedule(alice, bob, asked=asked("key", "another"))


class TestRunning:
    async def test_nothing_happens_before_its_time(self, office: Office) -> None:
        alice, bob = await office.wallet("alice", 1_000), await office.wallet("bob")
        await office.schedule(alice, bob)
        office.clock.set(NOON - timedelta(microseconds=1))

        assert await office.schedules.run_due() == 0
        assert await office.balance(bob) == 0

    async def test_money_moves_each_time_it_is_due(self, office: Office) -> None:
        alice, bob = await office.wallet("alice", 1_000), await office.wallet("bob")
        row = await office.schedule(alice, bob)

        await run_days(office, 3)

        runs = await runs_of(office, row)
        assert [run.due_at for run in runs] == [NOON, NOON + DAY, NOON + 2 * DAY]
        assert {run.status for run in runs} == {"completed"}
        assert runs[0].transfer_id == "2026-03-02T12:00:00Z"
        assert await office.balance(bob) == 300
        now = await office.schedules.get(row.id)
        assert (now.runs, now.due_at, now.last_transfer_id) == (3, NOON + 3 * DAY, runs[-1].id)

    async def test_a_round_that_comes_again_runs_nothing_twice(self, office: Office) -> None:
        alice, bob = await office.wallet("alice", 1_000), await office.wallet("bob")
        await office.schedule(alice, bob)
        office.clock.set(NOON)

        assert [await office.schedules.run_due() for _ in range(3)] == [1, 0, 0]
        assert await office.balance(bob) == 100

    async def test_what_an_outage_delayed_is_made_up_for_once(self, office: Office) -> None:
        alice, bob = await office.wallet("alice", 1_000), await office.wallet("bob")
        row = await office.schedule(alice, bob)
        office.clock.set(NOON + 5 * DAY + timedelta(hours=1))

        while await office.schedules.run_due():
            pass

        (run,) = await runs_of(office, row)
        assert run.due_at == NOON
        now = await office.schedules.get(row.id)
        assert (now.runs, now.skipped, now.due_at) == (1, 5, NOON + 6 * DAY)

    async def test_several_workers_at_once_make_each_run_once(
        self, office: Office, database: Database, clock: HandClock
    ) -> None:
        alice = await office.wallet("alice", 100_000)
        rows = [await office.schedule(alice, await office.wallet(f"b{n}")) for n in range(6)]
        clock.set(NOON)

        async with open_office(database, clock) as second, open_office(database, clock) as third:
            workers = [place.schedules.run_due() for place in (office, second, third) * 2]
            made = await asyncio.gather(*workers)

        assert sum(made) == 6
        assert [len(await runs_of(office, row)) for row in rows] == [1] * 6
        assert await office.balance(alice) == 100_000 - 6 * 100


class TestAFailedRun:
    async def test_is_on_record_with_its_reason_and_the_schedule_goes_on(
        self, office: Office
    ) -> None:
        alice, bob = await office.wallet("alice"), await office.wallet("bob")
        row = await office.schedule(alice, bob)
        await run_days(office, 1)
        await office.fund(alice, 1_000)
        await run_days(office, 1)

        failed, made = await runs_of(office, row)
        assert (failed.status, failed.failure_code) == ("failed", "insufficient_funds")
        assert (failed.credited_minor, failed.posting_id) == (0, None)
        assert made.status == "completed"
        now = await office.schedules.get(row.id)
        assert (now.status, now.runs, now.failures, now.failures_in_a_row) == ("active", 2, 1, 0)
        assert now.last_failure_code is None

    async def test_tells_a_limit_as_well(self, office: Office) -> None:
        tier = await office.limit(daily_minor=50)
        alice, bob = await office.wallet("alice", 1_000, tier=tier), await office.wallet("bob")
        row = await office.schedule(alice, bob)
        await run_days(office, 1)

        assert (await runs_of(office, row))[0].failure_code == "daily_limit_exceeded"

    async def test_so_many_in_a_row_stop_it_if_one_chose_so(self, office: Office) -> None:
        alice, bob = await office.wallet("alice", 100), await office.wallet("bob")
        row = await office.schedule(alice, bob, stop_after_failures=2)

        await run_days(office, 5)

        now = await office.schedules.get(row.id)
        assert (now.status, now.runs, now.failures, now.due_at) == ("stopped", 3, 2, None)
        assert now.last_failure_code == "insufficient_funds"


class TestTheEnd:
    async def test_comes_after_so_many_runs(self, office: Office) -> None:
        alice, bob = await office.wallet("alice", 250), await office.wallet("bob")
        row = await office.schedule(alice, bob, count=3)

        await run_days(office, 5)

        now = await office.schedules.get(row.id)
        assert (now.status, now.runs, now.failures) == ("finished", 3, 1)

    async def test_comes_after_its_last_day(self, office: Office) -> None:
        alice, bob = await office.wallet("alice", 1_000), await office.wallet("bob")
        row = await office.schedule(alice, bob, ends_on=date(2026, 3, 3))

        await run_days(office, 5)

        now = await office.schedules.get(row.id)
        assert (now.status, now.runs) == ("finished", 2)

    async def test_comes_at_once_when_it_is_for_once(self, office: Office) -> None:
        alice, bob = await office.wallet("alice", 1_000), await office.wallet("bob")
        row = await office.schedule(alice, bob, frequency="once")

        await run_days(office, 2)

        now = await office.schedules.get(row.id)
        assert (now.status, now.runs) == ("finished", 1)
        assert await office.balance(bob) == 100


class TestPausing:
    async def test_leaves_out_what_falls_due_meanwhile(self, office: Office) -> None:
        alice, bob = await office.wallet("alice", 1_000), await office.wallet("bob")
        row = await office.schedule(alice, bob)

        paused = await office.schedules.pause(row.id)
        await run_days(office, 3)
        resumed = await office.schedules.resume(row.id)
        await run_days(office, 1)

        assert (paused.row.status, paused.row.due_at) == ("paused", None)
        assert (resumed.row.status, resumed.row.due_at) == ("active", NOON + 3 * DAY)
        assert await office.balance(bob) == 100

    async def test_until_its_days_are_over_finishes_it(self, office: Office) -> None:
        alice, bob = await office.wallet("alice"), await office.wallet("bob")
        row = await office.schedule(alice, bob, ends_on=date(2026, 3, 3))
        await office.schedules.pause(row.id)
        office.clock.advance(3 * DAY)

        assert (await office.schedules.resume(row.id)).row.status == "finished"

    async def test_and_resuming_want_a_schedule_that_is_not_so_already(
        self, office: Office
    ) -> None:
        alice, bob = await office.wallet("alice"), await office.wallet("bob")
        row = await office.schedule(alice, bob)

        with pytest.raises(ScheduleNotPaused):
            await office.schedules.resume(row.id)
        await office.schedules.pause(row.id)
        with pytest.raises(ScheduleNotActive):
            await office.schedules.pause(row.id)

    async def test_again_with_the_same_key_is_answered_as_it_then_stood(
        self, office: Office
    ) -> None:
        alice, bob = await office.wallet("alice"), await office.wallet("bob")
        row = await office.schedule(alice, bob)
        first = await office.schedules.pause(row.id, asked=asked("key"))
        await office.schedules.resume(row.id)

        again = await office.schedules.pause(row.id, asked=asked("key"))

        assert (again.row, again.replayed) == (first.row, True)


class TestCancelling:
    async def test_ends_it_for_good(self, office: Office) -> None:
        alice, bob = await office.wallet("alice", 1_000), await office.wallet("bob")
        row = await office.schedule(alice, bob)

        cancelled = await office.schedules.cancel(row.id)
        await run_days(office, 2)

        assert (cancelled.row.status, cancelled.row.due_at) == ("cancelled", None)
        assert await office.balance(bob) == 0
        for verb in (office.schedules.pause, office.schedules.resume, office.schedules.cancel):
            with pytest.raises(ScheduleEnded):
                await verb(row.id)

    async def test_races_with_a_run_and_one_of_them_wins(self, office: Office) -> None:
        alice, bob = await office.wallet("alice", 1_000), await office.wallet("bob")
        row = await office.schedule(alice, bob)
        office.clock.set(NOON)

        await asyncio.gather(office.schedules.run_due(), office.schedules.cancel(row.id))

        now = await office.schedules.get(row.id)
        assert now.status == "cancelled"
        assert await office.balance(bob) == 100 * now.runs


class TestMerchants:
    async def test_see_and_change_what_their_own_wallets_pay(self, office: Office) -> None:
        shop = office.owner("shop")
        alice, bob = await office.wallet("alice"), await office.wallet("bob")
        till = await office.wallet("shop", owner_kind="merchant")
        own = await office.schedule(till, bob, merchant_id=shop)
        strange = await office.schedule(alice, till)

        assert await office.schedules.list_schedules(Wanted(), merchant_id=shop) == (own,)
        with pytest.raises(ScheduleNotFound):
            await office.schedules.cancel(strange.id, merchant_id=shop)
        cancelled = await office.schedules.cancel(own.id, merchant_id=shop)
        assert cancelled.row.status == "cancelled"


_WORKER = """
import asyncio, sys
from datetime import datetime
import msgspec
from tallystick.platform import crash
from tallystick.platform.clock import HandClock
from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.pools import open_database
from tallystick.platform.settings import load_settings
from tests.wallets.sending import open_office

async def work():
    address = msgspec.json.decode(sys.argv[1], type=Address)
    clock = HandClock(datetime.fromisoformat(sys.argv[2]))
    async with open_database(address, load_settings(env_file=None, db_pool_min=0)) as database:
        async with open_office(database, clock) as office:
            crash.arm(sys.argv[3])
            await office.schedules.run_due()

asyncio.run(work())
"""


@pytest.mark.parametrize(
    ("point", "made"),
    [("journal.after_lock", 0), ("journal.before_commit", 0), ("journal.after_commit", 1)],
)
async def test_a_worker_killed_in_the_middle_of_a_run_has_made_it_or_leaves_it_to_the_next(
    office: Office, address: Address, clock: HandClock, point: str, made: int
) -> None:
    alice, bob = await office.wallet("alice", 1_000), await office.wallet("bob")
    row = await office.schedule(alice, bob)
    clock.set(NOON)

    words = [msgspec.json.encode(address).decode(), clock.now().isoformat(), point]
    killed = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _WORKER, *words, cwd=Path(__file__).parents[2]
    )
    async with asyncio.timeout(30):
        await killed.wait()
    assert killed.returncode == -9
    assert await office.balance(bob) == 100 * made

    assert [await office.schedules.run_due() for _ in range(2)] == [1 - made, 0]
    assert len(await runs_of(office, row)) == 1
    assert await office.balance(bob) == 100
