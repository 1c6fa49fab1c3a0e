"""Reading the ledger: accounts, their lines, transfers. Never used to decide about money."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from tallystick.ledger import store
from tallystick.ledger.model import Account, TransferRow
from tallystick.platform.ids import numbered_id
from tallystick.platform.postgres.pools import Database

TRANSFERS_A_CHANGE_MAX = 10_000


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


@dataclass(frozen=True, slots=True)
class Ledger:
    """The ledger's reading room."""

    database: Database

    async def find_account(self, account_id: UUID) -> Account | None:
        row = await self.database.fetchrow(store.ACCOUNT_BY_ID, account_id)
        return Account(*row) if row else None

    async def find_account_by_code(self, code: str) -> Account | None:
        row = await self.database.fetchrow(store.ACCOUNT_BY_CODE, code)
        return Account(*row) if row else None

    async def list_accounts(
        self, prefix: str = "", after_code: str = "", limit: int = 100
    ) -> list[Account]:
        """Accounts whose code begins with `prefix`, in the order of their codes."""
        rows = await self.database.fetch(store.ACCOUNTS_BY_PREFIX, prefix, after_code, limit)
        return [Account(*row) for row in rows]

    async def list_entries(
        self, account_id: UUID, after_version: int = 0, limit: int = 100
    ) -> list[Entry]:
        """The account's lines in the order in which they happened."""
        rows = await self.database.fetch(store.ENTRIES, account_id, after_version, limit)
        return [Entry(*row) for row in rows]

    async def find_transfer(self, transfer_id: UUID) -> TransferRow | None:
        rows = await self.database.fetch(store.TRANSFERS_BY_IDS, [transfer_id])
        return TransferRow(*rows[0]) if rows else None

    async def transfers_of_change(self, change_id: UUID) -> list[TransferRow]:
        """All transfers one change made, in their order."""
        beyond = numbered_id(change_id, TRANSFERS_A_CHANGE_MAX)
        rows = await self.database.fetch(store.TRANSFERS_OF_CHANGE, change_id, beyond)
        return [TransferRow(*row) for row in rows]

    async def due_reservations(self, now: datetime, limit: int = 500) -> list[UUID]:
        """Open reservations whose time has run out."""
        rows = await self.database.fetch(store.DUE_RESERVATIONS, now, limit)
        return [row[0] for row in rows]
