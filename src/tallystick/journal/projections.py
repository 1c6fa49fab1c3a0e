"""Projections in a batch: load the touched rows, fold the batch's facts, write each row once.

A row that a change brings along is not loaded. Should it be stale, then the facts' index or the
update, which looks at the version, tells; nothing is committed, and the batch is written anew with
all its rows loaded.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from msgspec import Struct, json, structs

from tallystick.journal.model import Change, Conflict, Fact, Projection, Told
from tallystick.ledger import Misjudged
from tallystick.platform.postgres.pools import Connection

_COLUMN_TYPES = """
SELECT asked.name, a.attname, format_type(a.atttypid, NULL)
  FROM unnest($1::text[]) AS asked(name)
  JOIN pg_attribute AS a ON a.attrelid = to_regclass(asked.name)
 WHERE a.attnum > 0 AND NOT a.attisdropped
"""


class ProjectionTable:
    """One projection and the SQL that its row struct and the catalogue spell out."""

    def __init__(self, projection: Projection, types: Mapping[str, str]) -> None:
        self.projection = projection
        self._types = types
        table, key = projection.table, projection.key
        columns = projection.row.__struct_fields__
        if missing := set(columns) - set(types):
            raise LookupError(f"table {table} lacks the columns {sorted(missing)}")
        listed = ", ".join(columns)
        arrays = ", ".join(f"${n}::{types[c]}[]" for n, c in enumerate(columns, 1))
        factless = (
            "NOT EXISTS"
            f" (SELECT FROM journal_facts AS f WHERE f.aggregate_id = t.{projection.aggregate})"
        )
        self.strangers_sql = f"SELECT {key} FROM {table} AS t WHERE {factless}"
        self.delete_strangers_sql = f"DELETE FROM {table} AS t WHERE {key} = ANY($1) AND {factless}"
        self._json_columns = [c for c in columns if types[c] in ("json", "jsonb")]
        self.load_sql = f"SELECT {listed} FROM {table} WHERE {key} = ANY($1)"
        self.standing_sql = (
            f"SELECT {key}, {projection.aggregate} FROM {table} WHERE {key} = ANY($1)"
        )
        self.taken_sql = projection.taken_sql or self.standing_sql
        self.insert_sql = f"INSERT INTO {table} ({listed}) SELECT * FROM unnest({arrays})"
        self.update_sql = (
            f"UPDATE {table} AS t SET {self._sets(columns)}"
            f" FROM unnest({arrays}) AS n({listed}) WHERE t.{key} = n.{key}"
        )

    def move_sql(self, columns: Sequence[str]) -> str:
        """What updates these columns, given the key, the version before, and they."""
        table, key = self.projection.table, self.projection.key
        named = (key, "version", *columns)
        arrays = ", ".join(f"${n}::{self._types[c]}[]" for n, c in enumerate(named, 1))
        return (
            f"UPDATE {table} AS t SET {self._sets(columns)}"
            f" FROM unnest({arrays}) AS n({', '.join((key, 'version_before', *columns))})"
            f" WHERE t.{key} = n.{key} AND t.version = n.version_before"
        )

    def _sets(self, columns: Sequence[str]) -> str:
        return ", ".join(f"{c} = n.{c}" for c in columns if c != self.projection.key)

    def equal(self, one: Struct, other: Struct) -> bool:
        """Whether two rows say the same; `jsonb` gives a text back in a spelling of its own."""
        return one == other or self._plain(one) == self._plain(other)

    def _plain(self, row: Struct) -> dict[str, Any]:
        values = structs.asdict(row)
        for column in self._json_columns:
            if values[column] is not None:
                values[column] = json.decode(values[column])
        return values

    @classmethod
    async def of_each(
        cls, connection: Connection, projections: Sequence[Projection]
    ) -> "list[ProjectionTable]":
        """One for each projection, with its column types from the catalogue.

        Raises LookupError when a table lacks a column.
        """
        rows = await connection.fetch(_COLUMN_TYPES, [one.table for one in projections])
        types: dict[str, dict[str, str]] = defaultdict(dict)
        for table, column, column_type in rows:
            types[table][column] = column_type
        return [cls(projection, types[projection.table]) for projection in projections]


class ProjectionBatch:
    """The projection rows one batch touches."""

    def __init__(
        self,
        connection: Connection,
        tables: Mapping[str, tuple[ProjectionTable, ...]],
        *,
        trusts: bool = False,
    ) -> None:
        self._connection = connection
        self._tables = tables  # by fact kind
        self._trusts = trusts  # the rows that changes bring along
        self.trusted = False  # any of them
        self._rows: dict[ProjectionTable, dict[Any, Struct]] = defaultdict(dict)
        self._taken: dict[ProjectionTable, dict[Any, UUID | None]] = defaultdict(dict)  # by whom
        self.versions: dict[UUID, int] = {}

    async def load(self, changes: Iterable[Change]) -> set[UUID]:
        """Load what later facts will fold into; the aggregates that no projection versions."""
        first: set[UUID] = set()
        later: dict[UUID, Fact] = {}
        claimed: dict[ProjectionTable, list[Any]] = defaultdict(list)
        brought: dict[UUID, Any] = {}
        for change in changes:
            if change.rows and self._trusts:
                brought |= {row.id: row for row in change.rows}
            for fact in change.facts:
                if fact.version == 1:
                    first.add(fact.aggregate_id)
                else:
                    later.setdefault(fact.aggregate_id, fact)
                for table in self._tables.get(fact.kind, ()):
                    if table.projection.unique:
                        claimed[table].append(table.projection.key_of(fact))
        for table, keys in claimed.items():
            taken = await self._connection.fetch(table.taken_sql, keys)
            self._taken[table] = {row[0]: row[1] for row in taken}
        return await self._load_rows({i: f for i, f in later.items() if i not in first}, brought)

    async def _load_rows(
        self, later: Mapping[UUID, Fact], brought: Mapping[UUID, Any]
    ) -> set[UUID]:
        wanted: dict[ProjectionTable, list[UUID]] = defaultdict(list)
        unversioned = set()
        for aggregate_id, fact in later.items():
            folded = [t for t in self._tables.get(fact.kind, ()) if not t.projection.insert_only]
            if not folded:
                unversioned.add(aggregate_id)
            row = brought.get(aggregate_id)
            for table in folded:
                if type(row) is table.projection.row:
                    self.trusted = True
                    self._take(table, row)
                else:
                    wanted[table].append(aggregate_id)
        for table, ids in wanted.items():
            for record in await self._connection.fetch(table.load_sql, ids):
                self._take(table, table.projection.row(*record))
        return unversioned

    def _take(self, table: ProjectionTable, row: Any) -> None:
        self._rows[table][getattr(row, table.projection.key)] = row
        self.versions[row.id] = row.version

    def require_free_keys(self, change: Change) -> None:
        """Raise Conflict when a unique key of this change stands in the table or in this batch."""
        for table, key in self._unique_keys(change):
            taken = self._taken[table]
            if key in taken:
                raise Conflict(f"{table.projection.table}: {key} is taken", holder=taken[key])

    def take_keys(self, change: Change) -> None:
        """Remember the unique keys of an accepted change."""
        for table, key in self._unique_keys(change):
            self._taken[table][key] = None  # not for certain yet

    def _unique_keys(self, change: Change) -> list[tuple[ProjectionTable, Any]]:
        if not self._taken:  # no change of this batch has any
            return []
        return [
            (table, table.projection.key_of(fact))
            for fact in change.facts
            for table in self._tables.get(fact.kind, ())
            if table.projection.unique
        ]

    async def write(self, facts: Sequence[Told]) -> None:
        """Fold the batch's facts in their order and write every touched row once, by key."""
        made: dict[ProjectionTable, dict[Any, Struct]] = defaultdict(dict)
        moved: dict[ProjectionTable, dict[Any, Struct]] = defaultdict(dict)
        before: dict[ProjectionTable, dict[Any, Struct]] = defaultdict(dict)
        for fact in facts:
            for table in self._tables.get(fact.kind, ()):
                projection = table.projection
                key = projection.key_of(fact)
                rows = self._rows[table]
                standing = rows.get(key)
                row = rows[key] = projection.fold(standing, fact)
                if standing is None or key in made[table]:
                    made[table][key] = row
                else:
                    before[table].setdefault(key, standing)
                    moved[table][key] = row
        # By name, so that two lanes take the tables in the same order.
        for table in sorted(made, key=_by_name):
            if made[table]:
                await self._connection.execute(table.insert_sql, *columns_of(made[table]))
        for table in sorted(moved, key=_by_name):
            await self._move(table, columns_of(before[table]), columns_of(moved[table]))

    async def _move(
        self, table: ProjectionTable, before: list[list[Any]], after: list[list[Any]]
    ) -> None:
        """Write the columns that have changed in any of these rows. Raises Misjudged."""
        fields = table.projection.row.__struct_fields__
        changed = [n for n, column in enumerate(after) if column != before[n]]
        status = await self._connection.execute(
            table.move_sql([fields[n] for n in changed]),
            after[fields.index(table.projection.key)],
            before[fields.index("version")],
            *(after[n] for n in changed),
        )
        if status != f"UPDATE {len(after[0])}":
            stale = f"a row of {table.projection.table} was stale"
            # Whoever holds the lane has loaded the others himself: nobody can have moved them.
            raise Misjudged(stale) if self.trusted else LookupError(stale)


def _by_name(table: ProjectionTable) -> str:
    return table.projection.table


def columns_of(rows: Mapping[Any, Struct]) -> list[list[Any]]:
    """The rows, by key, as one list a column: what `unnest` takes."""
    ordered = [rows[key] for key in sorted(rows)]
    return [list(column) for column in zip(*map(structs.astuple, ordered), strict=True)]
