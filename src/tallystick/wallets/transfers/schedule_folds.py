"""Schedules of wallet transfers: states, what is told of one, and the row it folds into. Pure.

All that is known about states stands in the table. When a schedule falls due next is told by the
facts, not computed again: the time zone database may have changed since.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from typing import Any, Final
from uuid import UUID

from msgspec import Struct, structs

from tallystick.journal import Fact, Projection, Told
from tallystick.wallets.folds import next_state
from tallystick.wallets.transfers.folds import told_here
from tallystick.wallets.transfers.recurrence import Recurrence

CREATED: Final = "transfer_schedule.created"
RAN: Final = "transfer_schedule.ran"
RUN_FAILED: Final = "transfer_schedule.run_failed"
PAUSED: Final = "transfer_schedule.paused"
RESUMED: Final = "transfer_schedule.resumed"
FINISHED: Final = "transfer_schedule.finished"
STOPPED: Final = "transfer_schedule.stopped"
CANCELLED: Final = "transfer_schedule.cancelled"

# state -> what happened -> next state; `None` is "not there yet".
SCHEDULE_TABLE: Final[Mapping[str | None, Mapping[str, str]]] = {
    None: {CREATED: "active"},
    "active": {
        RAN: "active",
        RUN_FAILED: "active",
        PAUSED: "paused",
        FINISHED: "finished",
        STOPPED: "stopped",
        CANCELLED: "cancelled",
    },
    "paused": {RESUMED: "active", FINISHED: "finished", CANCELLED: "cancelled"},
    "finished": {},
    "stopped": {},
    "cancelled": {},
}


class ScheduleTerms(Struct, frozen=True, kw_only=True):
    """What is to be moved again and again, and when.

    After `stop_after_failures` failed runs in a row it stops; None goes on whatever happens.
    """

    from_wallet_id: UUID
    to_wallet_id: UUID
    amount_minor: int
    currency: str
    recurrence: Recurrence
    stop_after_failures: int | None = None


class ScheduleCreated(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """It exists, and falls due first at `due_at`."""

    requester_id: UUID
    from_wallet_id: UUID
    to_wallet_id: UUID
    amount_minor: int
    currency: str
    frequency: str
    starts_on: date
    local_time: time
    timezone: str
    due_at: datetime
    ends_on: date | None = None
    runs_max: int | None = None
    stop_after_failures: int | None = None


class ScheduleRan(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Its run of `due_at` moved the money."""

    wallet_transfer_id: UUID
    due_at: datetime
    next_due_at: datetime | None = None
    skipped: int = 0


class ScheduleRunFailed(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Its run of `due_at` was refused with `code`."""

    wallet_transfer_id: UUID
    due_at: datetime
    code: str
    next_due_at: datetime | None = None
    skipped: int = 0


class SchedulePaused(Struct, frozen=True):
    """It does not run until it is resumed."""


class ScheduleResumed(Struct, frozen=True):
    """It runs again; what fell due during the pause stays left out."""

    due_at: datetime


class ScheduleFinished(Struct, frozen=True):
    """All its runs are made, or its days are over."""


class ScheduleStopped(Struct, frozen=True):
    """Too many of its runs failed in a row."""


class ScheduleCancelled(Struct, frozen=True):
    """Somebody gave it up."""


KINDS: Final[Mapping[str, type[Struct]]] = {
    CREATED: ScheduleCreated,
    RAN: ScheduleRan,
    RUN_FAILED: ScheduleRunFailed,
    PAUSED: SchedulePaused,
    RESUMED: ScheduleResumed,
    FINISHED: ScheduleFinished,
    STOPPED: ScheduleStopped,
    CANCELLED: ScheduleCancelled,
}


class ScheduleRow(Struct, frozen=True):
    """One schedule; fields are the columns of `transfer_schedules`, in their order."""

    id: UUID
    version: int
    requester_id: UUID  # the merchant who asked; the platform for its operators
    from_wallet_id: UUID
    to_wallet_id: UUID
    status: str  # active | paused | finished | stopped | cancelled
    amount_minor: int
    currency: str
    frequency: str
    starts_on: date
    local_time: time
    timezone: str
    ends_on: date | None
    runs_max: int | None
    stop_after_failures: int | None
    runs: int  # made, whether they moved money or failed
    failures: int
    failures_in_a_row: int
    skipped: int  # due while nobody was there to run them, and not made up for
    last_transfer_id: UUID | None
    last_failure_code: str | None  # of the latest run; null when it moved the money
    due_at: datetime | None  # when it runs next; null unless active
    created_at: datetime
    updated_at: datetime

    @property
    def recurrence(self) -> Recurrence:
        """When it falls due."""
        return Recurrence(
            frequency=self.frequency,
            starts_on=self.starts_on,
            local_time=self.local_time,
            timezone=self.timezone,
            ends_on=self.ends_on,
            count=self.runs_max,
        )


def fold_schedule(row: ScheduleRow | None, fact: Told) -> ScheduleRow:
    """The row after `fact`. Raises IllegalTransition."""
    status = next_state(SCHEDULE_TABLE, row.status if row else None, fact.kind)
    if row is None:
        return _new_schedule(fact, status)
    changes = _changes(row, fact.data)
    return structs.replace(row, version=fact.version, status=status, updated_at=fact.at, **changes)


def _new_schedule(fact: Told, status: str) -> ScheduleRow:
    data: ScheduleCreated = fact.data
    return ScheduleRow(
        **structs.asdict(data),
        id=fact.aggregate_id,
        version=fact.version,
        status=status,
        runs=0,
        failures=0,
        failures_in_a_row=0,
        skipped=0,
        last_transfer_id=None,
        last_failure_code=None,
        created_at=fact.at,
        updated_at=fact.at,
    )


def _changes(row: ScheduleRow, data: Any) -> dict[str, Any]:
    match data:
        case ScheduleRan() | ScheduleRunFailed():
            failed = isinstance(data, ScheduleRunFailed)
            return {
                "runs": row.runs + 1,
                "failures": row.failures + failed,
                "failures_in_a_row": row.failures_in_a_row + 1 if failed else 0,
                "skipped": row.skipped + data.skipped,
                "last_transfer_id": data.wallet_transfer_id,
                "last_failure_code": data.code if isinstance(data, ScheduleRunFailed) else None,
                "due_at": data.next_due_at,
            }
        case ScheduleResumed():
            return {"due_at": data.due_at}
    return {"due_at": None}


def row_after(row: ScheduleRow | None, facts: Sequence[Fact], at: datetime) -> ScheduleRow:
    """The row once these facts are recorded: what reading it anew would show."""
    for fact in facts:
        row = fold_schedule(row, told_here(fact, at))
    if row is None:
        raise LookupError("nothing was told of this schedule")
    return row


SCHEDULES: Final = Projection("transfer_schedules", ScheduleRow, KINDS, fold_schedule)
