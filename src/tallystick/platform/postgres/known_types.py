"""What the arrays among PostgreSQL's own types are made of: asked once a process.

The driver knows those types, but asks about their arrays again on every connection that meets one,
and that query takes longer than most of ours.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import asyncpg
from asyncpg import Record

if TYPE_CHECKING:
    _Driver: TypeAlias = asyncpg.Connection[Record]
else:
    _Driver = asyncpg.Connection

# Assigned by hand, once for all, and so the same in every database ("OID Assignment" in
# PostgreSQL's documentation); above it an oid may mean another type on another server.
_ASSIGNED_OIDS: Final = 10_000
_known: Final[dict[int, list[Record]]] = {}


class _NothingAsked(NamedTuple):
    name: str = "nothing was asked"  # the driver prepares anew what an unnamed query displaced


class KnowingConnection(_Driver):
    """A connection to which one of its process may have told what an array is made of."""

    async def _introspect_types(
        self, typeoids: Iterable[int], timeout: float | None
    ) -> tuple[list[Record], Any]:
        rows: list[Record] = []
        asked: Any = _NothingAsked()
        for oid in typeoids:
            found = _known.get(oid)
            if found is None:
                found, asked = await super()._introspect_types([oid], timeout)  # type: ignore[misc]
                if oid < _ASSIGNED_OIDS:
                    _known[oid] = found
            rows += found
        return rows, asked
