"""All SQL of delivery: positions, leases and letters, which it writes itself, and the log's end."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct, structs

from tallystick.delivery.model import DeadLetter, LoggedFact, Retried, Wanted
from tallystick.delivery.topics import UNTOLD
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
_LANE_END: Final = "SELECT position FROM journal_lanes WHERE lane = $1"
_LANES: Final = "SELECT lane FROM journal_lanes WHERE position > 0 ORDER BY lane"
# Whose an object is, its first fact says; cases are the operators', whoever's payment they are of.
_WANTED: Final = """
   AND ($1::text[] = '{}' OR kind = ANY($1)) AND split_part(kind, '.', 1) <> ALL($2)
   AND ($3::uuid IS NULL OR EXISTS (
       SELECT FROM journal_facts o
        WHERE o.aggregate_id = f.aggregate_id AND o.version = 1 AND o.kind <> 'case.opened'
          AND (o.aggregate_id = $3 OR $3::text IN (o.data->>'merchant_id', o.data->>'owner_id',
               o.data->>'requester_id', o.data->>'buyer_id'))))
"""
_PART: Final = f"""
SELECT {", ".join(LoggedFact.__struct_fields__)} FROM journal_facts f
 WHERE lane = $4 AND position > $5 AND position <= $6 {_WANTED} ORDER BY position LIMIT $7
"""
_LIFE: Final = f"""
SELECT {", ".join(LoggedFact.__struct_fields__)} FROM journal_facts f
 WHERE aggregate_id = $4 AND version > $5 AND version <= $6
   AND ($7::timestamptz IS NULL OR at >= $7) AND ($8::timestamptz IS NULL OR at < $8) {_WANTED}
 ORDER BY version LIMIT $9
"""
# Along a lane time never runs backwards, so halving finds an instant without an index.
_END_AT: Final = """
WITH RECURSIVE halves (low, high) AS (
    SELECT 0::bigint, position FROM journal_lanes WHERE lane = $1
    UNION ALL
    SELECT CASE WHEN is_before THEN middle ELSE low END,
           CASE WHEN is_before THEN high ELSE middle - 1 END
      FROM (SELECT low, high, middle, (SELECT at < $2 FROM journal_facts
                                        WHERE lane = $1 AND position >= middle
                                        ORDER BY position LIMIT 1) AS is_before
              FROM (SELECT low, high, (low + high + 1) / 2 AS middle FROM halves
                     WHERE low < high) halved) looked
)
SELECT coalesce(min(high), 0) FROM halves
"""
# From one aggregate straight to the next, however many facts each has.
_KIN: Final = f"""
WITH RECURSIVE kin (id) AS (
    (SELECT aggregate_id FROM journal_facts WHERE aggregate_id BETWEEN $4 AND $5
      ORDER BY aggregate_id LIMIT 1)
    UNION ALL
    SELECT (SELECT aggregate_id FROM journal_facts WHERE aggregate_id > kin.id
               AND aggregate_id <= $5 ORDER BY aggregate_id LIMIT 1)
      FROM kin WHERE kin.id IS NOT NULL
)
SELECT kin.id, (SELECT max(version) FROM journal_facts WHERE aggregate_id = kin.id)
  FROM kin JOIN journal_facts f ON f.aggregate_id = kin.id AND f.version = 1 {_WANTED}
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


async def list_part(
    database: Database, wanted: Wanted, part: tuple[int, int, int], limit: int
) -> list[LoggedFact]:
    """The wanted facts of `part`: a lane, the position behind which, and up to which."""
    rows = await database.fetch(_PART, *_terms(wanted), *part, limit)
    return [LoggedFact(*row) for row in rows]


async def list_life(
    database: Database, wanted: Wanted, part: tuple[UUID, int, int], limit: int
) -> list[LoggedFact]:
    """The wanted facts of `part`: an aggregate, the version behind which, and up to which."""
    rows = await database.fetch(_LIFE, *_terms(wanted), *part, wanted.since, wanted.until, limit)
    return [LoggedFact(*row) for row in rows]


async def end_at(database: Database, lane: int, at: datetime) -> int:
    """The last position of a lane that was recorded before `at`; 0 if there is none."""
    end: int = await database.fetchval(_END_AT, lane, at)
    return end


async def lane_end(database: Database, lane: int) -> int:
    """The last position of a lane; 0 if there is no such lane."""
    return await database.fetchval(_LANE_END, lane) or 0


async def list_kin(
    database: Database, wanted: Wanted, ids: tuple[UUID, UUID]
) -> list[tuple[UUID, int]]:
    """The aggregates from one id to another whose first fact is wanted, and how many facts each
    has.
    """
    rows = await database.fetch(_KIN, *_terms(wanted), *ids)
    return [(row[0], row[1]) for row in rows]


def _terms(wanted: Wanted) -> tuple[list[str], list[str], UUID | None]:
    return list(wanted.kinds), list(UNTOLD), wanted.merchant_id


async def all_lanes(database: Database) -> list[int]:
    """The lanes on which there is anything."""
    return [row[0] for row in await database.fetch(_LANES)]


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
