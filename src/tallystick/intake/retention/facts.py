"""What is no longer kept, as facts, and the cut that they make through what facts make. Pure."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import UUID

from msgspec import Struct

from tallystick.books import PLATFORM
from tallystick.intake.model import PaymentRow, ReferenceRow
from tallystick.intake.retention.store import MONTHS_LET_GO, REFERENCES_LET_GO
from tallystick.journal import Projection, Retention, Told
from tallystick.platform.ids import derived_id

MONTH_DROPPED: Final = "recorded_month.dropped"
REFERENCES_CLEANED: Final = "references.cleaned"
REFERENCES: Final = "payment_references"


class MonthDropped(Struct, frozen=True):
    """The partition of a month is dropped, with what was recorded in it before `before`."""

    subject: str
    month: date
    before: datetime
    payments: int
    bytes: int


class ReferencesCleaned(Struct, frozen=True):
    """References that were recorded before `before` are cleaned; their payments are kept."""

    before: datetime
    references: int


class RetentionRow(Struct, frozen=True):
    """One row of `intake_retention`, in the order of its columns."""

    id: UUID
    version: int
    subject: str
    month: date | None
    before: datetime
    removed: int
    bytes: int
    at: datetime


def retention_id(subject: str) -> UUID:
    """The aggregate of what is let go of `subject`."""
    return derived_id(PLATFORM, f"retention:{subject}")


def _fold(_row: RetentionRow | None, told: Told) -> RetentionRow:
    data: MonthDropped | ReferencesCleaned = told.data
    if isinstance(data, MonthDropped):
        subject, month, removed, size = data.subject, data.month, data.payments, data.bytes
    else:
        subject, month, removed, size = REFERENCES, None, data.references, 0
    return RetentionRow(
        id=told.aggregate_id,
        version=told.version,
        subject=subject,
        month=month,
        before=data.before,
        removed=removed,
        bytes=size,
        at=told.at,
    )


def _kept_payments(cuts: Sequence[Any]) -> Callable[[PaymentRow], bool]:
    dropped = {month: _plain(before) for month, before in cuts}

    def is_kept(row: PaymentRow) -> bool:
        before = dropped.get(row.payment_date.date().replace(day=1))
        return before is None or row.created_at >= before

    return is_kept


def _kept_references(cuts: Sequence[Any]) -> Callable[[ReferenceRow], bool]:
    before = max((_plain(row[0]) for row in cuts), default=None)
    return lambda row: before is None or row.created_at >= before


def _plain(instant: datetime) -> datetime:
    """As document 000's columns have it: UTC, without saying so."""
    return instant.astimezone(UTC).replace(tzinfo=None)


payments_retention: Final = Retention(MONTHS_LET_GO, _kept_payments)
references_retention: Final = Retention(REFERENCES_LET_GO, _kept_references)

projections: Final = (
    Projection(
        table="intake_retention",
        row=RetentionRow,
        kinds={MONTH_DROPPED: MonthDropped, REFERENCES_CLEANED: ReferencesCleaned},
        fold=_fold,
    ),
)
