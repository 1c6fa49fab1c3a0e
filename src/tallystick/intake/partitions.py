"""The months for which recorded payments are held: one partition each."""

import asyncio
from datetime import date, datetime
from time import monotonic
from typing import Final

from tallystick.intake import store
from tallystick.intake.model import FieldError, InvalidPayment
from tallystick.platform.postgres.pools import Address, Database, connect

PAST_MONTHS: Final = 12
FUTURE_MONTHS: Final = 3
BELIEVED_S: Final = 60.0
# A date in no month we know may be in one made since; asking on every such report would let a
# sender of bad dates keep the database busy.
ASKED_AGAIN_S: Final = 1.0


class HeldMonths:
    """Says whether a payment of some date can be recorded; remembers what the catalogue says."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._months: frozenset[date] = frozenset()
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    async def require(self, payment_date: datetime) -> None:
        """Raises InvalidPayment when no month is held for this UTC instant, and Overloaded."""
        month = payment_date.date().replace(day=1)
        if self._doubts(month):
            async with self._reading:
                if self._doubts(month):  # still, after whoever read before us
                    self._months = await store.held_months(self._database)
                    self._read_at = monotonic()
        if month not in self._months:
            raise InvalidPayment((FieldError("payment_date", self._beyond(month)),))

    def forget(self) -> None:
        """Ask the database at the next date: a partition was found missing."""
        self._read_at = float("-inf")

    def _doubts(self, month: date) -> bool:
        believed_s = BELIEVED_S if month in self._months else ASKED_AGAIN_S
        return monotonic() - self._read_at > believed_s

    def _beyond(self, month: date) -> str:
        if not self._months:
            return "cannot be recorded: no month is held"
        first, last = min(self._months), max(self._months)
        return f"is in {month:%Y-%m}, which is not held: {first:%Y-%m} to {last:%Y-%m} are"


async def ensure_partitions(
    owner: Address, now: datetime, *, rules: tuple[date, date] | None = None
) -> None:
    """Make the partitions of the past 12 months and the next 3, seen from `now`, where missing.

    `owner` is the login that owns the tables: the servers' own may not make any. `rules` are
    another first and last month.
    """
    connection = await connect(owner, server_settings={"search_path": f'"{owner.schema}"'})
    try:
        first, last = rules or (month_after(now, -PAST_MONTHS), month_after(now, FUTURE_MONTHS))
        await store.make_partitions(connection, first, last)
    finally:
        await connection.close()


def month_after(now: datetime, months: int) -> date:
    """The first day of the month so many months after that of `now`."""
    year, month = divmod(now.year * 12 + now.month - 1 + months, 12)
    return date(year, month + 1, 1)
