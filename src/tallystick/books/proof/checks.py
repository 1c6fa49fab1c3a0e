"""What a check is: a promise, and the way to find whoever breaks it."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from tallystick.platform.postgres.pools import Connection

FINDINGS_SHOWN = 10


class Check(Struct, frozen=True):
    """A named promise over one room's tables. `sql` returns the offending rows; none is green.

    A `$1` in the statement is the present instant. `table` says whose rows are examined, for the
    count beside the verdict; `shown` is how many offenders are told.
    """

    name: str
    promise: str
    sql: str
    table: str | None = None
    shown: int = FINDINGS_SHOWN


class Found(Struct, frozen=True):
    """What a check that is not one statement found; no findings is green."""

    checked: int
    findings: tuple[Mapping[str, Any], ...] = ()


class CheckFunction(Struct, frozen=True):
    """A named promise that takes more than one statement: a walk along the chain, a rebuild."""

    name: str
    promise: str
    find: Callable[[Connection], Awaitable[Found]]
    shown: int = FINDINGS_SHOWN


class CheckResult(Struct, frozen=True):
    """One promise as it was found: kept, or broken by the rows shown (some of them).

    A check that could not be run to its end is red: what was not examined is not proven.
    """

    name: str
    promise: str
    green: bool
    checked: int | None  # rows examined; None where nothing was counted
    broken: int
    findings: tuple[Mapping[str, Any], ...]
    duration_ms: int


class LaneHead(Struct, frozen=True):
    """How far one lane is proven: its last batch, last position and head (hex SHA-256)."""

    lane: int
    batch: int
    position: int
    head: str
    at: datetime


class Proof(Struct, frozen=True):
    """What `prove` found in one snapshot. It covers everything up to `lanes`, and nothing after.

    With limits (`since`, `account_id`) it covers less, and `not_proven` says what it left out.
    """

    at: datetime
    green: bool
    checks: tuple[CheckResult, ...]
    lanes: tuple[LaneHead, ...]
    duration_ms: int
    since: datetime | None = None
    account_id: UUID | None = None
    not_proven: tuple[str, ...] = ()
    accounts: int = 0  # how many were examined
    transfers: int = 0
