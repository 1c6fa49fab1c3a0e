"""All SQL of delivery: positions, leases and letters, which it writes itself, and the log's end."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct, structs

from tallystick.delivery.model import DeadLetter, LoggedFact, Retried
from tallystick.platform.postgres.pools import Connection, Database

_LETTERS: Final = f"SELECT {', '.join(DeadLetter.__struct_fields__)} FROM dead_letters"


class LaneEnd(Struct, frozen=True):
    """How far a lane reaches, and how far a reader of it has come."""

    lane: int
    end: int
    done: int

    @property
    def behind(self) -> int:
        """Facts that the reader has not done."""
        return self.end - self.done


# The log ----------------------------------------------------------------------------------------

_ENDS: Final = """
SELECT l.lane, l.position, coalesce(p.position, 0)
  FROM journal_lanes l
  LEFT JOIN delivery_positions p ON p.reader = $1 AND p.lane = l.lane
 WHERE l.position > coalesce(p.position, 0)
 ORDER BY l.lane
"""
_END_BEFORE: Final = """
SELECT coalesce(max(position), $2) FROM journal_facts
 WHERE lane = $1 AND position > $2 AND position <= $3 AND at <= $4
"""
_AT: Final = """
SELECT min(f.at) FROM unnest($1::smallint[], $2::bigint[]) AS n(lane, position)
  JOIN journal_facts f ON f.lane = n.lane AND f.position = n.position
"""
_RAW: Final = f"""
SELECT {", ".join(LoggedFact.__struct_fields__)}
  FROM journal_facts WHERE lane = $1 AND position > $2 AND position <= $3 ORDER BY position
"""
_HISTORY: Final = f"""
SELECT {", ".join(LoggedFact.__struct_fields__)}
  FROM journal_facts WHERE aggregate_id = $1 ORDER BY version
"""
_LANES: Final = "SELECT lane FROM journal_lanes WHERE position > 0 ORDER BY lane"
_WINDOW: Final = f"""
SELECT {", ".join(LoggedFact.__struct_fields__)}
  FROM journal_facts
 WHERE at >= $1 AND at < $2 AND ($3::text[] = '{{}}' OR kind = ANY($3))
   AND lane = $4 AND position > $5
 ORDER BY position LIMIT $6
"""


async def unread_lanes(database: Database, reader: str) -> tuple[LaneEnd, ...]:
    """The lanes on which there is something this reader has not done."""
    return tuple(LaneEnd(*row) for row in await database.fetch(_ENDS, reader))


async def end_before(database: Database, lane: int, after: int, up_to: int, at: datetime) -> int:
    """The last position in (after, up_to] that was recorded by `at`; `after` if there is none."""
    end: int = await database.fetchval(_END_BEFORE, lane, after, up_to, at)
    return end


async def oldest_unread_at(database: Database, unread: Sequence[LaneEnd]) -> datetime | None:
    """When the first fact was recorded that a reader has not done."""
    lanes, firsts = [end.lane for end in unread], [end.done + 1 for end in unread]
    at: datetime | None = await database.fetchval(_AT, lanes, firsts)
    return at


async def logged_facts(database: Database, lane: int, after: int, up_to: int) -> list[LoggedFact]:
    """Facts as the log holds them."""
    return [LoggedFact(*row) for row in await database.fetch(_RAW, lane, after, up_to)]


async def history(database: Database, aggregate_id: UUID) -> list[LoggedFact]:
    """The facts of one aggregate, in order."""
    return [LoggedFact(*row) for row in await database.fetch(_HISTORY, aggregate_id)]


async def all_lanes(database: Database) -> list[int]:
    """The lanes on which there is anything."""
    return [row[0] for row in await database.fetch(_LANES)]


async def window(
    database: Database,
    since: datetime,
    until: datetime,
    kinds: Sequence[str],
    page: tuple[int, int, int],
) -> list[LoggedFact]:
    """Facts of a time and of these kinds (none named: all); `page` is lane, position, limit."""
    rows = await database.fetch(_WINDOW, since, until, list(kinds), *page)
    return [LoggedFact(*row) for row in rows]


# Positions and leases ----------------------------------------------------------------------------

# A reader that had to begin anew may be behind itself: it never takes a position back.
_MOVE: Final = """
INSERT INTO delivery_positions AS p (reader, lane, position, moved_at)
SELECT $1, n.lane, n.position, now()
  FROM unnest($2::smallint[], $3::bigint[]) AS n(lane, position)
 WHERE EXISTS (SELECT FROM delivery_leases WHERE reader = $1 AND holder = $4 AND fence = $5)
 ORDER BY n.lane
    ON CONFLICT (reader, lane) DO UPDATE
   SET position = greatest(p.position, excluded.position), moved_at = excluded.moved_at
RETURNING lane
"""
_TAKE: Final = """
INSERT INTO delivery_leases AS l (reader, holder, fence, until)
VALUES ($1, $2, 1, clock_timestamp() + $3 * interval '1 second')
    ON CONFLICT (reader) DO UPDATE
   SET holder = excluded.holder, until = excluded.until,
       fence = l.fence + (l.holder <> excluded.holder)::integer
 WHERE l.holder = excluded.holder OR l.until < clock_timestamp()
