"""Verifying the log: every head is recomputed from what the tables hold.

All rows are read back in streams, so memory does not grow with the log.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from msgspec import Struct

from tallystick.journal import store
from tallystick.journal.chain import GENESIS, PACKED, next_head, next_spelled_head
from tallystick.ledger import TransferRow
from tallystick.platform.postgres.pools import Connection

STREAM_ROWS = 2_000
STREAM_S = 3_600.0  # the first row of a sorted stream may take its time


class ChainBreak(Struct, frozen=True):
    """A batch whose rows, head or place in the chain are not what was recorded."""

    lane: int
    batch: int
    reason: str


class ChainReport(Struct, frozen=True):
    """What a walk along the chain found; no breaks means intact."""

    batches: int
    facts: int
    transfers: int
    heads: Mapping[int, str]  # lane -> the head it ends with, in hex
    breaks: tuple[ChainBreak, ...]


async def verify_chain(connection: Connection, *, breaks_max: int = 10) -> ChainReport:
    """Recompute every head of every lane, in the snapshot of the caller's transaction."""
    walk = _Walk(breaks_max)
    facts = _Grouped(_streamed(connection, store.ALL_FACTS), (5, 1))
    transfers = _Grouped(_streamed(connection, store.ALL_TRANSFERS), (2, 3))
    async for row in _streamed(connection, store.ALL_BATCHES):
        place = (row["lane"], row["batch"])
        walk.batch(
            row,
            [tuple(fact) for fact in await facts.upto(place)],
            [TransferRow(*transfer) for transfer in await transfers.upto(place)],
        )
    walk.strays("fact", await facts.rest())
    walk.strays("transfer", await transfers.rest())
    for lane in await connection.fetch(store.ALL_LANES):
        walk.ends(lane)
    return walk.report()


def _streamed(connection: Connection, sql: str) -> AsyncIterator[Any]:
    return connection.cursor(sql, prefetch=STREAM_ROWS, timeout=STREAM_S).__aiter__()


class _Walk:
    """The state of one walk: where each lane stands and what was found on the way."""

    def __init__(self, breaks_max: int) -> None:
        self._breaks_max = breaks_max
        self._breaks: list[ChainBreak] = []
        self._heads: dict[int, bytes] = {}
        self._batches: dict[int, int] = {}
        self._counts = [0, 0, 0]

    def batch(self, row: Any, facts: list[tuple[Any, ...]], transfers: list[TransferRow]) -> None:
        lane, number = row["lane"], row["batch"]
        for place, count in enumerate((1, len(facts), len(transfers))):
            self._counts[place] += count
        if number != self._batches.get(lane, 0) + 1:
            self._found(lane, number, "a batch before this one is missing")
        foreign = [f for f in facts if (f[5], f[1]) != (lane, number)]
        if foreign or (len(facts), len(transfers)) != (row["facts"], row["transfers"]):
            self._found(lane, number, "rows are missing or were added")
        previous = self._heads.get(lane, GENESIS)
        head_after = next_head if row["hashing"] == PACKED else next_spelled_head
        if head_after(previous, (lane, number, row["at"]), facts, transfers) != row["head"]:
            self._found(lane, number, "the rows are not those that were recorded")
        self._batches[lane] = number
        self._heads[lane] = row["head"]

    def strays(self, what: str, rows: list[Any]) -> None:
        if rows:
            self._found(rows[0]["lane"], rows[0]["batch"], f"a {what} belongs to no batch")

    def ends(self, lane: Any) -> None:
        number = lane["lane"]
        if lane["seq"] != self._batches.get(number, 0):
            self._found(number, lane["seq"], "the lane does not end with its last batch")
        elif lane["head"] != self._heads.get(number, GENESIS):
            self._found(number, lane["seq"], "the lane's head is not its last batch's")

    def report(self) -> ChainReport:
        batches, facts, transfers = self._counts
        heads = {lane: head.hex() for lane, head in self._heads.items()}
        return ChainReport(batches, facts, transfers, heads, tuple(self._breaks))

    def _found(self, lane: int, batch: int, reason: str) -> None:
        if len(self._breaks) < self._breaks_max:
            self._breaks.append(ChainBreak(lane, batch, reason))


class _Grouped:
    """A stream of rows ordered by (lane, batch), handed out batch by batch."""

    def __init__(self, rows: AsyncIterator[Any], place_columns: tuple[int, int]) -> None:
        self._rows = rows
        self._lane, self._batch = place_columns
        self._next: Any = None
        self._begun = False

    async def upto(self, place: tuple[int, int]) -> list[Any]:
        """The rows not handed out yet whose place is at or before `place`."""
        taken = []
        if not self._begun:
            self._begun = True
            self._next = await anext(self._rows, None)
        while self._next is not None and self._place(self._next) <= place:
            taken.append(self._next)
            self._next = await anext(self._rows, None)
        return taken

    async def rest(self) -> list[Any]:
        """One row after the last batch, if there is any."""
        return [] if self._next is None else [self._next]

    def _place(self, row: Any) -> tuple[int, int]:
        return row[self._lane], row[self._batch]
