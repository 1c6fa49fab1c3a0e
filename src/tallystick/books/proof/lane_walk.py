"""Walking along a lane, a slice at a time: what is read for a slice, and what is held against what.

A slice is small, so that its snapshot is short: a long one keeps hot rows' old versions alive and
slows everybody who writes.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, Final
from uuid import UUID

from msgspec import Struct, json

from tallystick.books.proof import slice_store as store
from tallystick.books.proof.slices import (
    BatchRow,
    Finding,
    Line,
    Place,
    Slice,
    account_ids,
    balance_findings,
    chain_findings,
    lines_before,
    lines_of,
    place_after,
    strangers,
)
from tallystick.ledger import TransferRow
from tallystick.platform.postgres.pools import Connection

SLICE_ROWS: Final = 10_000
WHOLE_SLICE_ROWS: Final = 50_000
"""Where the snapshot lasts anyway, fewer and larger slices cost less."""
SLICE_BATCHES: Final = 2_000
FEW_LINES: Final = 64
"""An account with at most so many lines has all its counters added up anew with every slice."""

# Rows of one moment may lie a little apart: several lanes write at once, and a table grows by many
# blocks at a time.
_SLACK_BLOCKS: Final = 256
_ROWS_A_BLOCK: Final = 20  # there are about forty
_BEYOND: Final = (2**32 - 2, 0)


class Walked(Struct, frozen=True):
    """A slice that was examined: the place behind it, what it held, and what is wrong with it."""

    place: Place
    facts: int
    transfers: int
    accounts: frozenset[UUID]
    findings: tuple[Finding, ...]
    is_only_ours: bool


async def walk_slice(
    connection: Connection, place: Place, *, rows: int = SLICE_ROWS
) -> Walked | None:
    """Examine what comes behind `place`, in the connection's snapshot; None when nothing does.

    Costs about a quarter of a second for 5,000 transfers, and a look through the whole table of
    transfers when rows are not where they are expected.
    """
    standing, batches = await _batches_behind(connection, place, rows)
    if standing is not None:
        return Walked(place, 0, 0, frozenset(), (standing,), is_only_ours=False)
    if not batches:
        return None
    facts = await connection.fetch(
        store.FACTS_BETWEEN, place.lane, place.position, batches[-1].last_position
    )
    transfers, block = await _transfers(connection, place, batches)
    slice_ = Slice(batches, [tuple(fact) for fact in facts], transfers)
    findings = [*chain_findings(place, slice_)]
    findings += await _money_findings(connection, transfers)
    return Walked(
        place_after(slice_, block),
        len(facts),
        len(transfers),
        frozenset(account_ids(transfers)),
        tuple(findings),
        slice_.is_only_ours,
    )


async def walk_lane(connection: Connection, place: Place) -> AsyncIterator[Walked]:
    """Slice by slice to the lane's end, all in the connection's snapshot."""
    while (walked := await walk_slice(connection, place, rows=WHOLE_SLICE_ROWS)) is not None:
        yield walked
        if walked.place.batch == place.batch:
            return  # what is wrong is the place itself
        place = walked.place


async def lane_ends(connection: Connection, ends: Sequence[Place]) -> list[Finding]:
    """Lanes that do not stand where the walk along them ended, in the same snapshot."""
    lanes = {row["lane"]: row for row in await connection.fetch(store.LANES)}
    return [
        {
            "lane": end.lane,
            "batch": end.batch,
            "reason": "the lane does not stand at its last batch",
        }
        for end in ends
        if not _stands_at(lanes.get(end.lane), end)
    ]


def _stands_at(lane: Any, end: Place) -> bool:
    if lane is None:
        return end.batch == 0
    stands = (lane["seq"], lane["position"], lane["head"].hex())
    return bool(stands == (end.batch, end.position, end.head))


# What a slice is read from -----------------------------------------------------------------------


async def _batches_behind(
    connection: Connection, place: Place, rows: int
) -> tuple[Finding | None, list[BatchRow]]:
    """What is wrong with the place itself, and the batches behind it, of about `rows` rows."""
    fetched = await connection.fetch(
        store.BATCHES_FROM, place.lane, max(place.batch, 1), SLICE_BATCHES
    )
    found = [BatchRow(*row) for row in fetched]
    if place.batch:
        first = found[0] if found else None
        if first is None or first.batch != place.batch or first.head.hex() != place.head:
            reason = "the batch up to which the lane was proven is not what it was"
            return {"lane": place.lane, "batch": place.batch, "reason": reason}, []
        found = found[1:]
    return None, list(_up_to(found, rows))


def _up_to(batches: Sequence[BatchRow], rows: int) -> Iterator[BatchRow]:
    taken = 0
    for batch in batches:
        taken += batch.facts + batch.transfers
        if taken > rows and batch is not batches[0]:
            return
        yield batch


async def _transfers(
    connection: Connection, place: Place, batches: Sequence[BatchRow]
) -> tuple[list[TransferRow], int | None]:
    """The transfers of these batches, and the last block of their table in which one was found."""
    wanted = sum(batch.transfers for batch in batches)
    if not wanted:
        return [], place.block
    block = place.block
    if block is None:
        first = await connection.fetchval(store.FIRST_ROW_BEHIND, place.lane, place.batch)
        block = first[0] if first else 0
    start = max(0, block - _SLACK_BLOCKS)
    near = (block + _SLACK_BLOCKS + wanted // _ROWS_A_BLOCK, 0)
    rows: list[Any] = []
    for begin, end in (((start, 0), near), ((start, 0), _BEYOND), ((0, 0), _BEYOND)):
        rows = await connection.fetch(
            store.TRANSFERS_WITHIN, place.lane, batches[0].batch, batches[-1].batch, begin, end
        )
        if len(rows) >= wanted:
            break
    last = max((row["ctid"][0] for row in rows), default=block)
    return [TransferRow(*tuple(row)[:-1]) for row in rows], last


# What a slice is held against --------------------------------------------------------------------


async def _money_findings(
    connection: Connection, transfers: Sequence[TransferRow]
) -> list[Finding]:
    accounts = account_ids(transfers)
    if not accounts:
        return []
    sides = {row[0]: row[1] for row in await connection.fetch(store.SIDES, accounts)}
    lines = lines_of(transfers, sides)
    findings: list[Finding] = [*strangers(transfers, sides)]
    findings += balance_findings(lines, await _balances_before(connection, lines))
    for sql, arguments in (
        (store.STANDINGS, [accounts]),
        (store.COUNTERS_OF_FEW, [accounts, FEW_LINES]),
    ):
        for row in await connection.fetch(sql, *arguments):
            findings.append({**_decoded(row), "reason": "it does not stand where its lines say"})
    return findings


def _decoded(row: Any) -> dict[str, Any]:
    found = dict(row)
    if "transfers_say" in found:
        found["transfers_say"] = json.decode(found["transfers_say"])
    return found


async def _balances_before(
    connection: Connection, lines: Sequence[Line]
) -> dict[tuple[UUID, int], list[int]]:
    wanted = lines_before(lines)
    found: dict[tuple[UUID, int], list[int]] = defaultdict(list)
    rows = await connection.fetch(
        store.LINES, [key[0] for key in wanted], [key[1] for key in wanted]
    )
    for account, version, balance in rows:
        found[account, version].append(balance)
    return found


def places_without_blocks(rows: Sequence[Any]) -> list[Place]:
    """Places from rows of (lane, batch, last position, head)."""
    return [Place(row[0], row[1], row[2], row[3].hex()) for row in rows]
