"""What is kept of proving: assertions, reconciliation runs and the continuous proof's cursor. Pure.

All three are facts in the log and rows folded from them, so that nobody who rewrites a row can
hide that it was asserted, or that a proof was red.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Raw, Struct, json
from msgspec.structs import replace

from tallystick.books.chart import PLATFORM
from tallystick.journal import Projection, Told
from tallystick.platform.ids import derived_id

CURSOR_ID: Final = derived_id(PLATFORM, "continuous proof")
PROVED: Final = "books.proved"

# Assertions --------------------------------------------------------------------------------------


class AssertionMade(Struct, frozen=True):
    """Data of `assertion.made`: from `low_minor` to `high_minor`, None without limit."""

    account_id: UUID
    currency: str
    basis: str  # recorded | effective
    stood_at: datetime
    low_minor: int | None
    high_minor: int | None


class AssertionWithdrawn(Struct, frozen=True):
    """Data of `assertion.withdrawn`: it was wrong, and is not checked any more."""


class AssertionRow(Struct, frozen=True):
    """One assertion; fields are the columns of `balance_assertions`, in their order."""

    id: UUID
    version: int
    account_id: UUID
    currency: str
    basis: str
    stood_at: datetime
    low_minor: int | None
    high_minor: int | None
    made_by: UUID | None
    made_at: datetime
    withdrawn_at: datetime | None = None


def fold_assertion(row: AssertionRow | None, fact: Told) -> AssertionRow:
    """The `balance_assertions` row after `fact`."""
    data = fact.data
    if isinstance(data, AssertionMade):
        return AssertionRow(
            fact.aggregate_id,
            fact.version,
            data.account_id,
            data.currency,
            data.basis,
            data.stood_at,
            data.low_minor,
            data.high_minor,
            fact.origin.actor,
            fact.at,
        )
    if row is None:
        raise TypeError(f"{fact.kind} does not follow")
    return replace(row, version=fact.version, withdrawn_at=fact.at)


# Runs --------------------------------------------------------------------------------------------


class RunRequested(Struct, frozen=True):
    """Data of `reconciliation.requested`; `since` and `account_id` limit what is proven."""

    occasion: str  # schedule | request
    since: datetime | None
    account_id: UUID | None


class RunStarted(Struct, frozen=True):
    """Data of `reconciliation.started`."""


class RunEnded(Struct, frozen=True):
    """Data of `reconciliation.ended`: what was examined, and what was found.

    `broken` holds the checks that found something, `by_account` the accounts whose cached
    balances differ from the calculated ones, the first hundred of them.
    """

    green: bool
    accounts: int
    transfers: int
    differences: int
    broken: Raw
    by_account: Raw
    not_proven: tuple[str, ...]


class RunFailed(Struct, frozen=True):
    """Data of `reconciliation.failed`: it could not be carried to its end."""

    failure: str


class RunRow(Struct, frozen=True):
    """One run; fields are the columns of `reconciliation_runs`, in their order."""

    id: UUID
    version: int
    occasion: str
    since: datetime | None
    account_id: UUID | None
    status: str  # queued | running | green | red | failed
    requested_by: UUID | None
    requested_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    accounts: int | None = None
    transfers: int | None = None
    differences: int | None = None
    broken: str | None = None
    by_account: str | None = None
    not_proven: str | None = None
    failure: str | None = None


def fold_run(row: RunRow | None, fact: Told) -> RunRow:
    """The `reconciliation_runs` row after `fact`."""
    match row, fact.data:
        case None, RunRequested() as data:
            return RunRow(
                fact.aggregate_id,
                fact.version,
                data.occasion,
                data.since,
                data.account_id,
                "queued",
                fact.origin.actor,
                fact.at,
            )
        case RunRow(), RunStarted():
            return replace(row, version=fact.version, status="running", started_at=fact.at)
        case RunRow(), RunEnded() as data:
            return _ended(row, fact, data)
        case RunRow(), RunFailed(failure=failure):
            return replace(
                row, version=fact.version, status="failed", ended_at=fact.at, failure=failure
            )
    raise TypeError(f"{fact.kind} does not follow")


def _ended(row: RunRow, fact: Told, data: RunEnded) -> RunRow:
    return replace(
        row,
        version=fact.version,
        status="green" if data.green else "red",
        ended_at=fact.at,
        accounts=data.accounts,
        transfers=data.transfers,
        differences=data.differences,
        broken=_text(data.broken),
        by_account=_text(data.by_account),
        not_proven=json.encode(data.not_proven).decode(),
    )


# The cursor of the continuous proof --------------------------------------------------------------


class BooksProved(Struct, frozen=True):
    """Data of `books.proved`: the places up to which the lanes are proven, and what is behind."""

    lanes: Raw
    differences: int
    findings: Raw


class CursorRow(Struct, frozen=True):
    """The cursor; fields are the columns of `proof_cursors`, in their order."""

    id: UUID
    version: int
    proved_at: datetime
    lanes: str
    differences: int
    findings: str


def fold_cursor(row: CursorRow | None, fact: Told) -> CursorRow:
    """The `proof_cursors` row after `fact`: each replaces the one before."""
    del row
    data: BooksProved = fact.data
    return CursorRow(
        fact.aggregate_id,
        fact.version,
        fact.at,
        _text(data.lanes),
        data.differences,
        _text(data.findings),
    )


def _text(raw: Raw) -> str:
    return bytes(raw).decode()


_RUN_KINDS: Final[Mapping[str, type[Struct]]] = {
    "reconciliation.requested": RunRequested,
    "reconciliation.started": RunStarted,
    "reconciliation.ended": RunEnded,
    "reconciliation.failed": RunFailed,
}

PROJECTIONS: Final = (
    Projection(
        "balance_assertions",
        AssertionRow,
        {"assertion.made": AssertionMade, "assertion.withdrawn": AssertionWithdrawn},
        fold_assertion,
    ),
    Projection("reconciliation_runs", RunRow, _RUN_KINDS, fold_run),
    Projection("proof_cursors", CursorRow, {PROVED: BooksProved}, fold_cursor),
)
