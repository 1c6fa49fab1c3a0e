"""The months of the recorded payments: made ahead, and dropped when their time is over."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from msgspec import Struct

from tallystick.intake.partitions import ensure_partitions, month_after
from tallystick.intake.retention import store
from tallystick.intake.retention.facts import MONTH_DROPPED, MonthDropped, retention_id
from tallystick.intake.retention.store import Partition
from tallystick.journal import Change, Fact, Journal
from tallystick.platform.clock import Clock
from tallystick.platform.ids import new_id, random_bucket
from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.pools import Connection, Database, connect

LOCK_MS: Final = 2_000
# What comes in for such a month while its partition is being dropped goes with it.
GRACE: Final = timedelta(minutes=1)

Fence = Callable[[Connection], Awaitable[None]]


class NotTheOwner(Exception):
    """Partitions belong to the tables' owner: set DB_OWNER_URL for whoever runs this job."""


class MaintenanceRules(Struct, frozen=True):
    """How many months are kept behind this one, and made ahead of it."""

    retention_months: int = 12
    future_months: int = 3


class MaintenanceReport(Struct, frozen=True):
    """What was done, or with `dry_run` would be. `partitions` are those that stand afterwards."""

    made: tuple[str, ...]
    dropped: tuple[Partition, ...]
    partitions: tuple[Partition, ...]
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Maintenance:
    """Makes and drops partitions."""

    journal: Journal
    database: Database
    clock: Clock
    owner: Address | None
    rules: MaintenanceRules

    async def list_partitions(self) -> list[Partition]:
        """The months that are held, the oldest first. Raises Overloaded."""
        return await store.list_partitions(self.database)

    async def run(self, fence: Fence | None = None, *, dry_run: bool = False) -> MaintenanceReport:
        """Make what is missing, drop what is over. Raises NotTheOwner and the driver's errors."""
        now = self.clock.now()
        before = await self.list_partitions()
        first, last = (
            month_after(now, -self.rules.retention_months),
            month_after(now, self.rules.future_months),
        )
        over = [partition for partition in before if partition.month < first]
        if dry_run:
            missing = _missing(before, first, last)
            kept = tuple(partition for partition in before if partition not in over)
            return MaintenanceReport(missing, tuple(over), kept, dry_run=True)
        if self.owner is None:
            raise NotTheOwner("partitions are made by the tables' owner: set DB_OWNER_URL")
        await ensure_partitions(self.owner, now, rules=(first, last))
        dropped = [await self._drop(self.owner, partition, fence) for partition in over]
        after = await self.list_partitions()
        held = {partition.name for partition in before}
        made = tuple(partition.name for partition in after if partition.name not in held)
        return MaintenanceReport(made, tuple(dropped), tuple(after))

    async def _drop(self, owner: Address, partition: Partition, fence: Fence | None) -> Partition:
        """First the fact, then the deed: what is cut short in between is simply done again."""
        counted = Partition(
            partition.name,
            partition.month,
            await store.count_month(self.database, partition.month),
            partition.bytes,
        )
        await self._tell(counted)
        connection = await connect(owner, server_settings={"search_path": f'"{owner.schema}"'})
        try:
            async with connection.transaction():
                await connection.execute(f"SET LOCAL lock_timeout = {LOCK_MS}")
                await store.drop_month(connection, partition.month)
                if fence:
                    await fence(connection)
        finally:
            await connection.close()
        return counted

    async def _tell(self, partition: Partition) -> None:
        now = self.clock.now()
        aggregate_id = retention_id(partition.name)
        version = await store.find_version(self.database, aggregate_id)
        dropped = MonthDropped(
            partition.name, partition.month, now + GRACE, partition.payments, partition.bytes
        )
        fact = Fact(aggregate_id, version + 1, MONTH_DROPPED, dropped)
        await self.journal.record(Change(new_id(now, random_bucket()), facts=(fact,)))


def _missing(held: list[Partition], first: date, last: date) -> tuple[str, ...]:
    months = {partition.month for partition in held}
    found, month = [], first
    while month <= last:
        if month not in months:
            found.append(f"recorded_payments_{month:%Y_%m}")
        month = month_after(datetime(month.year, month.month, 1), 1)  # noqa: DTZ001 - a date
    return tuple(found)
