"""The newest rows that fit, a page of them: what every list by cursor asks.

A condition without a value is left out, instead of being asked as `$1 IS NULL OR ...`: PostgreSQL
plans a prepared statement once for all values, and with such a clause by no index at all.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias
from uuid import UUID

Place: TypeAlias = tuple[datetime, UUID]
"""Where a page begins: behind the row of this instant and id."""

_MINE: Final = "SELECT DISTINCT l.* FROM unnest($1::uuid[]) AS mine(id) CROSS JOIN LATERAL"


class Latest:
    """Clauses for one list, and the values they ask for in their order.

    `order` names the columns that tell new from old. `fitting` holds conditions, each with `{}`
    where its value goes; `after` is the last row's values of the columns in `order`.
    """

    def __init__(
        self,
        order: Sequence[str],
        fitting: Mapping[str, Any],
        after: Sequence[Any] | None,
        limit: int,
    ) -> None:
        self._order = order
        self._fitting = {fits: value for fits, value in fitting.items() if value is not None}
        self._after = after
        self._limit = limit

    def of(self, select: str) -> tuple[str, list[Any]]:
        """`select` with the clauses behind it, and its values."""
        values: list[Any] = []
        return f"{select} {self._clauses(values)}", values

    def of_either(
        self, select: str, sides: Sequence[str], ids: Collection[UUID] | None
    ) -> tuple[str, list[Any]]:
        """The same, of those rows that name one of `ids` in one of the columns `sides`.

        A short walk for each id and side; a row that is met twice is shown once. None is all rows.
        """
        if ids is None:
            return self.of(select)
        values: list[Any] = [list(ids)]
        clauses = self._clauses(values, "{side} = mine.id")
        walks = " UNION ALL ".join(f"({select} {clauses.format(side=side)})" for side in sides)
        return f"{_MINE} ({walks}) l {self._newest(values, 'l.')}", values

    def _clauses(self, values: list[Any], *fixed: str) -> str:
        kept = [*fixed]
        for fits, value in self._fitting.items():
            kept.append(fits.format(_placed(values, value)))
        if self._after is not None:
            behind = ", ".join([_placed(values, value) for value in self._after])
            kept.append(f"({', '.join(self._order)}) < ({behind})")
        where = f"WHERE {' AND '.join(kept)} " if kept else ""
        return where + self._newest(values)

    def _newest(self, values: list[Any], alias: str = "") -> str:
        order = ", ".join(f"{alias}{column} DESC" for column in self._order)
        return f"ORDER BY {order} LIMIT {_placed(values, self._limit)}"


def _placed(values: list[Any], value: Any) -> str:
    values.append(value)
    return f"${len(values)}"
