"""Reading the log: the facts of an aggregate, the facts after a cursor, a row as it once stood."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from asyncpg import Record
from msgspec import Struct, json

from tallystick.journal import store
from tallystick.journal.model import Origin, Projection, Told
from tallystick.ledger import Close, Freeze, Limit, Open
from tallystick.platform.postgres.pools import Database

VERSION_MAX = 2**31 - 1
ACCOUNT_KINDS: dict[str, type[Struct]] = {
    "account.opened": Open,
    "account.frozen": Freeze,
    "account.limited": Limit,
    "account.closed": Close,
}


class Log:
    """Decodes facts into the structs that the rooms registered for their kinds."""

    def __init__(self, database: Database, projections: Sequence[Projection]) -> None:
        self._database = database
        self.projections = tuple(projections)
        kinds = dict(ACCOUNT_KINDS)
        for projection in projections:
            kinds.update(projection.kinds)
        self._decoders = {kind: json.Decoder(struct) for kind, struct in kinds.items()}

    async def facts_of(
        self, aggregate_id: UUID, up_to_version: int | None = None
    ) -> tuple[Told, ...]:
        rows = await self._database.fetch(
            store.FACTS_OF, aggregate_id, VERSION_MAX if up_to_version is None else up_to_version
        )
        return tuple(map(self.told, rows))

    async def facts_after(self, lane: int, position: int, limit: int) -> list[Told]:
        rows = await self._database.fetch(store.FACTS_AFTER, lane, position, limit)
        return [self.told(row) for row in rows]

    async def facts_between(
        self, lane: int, after: int, up_to: int, kinds: Collection[str]
    ) -> list[Told]:
        rows = await self._database.fetch(store.FACTS_BETWEEN, lane, after, up_to, list(kinds))
        return [self.told(row) for row in rows]

    async def facts_named(self, names: Collection[tuple[UUID, int]]) -> list[Told]:
        ids, versions = [name[0] for name in names], [name[1] for name in names]
        rows = await self._database.fetch(store.FACTS_NAMED, ids, versions)
        return [self.told(row) for row in rows]

    async def row_as_of(self, projection: Projection, aggregate_id: UUID, version: int) -> Any:
        row = None
        for fact in await self.facts_of(aggregate_id, version):
            if fact.kind in projection.kinds:
                row = projection.fold(row, fact)
        if row is None:
            raise LookupError(f"{projection.table} {aggregate_id} has no facts")
        return row

    def told(self, row: Record) -> Told:
        """The fact behind a row of `journal_facts`; an unregistered kind keeps its plain JSON."""
        decoder = self._decoders.get(row["kind"])
        data = decoder.decode(row["data"]) if decoder else json.decode(row["data"])
        return Told(
            row["lane"],
            row["position"],
            row["aggregate_id"],
            row["version"],
            row["kind"],
            row["schema_version"],
            data,
            Origin(row["actor"], row["request_id"], row["cause"]),
            row["at"],
        )
