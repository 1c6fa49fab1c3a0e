"""Schedules: wallet transfers made for somebody at set times, each of them exactly once.

A run's transfer is named by its schedule and the instant it was due, and it is recorded in one
change with what it means for the schedule. So whichever worker is first has made it, and a worker
that dies has either made it or not.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final
from uuid import UUID

from msgspec import Struct

from tallystick.journal import (
    Asked,
    Change,
    Conflict,
    Fact,
    Origin,
    Refused,
    Repeated,
)
from tallystick.platform.ids import bucket_of, new_id
from tallystick.platform.telemetry import get_logger
from tallystick.platform.timetable import Job
from tallystick.wallets.model import NotPossible, TierNotFound, WalletNotFound
from tallystick.wallets.transfers import store as transfer_store
from tallystick.wallets.transfers.decisions import Run, Wish, decide_failure
from tallystick.wallets.transfers.errors import ScheduleNotFound
from tallystick.wallets.transfers.folds import TransferTerms, requester_of, run_id, run_name
from tallystick.wallets.transfers.schedule_decisions import (
    Outcome,
    decide_cancellation,
    decide_creation,
    decide_pause,
    decide_resumption,
    decide_run,
)
from tallystick.wallets.transfers.schedule_folds import (
    SCHEDULES,
    ScheduleRow,
    ScheduleTerms,
    row_after,
)
from tallystick.wallets.transfers.store import Wanted
from tallystick.wallets.transfers.transfers import NOBODY, WalletTransfers
from tallystick.wallets.turns import ROUNDS, pause_after
from tallystick.wallets.wallets import Wallets

EVERY_S: Final = 5.0
ROUND: Final = 100
_AT_ONCE: Final = 8
_log = get_logger("wallets.schedules")
Decide = Callable[[ScheduleRow], tuple[Fact, ...]]


class Scheduled(Struct, frozen=True):
    """A schedule, and whether an earlier call had brought it there already."""

    row: ScheduleRow
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Schedules:
    """The verbs of schedules, and the job that runs what is due."""

    wallets: Wallets
    transfers: WalletTransfers

    async def create(
        self,
        terms: ScheduleTerms,
        *,
        merchant_id: UUID | None = None,
        asked: Asked | None = None,
        origin: Origin = NOBODY,
    ) -> Scheduled:
        """Move money once or again and again, later; `merchant_id` None is the operator.

        Raises WalletNotFound, also when the paying wallet is not the merchant's; InvalidSchedule;
        Refused (currency_mismatch, same_account). Funds and limits are asked when a run is due.
        """
        now = self.wallets.clock.now()
        schedule_id = new_id(now, bucket_of(terms.from_wallet_id))
        if repeat := await self.wallets.journal.find_repeat(asked):
            return await self._answer(repeat)  # by now its first day may be over
        await self.transfers.find_parties(_run_terms(terms, ""), merchant_id)
        told = decide_creation(schedule_id, requester_of(merchant_id), terms, now)
        try:
            return await self._record(None, (told,), asked, origin)
        except Repeated as repeat:
            return await self._answer(repeat)

    async def pause(
        self,
        schedule_id: UUID,
        *,
        merchant_id: UUID | None = None,
        asked: Asked | None = None,
        origin: Origin = NOBODY,
    ) -> Scheduled:
        """Do not run it for now. Raises ScheduleNotFound, ScheduleEnded, ScheduleNotActive."""
        return await self._change(schedule_id, decide_pause, merchant_id, asked, origin)

    async def resume(
        self,
        schedule_id: UUID,
        *,
        merchant_id: UUID | None = None,
        asked: Asked | None = None,
        origin: Origin = NOBODY,
    ) -> Scheduled:
        """Run it again, from the next time it falls due: a pause is not made up for.

        Raises ScheduleNotFound, ScheduleEnded, ScheduleNotPaused.
        """
        decide = partial(decide_resumption, now=self.wallets.clock.now())
        return await self._change(schedule_id, decide, merchant_id, asked, origin)

    async def cancel(
        self,
        schedule_id: UUID,
        *,
        merchant_id: UUID | None = None,
        asked: Asked | None = None,
        origin: Origin = NOBODY,
    ) -> Scheduled:
        """Never run it again. Raises ScheduleNotFound, ScheduleEnded."""
        return await self._change(schedule_id, decide_cancellation, merchant_id, asked, origin)

    async def get(self, schedule_id: UUID, *, merchant_id: UUID | None = None) -> ScheduleRow:
        """One schedule. Raises ScheduleNotFound, also when its money is not the merchant's."""
        row = await transfer_store.find_schedule(self.wallets.database, schedule_id)
        wallet_ids = await self.transfers.wallets_of(merchant_id)
        if row is None or (wallet_ids is not None and row.from_wallet_id not in wallet_ids):
            raise ScheduleNotFound("no such schedule")
        return row

    async def list_schedules(
        self, wanted: Wanted, *, merchant_id: UUID | None = None
    ) -> tuple[ScheduleRow, ...]:
        """The latest schedules that pay from a merchant's wallets (None: from anybody's)."""
        wallet_ids = await self.transfers.wallets_of(merchant_id)
        if wanted.wallet_id is not None:
            named = {wanted.wallet_id}
            wallet_ids = named if wallet_ids is None else wallet_ids & named
        return await transfer_store.list_schedules(self.wallets.database, wanted, wallet_ids)

    # The job --------------------------------------------------------------------------------------

    @property
    def jobs(self) -> tuple[Job, ...]:
        """What is done again and again, in one process or in several."""
        return (Job("transfer_schedules", EVERY_S, self.run_due, full=ROUND),)

    async def run_due(self, limit: int = ROUND) -> int:
        """Make the run of at most `limit` schedules that are due; how many were made here.

        Several processes at once do no harm. One that fails for a reason of ours is logged and
        stays due; it does not keep the others waiting. A full `limit` means there may be more.
        """
        due = await transfer_store.list_due(self.wallets.database, self.wallets.clock.now(), limit)
        turn = asyncio.Semaphore(_AT_ONCE)
        return sum(await asyncio.gather(*(self._run(schedule_id, turn) for schedule_id in due)))

    async def _run(self, schedule_id: UUID, turn: asyncio.Semaphore) -> bool:
        async with turn:
            try:
                return await self._make_run(schedule_id)
            except Exception:  # noqa: BLE001 - one bad schedule must not stop the job
                _log.exception("schedule_run_failed", id=str(schedule_id))
                return False

    async def _make_run(self, schedule_id: UUID) -> bool:
        for losses in range(1, ROUNDS + 1):
            row = await transfer_store.find_schedule(self.wallets.database, schedule_id)
            if row is None or row.due_at is None or row.due_at > self.wallets.clock.now():
                return False  # another worker was faster, or somebody paused it
            run = Run(row.id, row.due_at)
            try:
                async with self.wallets.turns.of(row.from_wallet_id, row.to_wallet_id):
                    await self._move(row, run)
            except Conflict:
                await pause_after(losses)
                continue
            return True
        return False  # it stays due

    async def _move(self, row: ScheduleRow, run: Run) -> None:
        now = self.wallets.clock.now()
        terms = _run_terms(row, run_name(run.due_at))
        wish = Wish(run_id(row.id, run.due_at), row.id, terms, run)
        origin = Origin(cause=row.id)
        try:
            ran = decide_run(row, Outcome(wish.id, run.due_at), now)
            await self.transfers.move(wish, also=ran, origin=origin)
        except (Refused, NotPossible, WalletNotFound, TierNotFound) as refusal:
            failed = decide_run(row, Outcome(wish.id, run.due_at, refusal.code), now)
            told = decide_failure(wish, run, refusal.code)
            await self.wallets.journal.record(Change(wish.id, (told, *failed), origin=origin))

    # Changes and their repeats -------------------------------------------------------------------

    async def _change(
        self,
        schedule_id: UUID,
        decide: Decide,
        merchant_id: UUID | None,
        asked: Asked | None,
        origin: Origin,
    ) -> Scheduled:
        for losses in range(1, ROUNDS + 1):
            row = await self.get(schedule_id, merchant_id=merchant_id)
            if repeat := await self.wallets.journal.find_repeat(asked):
                return await self._answer(repeat)
            try:
                return await self._record(row, decide(row), asked, origin)
            except Repeated as repeat:
                return await self._answer(repeat)
            except Conflict:
                await pause_after(losses)  # it ran meanwhile, or somebody else changed it
        raise Conflict("too many changes of this schedule at once")

    async def _record(
        self, row: ScheduleRow | None, facts: tuple[Fact, ...], asked: Asked | None, origin: Origin
    ) -> Scheduled:
        last = facts[-1]
        subject_id = last.aggregate_id
        change_id = new_id(self.wallets.clock.now(), bucket_of(subject_id))
        claim = asked.claim(subject_id, version=last.version) if asked else None
        recorded = await self.wallets.journal.record(
            Change(change_id, facts, claim=claim, origin=origin)
        )
        return Scheduled(row_after(row, facts, recorded.at))

    async def _answer(self, repeat: Repeated) -> Scheduled:
        """The schedule as the first call with this key left it. Raises KeyReused, Refused."""
        claim = await self.wallets.journal.answer(repeat, patience_s=0)
        row: ScheduleRow = await self.wallets.journal.row_as_of(
            SCHEDULES, claim.subject_id, claim.subject_version
        )
        return Scheduled(row, replayed=True)


def _run_terms(schedule: ScheduleRow | ScheduleTerms, transfer_id: str) -> TransferTerms:
    return TransferTerms(
        transfer_id=transfer_id,
        from_wallet_id=schedule.from_wallet_id,
        to_wallet_id=schedule.to_wallet_id,
        amount_minor=schedule.amount_minor,
        currency=schedule.currency,
    )
