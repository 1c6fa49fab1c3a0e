"""Reading the ledger: accounts, their lines, transfers. Never used to decide about money.

What stood at an earlier instant is `Ledger.history`.
"""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from tallystick.ledger import history_store, store
from tallystick.ledger.history import Entry, History
from tallystick.ledger.model import Account, TransferRow
from tallystick.ledger.snapshot import Snapshot
from tallystick.platform.ids import derived_id, numbered_id
from tallystick.platform.postgres.pools import Database

TRANSFERS_A_CHANGE_MAX = 10_000
VERSION_MAX = 2**63 - 1
_DERIVED_BITS = (1 << 62) - 1  # those in which the ids of one owner's things differ


class Chosen(Struct, frozen=True):
    """Which accounts a list shows; None is all of them."""

    currency: str | None = None
    state: str | None = None  # open | frozen | closed


ANY = Chosen()


class Promise(Struct, frozen=True):
    """A reservation as it stands, what it is for, and when it was made.

    `account_version` is the line of the account whose reservations were listed.
    """

    id: UUID
    debit: UUID
    credit: UUID
    amount_minor: int
    remaining_minor: int
    currency: str
    expires_at: datetime | None
    state: str  # open | settled | voided | expired
    code: str
    created_at: datetime
    account_version: int


@dataclass(frozen=True, slots=True)
class Ledger:
    """The ledger's reading room."""

    database: Database

    @property
    def history(self) -> History:
        """Everything about earlier instants."""
        return History(self.database)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Snapshot]:
        """The whole ledger at this moment, for exports. Raises Overloaded."""
        async with self.database.reading() as connection:
            yield Snapshot(connection)

    async def find_account(self, account_id: UUID) -> Account | None:
        row = await self.database.fetchrow(store.ACCOUNT_BY_ID, account_id)
        return Account(*row) if row else None

    async def find_account_by_code(self, code: str) -> Account | None:
        row = await self.database.fetchrow(store.ACCOUNT_BY_CODE, code)
        return Account(*row) if row else None

    async def find_accounts(self, account_ids: Collection[UUID]) -> dict[UUID, Account]:
        """Those of these accounts that there are, by their ids."""
        rows = await self.database.fetch(store.ACCOUNTS_BY_IDS, list(account_ids))
        return {row[0]: Account(*row) for row in rows}

    async def list_accounts(
        self, prefix: str = "", after_code: str = "", limit: int = 100, chosen: Chosen = ANY
    ) -> list[Account]:
        """Accounts whose code begins with `prefix`, in the order of their codes."""
        rows = await self.database.fetch(
            store.ACCOUNTS_BY_PREFIX, prefix, after_code, limit, chosen.currency, chosen.state
        )
        return [Account(*row) for row in rows]

    async def list_accounts_of(
        self,
        owner_id: UUID,
        after_id: UUID | None = None,
        limit: int = 100,
        chosen: Chosen = ANY,
        *,
        prefix: str = "",
    ) -> list[Account]:
        """The accounts whose ids follow from this owner and their codes, in the order of their ids.

        Such ids lie side by side, so the primary key finds them.
        """
        before, last = _range_of(owner_id)
        after = after_id or before
        found: list[Account] = []
        while len(found) < limit:
            wanted = limit - len(found)
            rows = await self.database.fetch(
                store.ACCOUNTS_BETWEEN, after, last, wanted, chosen.currency, chosen.state, prefix
            )
            accounts = [Account(*row) for row in rows]
            # Another owner of the same millisecond and bucket would share the range.
            found += [a for a in accounts if a.id == derived_id(owner_id, a.code)]
            if len(rows) < wanted:
                break
            after = accounts[-1].id
        return found

    async def list_entries(
        self, account_id: UUID, after_version: int = 0, limit: int = 100
    ) -> list[Entry]:
        """The account's lines in the order in which they happened."""
        rows = await self.database.fetch(store.ENTRIES, account_id, after_version, limit)
        return [Entry(*row) for row in rows]

    async def list_entries_back(
        self, account_id: UUID, before_version: int | None = None, limit: int = 100
    ) -> list[Entry]:
        """The account's lines, the newest first."""
        before = VERSION_MAX if before_version is None else before_version
        rows = await self.database.fetch(history_store.ENTRIES_BEFORE, account_id, before, limit)
        return [Entry(*row) for row in rows]

    async def entries_of_change(self, change_id: UUID) -> list[Entry]:
        """Both lines of every transfer one change made, in their order, debits first."""
        beyond = numbered_id(change_id, TRANSFERS_A_CHANGE_MAX)
        rows = await self.database.fetch(history_store.ENTRIES_OF_CHANGE, change_id, beyond)
        return [Entry(*row) for row in rows]

    async def find_transfer(self, transfer_id: UUID) -> TransferRow | None:
        found = await self.find_transfers((transfer_id,))
        return found[0] if found else None

    async def find_transfers(self, transfer_ids: Collection[UUID]) -> list[TransferRow]:
        """Those of these transfers that there are, in no order."""
        rows = await self.database.fetch(store.TRANSFERS_BY_IDS, list(transfer_ids))
        return [TransferRow(*row) for row in rows]

    async def transfers_of_change(self, change_id: UUID) -> list[TransferRow]:
        """All transfers one change made, in their order."""
        beyond = numbered_id(change_id, TRANSFERS_A_CHANGE_MAX)
        rows = await self.database.fetch(store.TRANSFERS_OF_CHANGE, change_id, beyond)
        return [TransferRow(*row) for row in rows]

    async def due_reservations(self, now: datetime, limit: int = 500) -> list[UUID]:
        """Open reservations whose time has run out."""
        rows = await self.database.fetch(store.DUE_RESERVATIONS, now, limit)
        return [row[0] for row in rows]

    async def find_reservation(self, reservation_id: UUID) -> Promise | None:
        row = await self.database.fetchrow(store.RESERVATION_BY_ID, reservation_id)
        return Promise(*row) if row else None

    async def list_reservations(
        self, account_id: UUID, after_version: int = 0, limit: int = 100
    ) -> list[Promise]:
        """The promises to and from the account, in the order in which they were made."""
        rows = await self.database.fetch(
            store.RESERVATIONS_OF_ACCOUNT, account_id, after_version, limit
        )
        return [Promise(*row) for row in rows]

    async def recorded_at(self, transfer: TransferRow) -> datetime:
        """The instant of the batch that recorded this transfer."""
        at: datetime = await self.database.fetchval(
            store.RECORDED_AT, transfer.lane, transfer.batch
        )
        return at


def _range_of(owner_id: UUID) -> tuple[UUID, UUID]:
    """What comes before the first id that can be derived from this owner, and the last such id."""
    first = owner_id.int & ~_DERIVED_BITS
    return UUID(int=first - 1), UUID(int=first | _DERIVED_BITS)
