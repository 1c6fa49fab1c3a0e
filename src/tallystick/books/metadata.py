"""What callers keep beside an account: texts under names of their own, sealed, replaced whole.

They are facts of an aggregate beside the account, for the account's own facts are the judge's.
The key that seals them is the account's: destroying it erases them, and the books stay whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct

from tallystick.books import metadata_store as store
from tallystick.books.model import NOBODY
from tallystick.journal import (
    Asked,
    Change,
    Conflict,
    Fact,
    Journal,
    Origin,
    Projection,
    Repeated,
    Told,
)
from tallystick.platform.clock import Clock
from tallystick.platform.ids import bucket_of, derived_id, new_id
from tallystick.platform.postgres.pools import Database

_ROUNDS: Final = 5
_KIND: Final = "account.described"


class Described(Struct, frozen=True):
    """Data of `account.described`: all texts of the account, sealed under its key."""

    account_id: UUID
    sealed: str


class Metadata(Struct, frozen=True):
    """An account's texts as of its `version`-th description; 0 when there was none."""

    version: int
    texts: dict[str, str]
    replayed: bool = False


class MetadataRow(Struct, frozen=True):
    """One account's description; fields are the columns of `account_metadata`, in their order."""

    id: UUID
    version: int
    account_id: UUID
    sealed: str
    updated_at: datetime


def metadata_id(account_id: UUID) -> UUID:
    """The aggregate that holds the account's texts."""
    return derived_id(account_id, "metadata")


def fold_metadata(row: MetadataRow | None, fact: Told) -> MetadataRow:
    """The `account_metadata` row after `fact`."""
    del row  # each description replaces the one before
    data: Described = fact.data
    return MetadataRow(fact.aggregate_id, fact.version, data.account_id, data.sealed, fact.at)


PROJECTION: Final = Projection(
    table="account_metadata",
    row=MetadataRow,
    kinds={_KIND: Described},
    fold=fold_metadata,
    seals=lambda row: [(row.account_id, row.sealed)],
)


@dataclass(frozen=True, slots=True)
class AccountMetadata:
    """The verbs of accounts' metadata."""

    journal: Journal
    database: Database
    clock: Clock

    async def get(self, account_id: UUID) -> Metadata:
        """The texts as they stand; none for an account without, or whose key was destroyed."""
        row = await store.find_sealed(self.database, metadata_id(account_id))
        if row is None:
            return Metadata(0, {})
        return Metadata(row[0], await self._opened(account_id, row[1]))

    async def put(
        self,
        account_id: UUID,
        texts: Mapping[str, str],
        *,
        asked: Asked | None = None,
        origin: Origin = NOBODY,
    ) -> Metadata:
        """Replace all texts of an account that exists.

        Raises KeyReused, Conflict when too many do it at once, and what the journal says.
        """
        for _ in range(_ROUNDS):
            standing = await store.find_sealed(self.database, metadata_id(account_id))
            version = standing[0] + 1 if standing else 1
            fact = await described(self.journal, account_id, texts, version=version)
            claim = asked.claim(fact.aggregate_id, version=version) if asked else None
            change_id = new_id(self.clock.now(), bucket_of(account_id))
            try:
                await self.journal.record(
                    Change(change_id, facts=(fact,), claim=claim, origin=origin)
                )
            except Conflict:
                continue  # somebody described it meanwhile
            except Repeated as repeat:
                return await self._answered(account_id, repeat)
            return Metadata(version, dict(texts))
        raise Conflict("too many descriptions of this account at once")

    async def _answered(self, account_id: UUID, repeat: Repeated) -> Metadata:
        done = await self.journal.answer(repeat, patience_s=0)
        *_, told = await self.journal.facts_of(done.subject_id, done.subject_version)
        texts = await self._opened(account_id, told.data.sealed)
        return Metadata(done.subject_version, texts, replayed=True)

    async def _opened(self, account_id: UUID, sealed: str) -> dict[str, str]:
        return await self.journal.unseal(account_id, sealed) or {}


async def described(
    journal: Journal, account_id: UUID, texts: Mapping[str, str], *, version: int = 1
) -> Fact:
    """The fact that an account has these texts, sealed."""
    sealed = await journal.seal(account_id, dict(texts))
    return Fact(metadata_id(account_id), version, _KIND, Described(account_id, sealed))
