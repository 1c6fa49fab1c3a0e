"""The whole ledger as it stands at one moment, read through while it goes on moving."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct

from tallystick.ledger import history_store as store
from tallystick.platform.postgres.pools import Connection

_ROWS_AT_ONCE: Final = 1_000


class Written(Struct, frozen=True):
    """One transfer with both its accounts' codes, balances and versions after it."""

    id: UUID
    change_id: UUID
    amount_minor: int
    currency: str
    code: str
    kind: str
    effective_at: datetime | None
    created_at: datetime
    debit: UUID
    debit_code: str
    debit_balance_minor: int
    debit_version: int
    credit: UUID
    credit_code: str
    credit_balance_minor: int
    credit_version: int


class Standing(Struct, frozen=True):
    """One account and its balance, debits positive whatever its normal side."""

    id: UUID
    code: str
    currency: str
    normal_side: str
    closed_at: datetime | None
    net_minor: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything as of one moment; `Ledger.snapshot` opens one."""

    connection: Connection

    async def written(
        self, since: datetime | None = None, until: datetime | None = None
    ) -> AsyncIterator[Written]:
        """The transfers recorded in [`since`, `until`), in the order of their ids.

        One walk through all transfers, whatever the period; a thousand rows in memory at a time.
        """
        rows = self.connection.cursor(store.WRITTEN, since, until, prefetch=_ROWS_AT_ONCE)
        async for row in rows:
            yield Written(*row)

    async def standing(self, until: datetime | None = None) -> AsyncIterator[Standing]:
        """Every account by code, with its balance as recorded before `until` (None: now)."""
        rows = self.connection.cursor(store.STANDING, until, prefetch=_ROWS_AT_ONCE)
        async for row in rows:
            yield Standing(*row)

    async def first_at(self) -> datetime | None:
        """The earliest instant at which anything counts; None when nothing ever moved."""
        first: datetime | None = await self.connection.fetchval(store.FIRST_AT)
        return first
