"""What follows for a schedule from a run, a pause, a resumption, a cancellation. Pure."""

from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct

from tallystick.journal import Fact
from tallystick.wallets.transfers.errors import (
    InvalidSchedule,
    ScheduleEnded,
    ScheduleNotActive,
    ScheduleNotPaused,
)
from tallystick.wallets.transfers.recurrence import Next, due_after, next_due, require_possible
from tallystick.wallets.transfers.schedule_folds import (
    CANCELLED,
    CREATED,
    FINISHED,
    PAUSED,
    RAN,
    RESUMED,
    RUN_FAILED,
    SCHEDULE_TABLE,
    STOPPED,
    ScheduleCancelled,
    ScheduleCreated,
    ScheduleFinished,
    SchedulePaused,
    ScheduleRan,
    ScheduleResumed,
    ScheduleRow,
    ScheduleRunFailed,
    ScheduleStopped,
    ScheduleTerms,
)

STOP_AFTER_MAX: Final = 100


def decide_creation(
    schedule_id: UUID, requester_id: UUID, terms: ScheduleTerms, now: datetime
) -> Fact:
    """A new schedule. Raises InvalidSchedule."""
    stop_after = terms.stop_after_failures
    if stop_after is not None and not 1 <= stop_after <= STOP_AFTER_MAX:
        raise InvalidSchedule(
            "stop_after_failures", f"it stops after 1 to {STOP_AFTER_MAX} failures, or never"
        )
    recurrence = terms.recurrence
    data = ScheduleCreated(
        requester_id=requester_id,
        from_wallet_id=terms.from_wallet_id,
        to_wallet_id=terms.to_wallet_id,
        amount_minor=terms.amount_minor,
        currency=terms.currency,
        frequency=str(recurrence.frequency),
        starts_on=recurrence.starts_on,
        local_time=recurrence.local_time,
        timezone=recurrence.timezone,
        due_at=require_possible(recurrence, now),
        ends_on=recurrence.ends_on,
        runs_max=recurrence.count,
        stop_after_failures=stop_after,
    )
    return Fact(schedule_id, 1, CREATED, data)


class Outcome(Struct, frozen=True):
    """What became of one run: its transfer, when it was due, and why it failed, if it did."""

    wallet_transfer_id: UUID
    due_at: datetime
    failure_code: str | None = None


def decide_run(row: ScheduleRow, run: Outcome, now: datetime) -> tuple[Fact, ...]:
    """What a run means for its active schedule: the next instant, or the end."""
    following = next_due(row.recurrence, run.due_at, now)
    if row.runs_max is not None and row.runs + 1 >= row.runs_max:
        following = Next(None)
    told = Fact(row.id, row.version + 1, *_told_of(run, following))
    more = following.due_at is not None
    return told, *_end_after(row, failed=run.failure_code is not None, more=more)


def _told_of(run: Outcome, following: Next) -> tuple[str, Struct]:
    if run.failure_code is None:
        return RAN, ScheduleRan(
            wallet_transfer_id=run.wallet_transfer_id,
            due_at=run.due_at,
            next_due_at=following.due_at,
            skipped=following.skipped,
        )
    return RUN_FAILED, ScheduleRunFailed(
        wallet_transfer_id=run.wallet_transfer_id,
        due_at=run.due_at,
        code=run.failure_code,
        next_due_at=following.due_at,
        skipped=following.skipped,
    )


def _end_after(row: ScheduleRow, *, failed: bool, more: bool) -> tuple[Fact, ...]:
    if not more:
        return (Fact(row.id, row.version + 2, FINISHED, ScheduleFinished()),)
    streak = row.failures_in_a_row + 1
    if failed and row.stop_after_failures is not None and streak >= row.stop_after_failures:
        return (Fact(row.id, row.version + 2, STOPPED, ScheduleStopped()),)
    return ()


def decide_pause(row: ScheduleRow) -> tuple[Fact, ...]:
    """Raises ScheduleEnded, ScheduleNotActive."""
    _require_alive(row)
    if row.status != "active":
        raise ScheduleNotActive("the schedule is paused already")
    return (Fact(row.id, row.version + 1, PAUSED, SchedulePaused()),)


def decide_resumption(row: ScheduleRow, now: datetime) -> tuple[Fact, ...]:
    """It runs again from now on, or is finished when its days have passed.

    Raises ScheduleEnded, ScheduleNotPaused.
    """
    _require_alive(row)
    if row.status != "paused":
        raise ScheduleNotPaused("the schedule is not paused")
    due_at = due_after(row.recurrence, now)
    if due_at is None:
        return (Fact(row.id, row.version + 1, FINISHED, ScheduleFinished()),)
    return (Fact(row.id, row.version + 1, RESUMED, ScheduleResumed(due_at)),)


def decide_cancellation(row: ScheduleRow) -> tuple[Fact, ...]:
    """Raises ScheduleEnded."""
    _require_alive(row)
    return (Fact(row.id, row.version + 1, CANCELLED, ScheduleCancelled()),)


def _require_alive(row: ScheduleRow) -> None:
    if not SCHEDULE_TABLE[row.status]:
        raise ScheduleEnded(f"the schedule is {row.status}")
