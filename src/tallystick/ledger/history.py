"""Looking back: an account as it stood at an instant, the lines of a period, all accounts' totals.

Time has two meanings here. *Recorded*: when a line was written; that order never changes. *Value
date*: when a line counts, which is its `effective_at` if it was back-dated. A back-dated line
changes past balances by value date, and no past balance by recording.

All questions are anchored at versions of the account, so that what is recorded meanwhile does not
come between two statements.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from msgspec import Struct

from tallystick.ledger import history_store as store
from tallystick.ledger.model import Account, Side
from tallystick.platform.postgres.pools import Database

PENDING_LINES_MAX: Final = 200_000
"""Promises of the past are added up over at most so many lines; farther away they are not told."""

PROBE_LINES: Final = 60
"""Looking one line up by its number costs as much as reading so many in a row."""

_JUST_BEFORE: Final = timedelta(microseconds=1)  # the database's own grain


class Entry(Struct, frozen=True):
    """One line of an account, as an accountant reads it; debits are negative."""

    transfer_id: UUID
    transaction_id: UUID
    account_id: UUID
    amount_minor: int
    currency: str
    entry_type: str  # DEBIT | CREDIT
    kind: str
    code: str
    balance_after_minor: int
    account_version: int
    effective_at: datetime | None
    created_at: datetime


class BalanceAt(Struct, frozen=True):
    """An account's balance at an instant, on its normal side.

    What was promised is None where it is not told: by value date promises have no date, and by
    recording they are too many lines away.
    """

    version: int  # the account's last line by then
    posted_minor: int
    pending_in_minor: int | None
    pending_out_minor: int | None

    @property
    def available_minor(self) -> int | None:
        """Posted less what was promised to leave."""
        if self.pending_out_minor is None:
            return None
        return self.posted_minor - self.pending_out_minor


class Period(Struct, frozen=True):
    """What one statement is about: [`since`, `until`), by recording or by value date."""

    account: Account
    since: datetime
    until: datetime
    by_value: bool
    first_version: int  # the last line before the period
    last_version: int  # the last line of it, both by recording
    newest_version: int
    opening_minor: int
    closing_minor: int


class Totals(Struct, frozen=True):
    """What moved within a period: how many lines, and both sides."""

    lines: int
    debits_minor: int
    credits_minor: int


class Sum(Struct, frozen=True):
    """What the accounts of one pattern, currency and side add up to; empty ones are not counted.

    An account stands in debit or in credit by its balance, whatever its normal side.
    """

    currency: str
    pattern: int | None  # index of the pattern; None: no pattern fits
    normal_side: str
    accounts: int
    debit_minor: int
    credit_minor: int


@dataclass(frozen=True, slots=True)
class History:
    """The ledger's reading room for the past."""

    database: Database

    # Balances -----------------------------------------------------------------------------------

    async def balance_at(self, account: Account, at: datetime) -> BalanceAt:
        """As recorded up to `at`, that instant included.

        A few dozen index probes for what had moved; for what was promised, the lines between then
        and now, or between then and the first one, whichever are fewer.
        """
        version, balance = await self._line_at(account, at)
        pending = await self._pending_at(account, version)
        if pending is None:
            return BalanceAt(version, balance, None, None)
        debits, credits_ = pending
        into, out = (debits, credits_) if account.normal_side == Side.DEBIT else (credits_, debits)
        return BalanceAt(version, balance, into, out)

    async def balance_by_value(
        self, account: Account, effective_at: datetime, known_at: datetime | None = None
    ) -> BalanceAt:
        """By value date up to `effective_at`, as far as it was known at `known_at` (None: now).

        Costs a look at each of the account's back-dated lines.
        """
        known = account.version
        if known_at is not None:
            known, _ = await self._line_at(account, known_at)
        version, balance = await self._line_at(account, effective_at, newest=known)
        shifted = await self.database.fetchval(
            store.SHIFTED, account.id, effective_at, version, known
        )
        return BalanceAt(version, balance + _sign(account) * int(shifted), None, None)

    async def _line_at(
        self, account: Account, at: datetime, *, newest: int | None = None
    ) -> tuple[int, int]:
        newest = account.version if newest is None else newest
        row = await self.database.fetchrow(store.LINE_AT, account.id, newest, at)
        if row is None:
            raise LookupError("a function always answers")
        return row["version"], row["balance"]

    async def _pending_at(self, account: Account, version: int) -> tuple[int, int] | None:
        """Both counters after line `version`; None when they are too far away to be told."""
        later = account.version - version
        if min(later, version) > PENDING_LINES_MAX:
            return None
        if version < later:
            return await self._promised(account, 0, version)
        debits, credits_ = await self._promised(account, version, account.version)
        return account.debits_pending - debits, account.credits_pending - credits_

    async def _promised(self, account: Account, after: int, up_to: int) -> tuple[int, int]:
        if after == up_to:
            return 0, 0
        row = await self.database.fetchrow(store.PENDING_WITHIN, account.id, after, up_to)
        return (int(row["debits"]), int(row["credits"])) if row else (0, 0)

    # Statements ---------------------------------------------------------------------------------

    async def period(
        self, account: Account, since: datetime, until: datetime, *, by_value: bool = False
    ) -> Period:
        """The account's period [`since`, `until`) with its opening and its closing balance."""
        before, within = since - _JUST_BEFORE, until - _JUST_BEFORE
        first, opening = await self._line_at(account, before)
        last, closing = await self._line_at(account, within)
        if by_value:
            opening = (await self.balance_by_value(account, before)).posted_minor
            closing = (await self.balance_by_value(account, within)).posted_minor
        return Period(
            account=account,
            since=since,
            until=until,
            by_value=by_value,
            first_version=first,
            last_version=last,
            newest_version=account.version,
            opening_minor=opening,
            closing_minor=closing,
        )

    async def totals(self, period: Period) -> Totals:
        """What moved within the period; costs its lines."""
        row = (
            await self.database.fetchrow(store.VALUE_TOTALS, *_by_value(period))
            if period.by_value
            else await self.database.fetchrow(
                store.PERIOD_TOTALS, period.account.id, period.first_version, period.last_version
            )
        )
        return Totals(*map(int, row)) if row else Totals(0, 0, 0)

    async def list_lines(
        self, period: Period, after: tuple[datetime, int] | None = None, limit: int = 100
    ) -> list[Entry]:
        """The period's lines that moved money, in its order, behind (instant, version).

        By value date each line's balance is the one in that order, and every page costs the lines
        of the whole period; by recording a page costs itself.
        """
        if not period.by_value:
            first = max(period.first_version, after[1] if after else 0)
            rows = await self.database.fetch(
                store.PERIOD_LINES, period.account.id, first, period.last_version, limit
            )
        else:
            place = after or (period.since - _JUST_BEFORE, 0)
            sign = _sign(period.account)
            rows = await self.database.fetch(
                store.VALUE_LINES, *_by_value(period), period.opening_minor, sign, *place, limit
            )
        return [Entry(*row) for row in rows]

    # Everything ---------------------------------------------------------------------------------

    async def sums(
        self,
        patterns: Sequence[str],
        *,
        at: datetime | None = None,
        effective_at: datetime | None = None,
        currency: str | None = None,
    ) -> list[Sum]:
        """All accounts added up by currency and by the SQL pattern that fits their code.

        As recorded up to `at` (None: now); with `effective_at` by value date up to it. The
        patterns must not overlap. Costs a look at every account; for an instant of the past also
        a halving for each account that moved since, or one walk through all transfers, whichever
        is less; by value date also a look at every back-dated transfer.
        """
        cut = min((instant for instant in (at, effective_at) if instant), default=None)
        walk = cut is not None and await self._is_walk_cheaper(cut)
        rows = await self.database.fetch(
            store.TOTALS, at, effective_at, list(patterns), currency, walk
        )
        return [Sum(*row[:3], *map(int, row[3:])) for row in map(tuple, rows)]

    async def _is_walk_cheaper(self, cut: datetime) -> bool:
        row = await self.database.fetchrow(store.TOTALS_COST, cut)
        return row is not None and row["probes"] * PROBE_LINES > row["lines"]


def _by_value(period: Period) -> tuple[UUID, datetime, datetime, int, int, int]:
    return (
        period.account.id,
        period.since,
        period.until,
        period.first_version,
        period.last_version,
        period.newest_version,
    )


def _sign(account: Account) -> int:
    """Entries are negative for debits; a balance is told on the account's normal side."""
    return -1 if account.normal_side == Side.DEBIT else 1
