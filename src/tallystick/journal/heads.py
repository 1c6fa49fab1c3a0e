"""Published heads: where each lane stood at some instant, written outside the database.

Whoever rewrites the log and recomputes its chain cannot also rewrite what was published before.
The file has one JSON object a line, and is only ever appended to.
"""

import asyncio
import os
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from msgspec import Struct, json

from tallystick.journal import store
from tallystick.journal.verify import ChainBreak
from tallystick.platform.postgres.pools import Connection, Database

HEADS_OF_BATCHES: Final = """
SELECT lane, batch, encode(head, 'hex') FROM journal_batches
  JOIN unnest($1::integer[], $2::bigint[]) AS asked(lane, batch) USING (lane, batch)
"""
_CHUNK: Final = 5_000
_TAIL_BYTES: Final = 65_536


class PublishedHead(Struct, frozen=True):
    """One line: the lane's last batch and position then, and its head in hex."""

    lane: int
    batch: int
    position: int
    head: str
    at: datetime  # of the batch


async def publish_heads(database: Database, path: Path) -> int:
    """Append the heads of the lanes that moved since they were last published; how many."""
    rows = await database.fetch(store.ALL_LANES)
    heads = [
        PublishedHead(row["lane"], row["seq"], row["position"], row["head"].hex(), row["last_at"])
        for row in rows
        if row["seq"]
    ]
    return await asyncio.to_thread(_append, path, heads)


async def verify_heads(connection: Connection, path: Path) -> tuple[int, tuple[ChainBreak, ...]]:
    """How many published heads there are, and those that the log of this snapshot belies."""
    published = await asyncio.to_thread(_read, path)
    breaks: list[ChainBreak] = []
    for start in range(0, len(published), _CHUNK):
        chunk = published[start : start + _CHUNK]
        lanes, batches = [line.lane for line in chunk], [line.batch for line in chunk]
        rows = await connection.fetch(HEADS_OF_BATCHES, lanes, batches)
        standing = {(row[0], row[1]): row[2] for row in rows}
        breaks += _belied(chunk, standing)
    return len(published), tuple(breaks)


def _belied(
    published: Iterable[PublishedHead], standing: dict[tuple[int, int], str]
) -> Iterable[ChainBreak]:
    for line in published:
        head = standing.get((line.lane, line.batch))
        if head != line.head:
            what = "is not the one in the log" if head else "is of a batch that the log lacks"
            yield ChainBreak(line.lane, line.batch, f"the head published for {line.at} {what}")


def _append(path: Path, heads: Sequence[PublishedHead]) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _TAIL_BYTES))
        tail = file.read()
        whole = tail[: tail.rfind(b"\n") + 1]
        file.truncate(size - (len(tail) - len(whole)))  # a crash may have cut the last line short
        first = whole if size <= _TAIL_BYTES else whole.partition(b"\n")[2]
        last = {line.lane: line.batch for line in _lines(first)}
        moved = [head for head in heads if head.batch != last.get(head.lane)]
        file.write(b"".join(json.encode(head) + b"\n" for head in moved))
        file.flush()
        os.fsync(file.fileno())
    return len(moved)


def _read(path: Path) -> list[PublishedHead]:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    return _lines(content[: content.rfind(b"\n") + 1])


def _lines(content: bytes) -> list[PublishedHead]:
    return [json.decode(line, type=PublishedHead) for line in content.splitlines()]