RETURNING fence
"""
_GIVE_BACK: Final = """
UPDATE delivery_leases SET until = 'epoch' WHERE reader = $1 AND holder = $2
"""


async def take_lease(connection: Connection, reader: str, holder: UUID, ttl_s: float) -> int | None:
    """The fence under which `holder` reads from now on; None while somebody else does."""
    fence: int | None = await connection.fetchval(_TAKE, reader, holder, ttl_s)
    return fence


async def give_back_lease(connection: Connection, reader: str, holder: UUID) -> None:
    """Let the next one read at once."""
    await connection.execute(_GIVE_BACK, reader, holder)


async def move_positions(
    connection: Connection,
    reader: str,
    ends: Sequence[tuple[int, int]],
    lease: tuple[UUID, int],
) -> bool:
    """Note that all up to these positions is done; False when the lease is lost."""
    lanes, positions = [end[0] for end in ends], [end[1] for end in ends]
    return bool(await connection.fetch(_MOVE, reader, lanes, positions, *lease))


# Letters -----------------------------------------------------------------------------------------

_WRITE: Final = f"""
INSERT INTO dead_letters ({", ".join(DeadLetter.__struct_fields__)})
SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::integer[], $5::text[],
    $6::smallint[], $7::bigint[], $8::text[], $9::integer[], $10::text[], $11::text[],
    $12::timestamptz[], $13::timestamptz[], $14::timestamptz[])
    ON CONFLICT (consumer, aggregate_id, version) DO NOTHING
"""
_CHANGE: Final = """
UPDATE dead_letters
   SET status = $2, attempts = $3, code = $4, detail = $5, due_at = $6, ended_at = $7
 WHERE id = $1
"""
_BLOCKED: Final = """
SELECT DISTINCT aggregate_id FROM dead_letters
 WHERE consumer = $1 AND aggregate_id = ANY($2) AND status <> 'delivered'
"""
_DUE: Final = f"""
{_LETTERS} WHERE consumer = $1 AND status = 'retrying' AND due_at <= $2 ORDER BY due_at LIMIT $3
"""
_BEHIND: Final = f"""
{_LETTERS} WHERE consumer = $1 AND aggregate_id = $2 AND version > $3 AND status <> 'delivered'
 ORDER BY version
"""
_LIST: Final = f"""
{_LETTERS} WHERE ($1::text IS NULL OR consumer = $1) AND status = ANY($2)
 ORDER BY first_failed_at DESC, id DESC LIMIT $3
"""
_REDRIVE: Final = """
UPDATE dead_letters SET status = 'retrying', attempts = 0, due_at = $2
 WHERE id = ANY($1) AND status = 'dead' RETURNING id
"""
_COUNTS: Final = """
SELECT consumer, status, count(*) FROM dead_letters WHERE status <> 'delivered' GROUP BY 1, 2
"""


async def write_letters(connection: Connection, letters: Sequence[DeadLetter]) -> None:
    """Add letters; one that is there stays as it is."""
    columns = zip(*map(structs.astuple, letters), strict=True)
    await connection.execute(_WRITE, *map(list, columns))


async def change_letter(connection: Connection, change: Retried) -> None:
    """What another attempt made of a letter."""
    await connection.execute(_CHANGE, *structs.astuple(change))


async def redrive_letters(
    connection: Connection, letter_ids: Collection[UUID], now: datetime
) -> int:
    """Let these be tried anew, if they are dead; how many were."""
    return len(await connection.fetch(_REDRIVE, list(letter_ids), now))


async def blocked_aggregates(
    database: Database, consumer: str, aggregate_ids: Collection[UUID]
) -> frozenset[UUID]:
    """Those of these aggregates of which a letter is open."""
    rows = await database.fetch(_BLOCKED, consumer, list(aggregate_ids))
    return frozenset(row[0] for row in rows)


async def due_letters(
    database: Database, consumer: str, now: datetime, limit: int
) -> tuple[DeadLetter, ...]:
    """Letters to be tried again, longest due first."""
    rows = await database.fetch(_DUE, consumer, now, limit)
    return tuple(DeadLetter(*row) for row in rows)


async def letters_behind(database: Database, letter: DeadLetter) -> tuple[DeadLetter, ...]:
    """Open letters of later facts of the same aggregate, in order."""
    rows = await database.fetch(_BEHIND, letter.consumer, letter.aggregate_id, letter.version)
    return tuple(DeadLetter(*row) for row in rows)


async def list_letters(
    database: Database, consumer: str | None, statuses: Collection[str], limit: int
) -> tuple[DeadLetter, ...]:
    """Letters of these statuses, the newest first; of every consumer without a name."""
    rows = await database.fetch(_LIST, consumer, list(statuses), limit)
    return tuple(DeadLetter(*row) for row in rows)


async def find_letter(database: Database, letter_id: UUID) -> DeadLetter | None:
    """One letter."""
    row = await database.fetchrow(f"{_LETTERS} WHERE id = $1", letter_id)
    return DeadLetter(*row) if row else None


async def open_counts(database: Database) -> dict[tuple[str, str], int]:
    """How many letters are open, by consumer and status."""
    return {(row[0], row[1]): row[2] for row in await database.fetch(_COUNTS)}
