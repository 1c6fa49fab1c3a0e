"""Projections against their facts: verifying them, and rebuilding them while the cell goes on.

A rebuild first finds, in a snapshot, the rows that differ from what their facts make, and the rows
that no fact stands for. It mends them in small chunks, each under the lanes' locks and folded anew
from all facts, so no writer waits long. A changed fold, an empty table and a damaged row are one
and the same case.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from msgspec import Struct

from tallystick.journal import store
from tallystick.journal.log import Log
from tallystick.journal.model import Projection, SealedText
from tallystick.journal.projections import ProjectionTable, columns_of
from tallystick.journal.sealing import Seals
from tallystick.platform.postgres.pools import Connection

CHUNK_ROWS = 500
STREAM_ROWS = 2_000
STREAM_S = 3_600.0  # the first row of a sorted stream may take its time


class Comparison(Struct, frozen=True):
    """How a projection's table compares with its facts."""

    table: str
    rows: int  # that the facts make
    differing: tuple[UUID, ...]  # aggregates whose row is missing or not as folded
    strangers: tuple[Any, ...]  # keys of rows that no fact stands for
    let_go: int = 0  # rows that the facts make and the table keeps no longer: not compared
    tampered: tuple[UUID, ...] = ()  # aggregates, or what is kept beside them: text was changed

    @property
    def equal(self) -> bool:
        return not self.differing and not self.strangers

    @property
    def sound(self) -> bool:
        """Whether it is equal, and every sealed text whose key is there opens."""
        return self.equal and not self.tampered


async def compare_projection(
    connection: Connection, log: Log, table: ProjectionTable, seals: Seals | None = None
) -> Comparison:
    """Fold every aggregate from its facts and hold it against its row, in the caller's snapshot.

    With `seals`, what is sealed in the rows is tried as well.
    """
    projection = table.projection
    is_kept = await _kept_by(connection, projection)
    rows = let_go = 0
    differing: list[UUID] = []
    tampered: list[UUID] = []
    async for made in _folded_rows(connection, log, projection):
        folded = {aggregate: row for aggregate, row in made.items() if is_kept(row)}
        rows += len(folded)
        let_go += len(made) - len(folded)
        if seals:
            tampered += await _tampered_in(connection, projection, folded, seals)
        keys = {getattr(row, projection.key): aggregate for aggregate, row in folded.items()}
        for record in await connection.fetch(table.load_sql, list(keys)):
            aggregate = keys[record[projection.key]]
            if table.equal(folded[aggregate], projection.row(*record)):
                del folded[aggregate]
        differing += folded
    strangers = tuple(row[0] for row in await connection.fetch(table.strangers_sql))
    return Comparison(projection.table, rows, tuple(differing), strangers, let_go, tuple(tampered))


async def _tampered_in(
    connection: Connection, projection: Projection, rows: Mapping[UUID, Any], seals: Seals
) -> list[UUID]:
    """The aggregates of these rows, and what is kept beside them, with a text that was changed."""
    tampered: list[UUID] = []
    if projection.seals:
        tampered += await seals.find_tampered(connection, _sealed_in(rows, projection.seals))
    if projection.sealed_beside:
        async for text in projection.sealed_beside(connection, rows.values()):  # large: one by one
            tampered += await seals.find_tampered(connection, [text])
    return tampered


def _sealed_in(
    rows: Mapping[UUID, Any], seals: Callable[[Any], Iterable[tuple[UUID, str | None]]]
) -> Iterator[SealedText]:
    for aggregate_id, row in rows.items():
        for subject_id, text in seals(row):
            if text:
                yield SealedText(aggregate_id, subject_id, text)


async def _kept_by(connection: Connection, projection: Projection) -> Callable[[Any], bool]:
    if projection.retention is None:
        return lambda _row: True
    return projection.retention.kept_by(await connection.fetch(projection.retention.cuts_sql))


async def rebuild_projection(owner: Connection, log: Log, projection: Projection) -> Comparison:
    """Make the table equal to its facts; answers with what differed before.

    `owner` is a connection with the owner's rights, since rows may have to be deleted.
    """
    async with owner.transaction(isolation="repeatable_read", readonly=True):
        (table,) = await ProjectionTable.of_each(owner, [projection])
        found = await compare_projection(owner, log, table)
    for keys in _chunks(found.strangers):
        async with owner.transaction():
            await owner.execute(store.LOCK_ALL_LANES)
            await owner.execute(table.delete_strangers_sql, list(keys))
    for aggregates in _chunks(found.differing):
        async with owner.transaction():
            await owner.execute(store.LOCK_ALL_LANES)
            await _mend(owner, log, table, aggregates)
    return found


async def _mend(
    owner: Connection, log: Log, table: ProjectionTable, aggregates: Sequence[UUID]
) -> None:
    projection = table.projection
    records = await owner.fetch(store.FACTS_OF_MANY, list(aggregates), list(projection.kinds))
    rows: dict[UUID, Any] = {}
    for record in records:
        fact = log.told(record)
        rows[fact.aggregate_id] = projection.fold(rows.get(fact.aggregate_id), fact)
    by_key = {getattr(row, projection.key): row for row in rows.values()}
    standing = {row[0] for row in await owner.fetch(table.standing_sql, list(by_key))}
    made = {key: row for key, row in by_key.items() if key not in standing}
    moved = {key: row for key, row in by_key.items() if key in standing}
    if made:
        await owner.execute(table.insert_sql, *columns_of(made))
    if moved:
        await owner.execute(table.update_sql, *columns_of(moved))


async def _folded_rows(
    connection: Connection, log: Log, projection: Projection
) -> AsyncIterator[dict[UUID, Any]]:
    """The rows the facts make, by aggregate, some thousand at a time."""
    chunk: dict[UUID, Any] = {}
    async for record in connection.cursor(
        store.FACTS_BY_AGGREGATE, list(projection.kinds), prefetch=STREAM_ROWS, timeout=STREAM_S
    ):
        fact = log.told(record)
        if fact.aggregate_id not in chunk and len(chunk) >= STREAM_ROWS:
            yield chunk
            chunk = {}
        chunk[fact.aggregate_id] = projection.fold(chunk.get(fact.aggregate_id), fact)
    if chunk:
        yield chunk


def _chunks(items: Sequence[Any]) -> list[Sequence[Any]]:
    return [items[start : start + CHUNK_ROWS] for start in range(0, len(items), CHUNK_ROWS)]
