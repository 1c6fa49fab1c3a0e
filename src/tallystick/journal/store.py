"""SQL of the journal's own tables."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct, json, structs

from tallystick.journal.chain import PACKED
from tallystick.journal.model import CloseClaim, StandingClaim, Told
from tallystick.ledger import TRANSFER_FIELDS
from tallystick.platform.postgres.appending import AppendedTable
from tallystick.platform.postgres.pools import Connection

_encode = json.Encoder(order="deterministic").encode

FACT_TYPES = {
    "position": "bigint",
    "batch": "bigint",
    "at": "timestamptz",
    "aggregate_id": "uuid",
    "version": "integer",
    "lane": "smallint",
    "schema_version": "smallint",
    "kind": "text",
    "data": "json",
    "actor": "uuid",
    "request_id": "text",
    "cause": "uuid",
}
FACTS = AppendedTable("journal_facts", FACT_TYPES)
FACT_COLUMNS = tuple(FACT_TYPES)
SELECT_FACTS = f"SELECT {', '.join(FACT_COLUMNS)} FROM journal_facts"
FACTS_OF = f"{SELECT_FACTS} WHERE aggregate_id = $1 AND version <= $2 ORDER BY version"
FACTS_AFTER = f"{SELECT_FACTS} WHERE lane = $1 AND position > $2 ORDER BY position LIMIT $3"
FACTS_BETWEEN = f"""
{SELECT_FACTS} WHERE lane = $1 AND position > $2 AND position <= $3 AND kind = ANY($4)
 ORDER BY position
"""
FACTS_NAMED = f"""
{SELECT_FACTS} WHERE (aggregate_id, version) IN (
    SELECT * FROM unnest($1::uuid[], $2::integer[]))
"""

ALL_FACTS = f"{SELECT_FACTS} ORDER BY lane, position"
ALL_TRANSFERS = f"""
SELECT {TRANSFER_FIELDS} FROM ledger_transfers ORDER BY lane, batch, id
"""
ALL_BATCHES = """
SELECT lane, batch, at, facts, transfers, last_position, head, hashing FROM journal_batches
 ORDER BY lane, batch
"""
ALL_LANES = "SELECT lane, seq, position, head, last_at FROM journal_lanes ORDER BY lane"
FACTS_BY_AGGREGATE = f"{SELECT_FACTS} WHERE kind = ANY($1) ORDER BY aggregate_id, version"

FACTS_OF_MANY = f"""
{SELECT_FACTS} WHERE aggregate_id = ANY($1) AND kind = ANY($2) ORDER BY aggregate_id, version
"""

LOCK_ALL_LANES = "SELECT lane FROM journal_lanes ORDER BY lane FOR UPDATE"
LOCK_LANE = "SELECT seq, position, head, last_at FROM journal_lanes WHERE lane = $1 FOR UPDATE"
# One message for three statements, because the whole cell waits for the lane. Such a message takes
# no parameters; all that goes in are numbers, an instant and the hexadecimal digits of a hash.
SEAL_AND_COMMIT = """
INSERT INTO journal_batches (lane, batch, at, facts, transfers, last_position, head, hashing)
VALUES ({lane:d}, {batch:d}, '{at}', {facts:d}, {transfers:d}, {position:d}, '\\x{head}',
        {hashing:d});
UPDATE journal_lanes
   SET seq = {batch:d}, position = {position:d}, head = '\\x{head}', last_at = '{at}'
 WHERE lane = {lane:d};
COMMIT"""
HEAD_OF_BATCH = "SELECT head FROM journal_batches WHERE lane = $1 AND batch = $2"

CLAIM_TYPES = {
    "id": "uuid",
    "fingerprint": "bigint",
    "subject_id": "uuid",
    "subject_version": "integer",
    "state": "text",
    "outcome": "text",
}
CLAIM_TABLE = AppendedTable("journal_claims", CLAIM_TYPES)
CLAIM_COLUMNS = ", ".join(StandingClaim.__struct_fields__)
CLAIMS = f"SELECT {CLAIM_COLUMNS} FROM journal_claims WHERE id = ANY($1)"
CLOSE_CLAIMS = """
UPDATE journal_claims AS c
   SET subject_version = n.subject_version, state = n.state, outcome = n.outcome
  FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::text[])
    AS n(id, subject_version, state, outcome)
 WHERE c.id = n.id AND c.state = 'running'
"""
FORGET_CLAIMS = """
DELETE FROM journal_claims
 WHERE id >= $1 AND id < $2 AND subject_id < $3 AND state <> 'running'
"""

VERSIONS = """
SELECT aggregate_id, max(version) FROM journal_facts WHERE aggregate_id = ANY($1) GROUP BY 1
"""

SUBJECT_KEY = "SELECT wrapped FROM journal_subject_keys WHERE subject_id = $1"
SUBJECT_KEYS = "SELECT subject_id, wrapped FROM journal_subject_keys WHERE subject_id = ANY($1)"
INSERT_SUBJECT_KEYS = """
INSERT INTO journal_subject_keys (subject_id, wrapped, key_id, created_at)
SELECT subject_id, wrapped, $3, $4 FROM unnest($1::uuid[], $2::bytea[]) AS n(subject_id, wrapped)
    ON CONFLICT (subject_id) DO NOTHING
"""
DELETE_SUBJECT_KEYS = "DELETE FROM journal_subject_keys WHERE subject_id = ANY($1)"


class LaneRow(Struct, frozen=True):
    """A lane as its lock holder sees it."""

    seq: int
    position: int
    head: bytes
    last_at: datetime


class Seal(Struct, frozen=True):
    """A batch's own row: how much it holds, and the chain's head after it."""

    lane: int
    batch: int
    at: datetime
    facts: int
    transfers: int
    position: int  # of its last fact
    head: bytes
    hashing: int = PACKED


async def seal_and_commit(connection: Connection, seal: Seal) -> None:
    """Write the batch's row, move its lane and commit."""
    fields = structs.asdict(seal) | {"at": seal.at.isoformat(), "head": seal.head.hex()}
    await connection.execute(SEAL_AND_COMMIT.format(**fields))


async def commit(connection: Connection) -> None:
    await connection.execute("COMMIT")


async def lock_lane(connection: Connection, lane: int) -> LaneRow:
    row = await connection.fetchrow(LOCK_LANE, lane)
    if row is None:
        raise LookupError(f"this cell has no lane {lane}")
    return LaneRow(*row)


async def load_claims(
    connection: Connection, claim_ids: Collection[UUID]
) -> dict[UUID, StandingClaim]:
    rows = await connection.fetch(CLAIMS, list(claim_ids))
    return {row[0]: StandingClaim(*row) for row in rows}


async def insert_claims(connection: Connection, claims: Sequence[StandingClaim]) -> None:
    """Append new claims, in the order of their ids."""
    await CLAIM_TABLE.append(connection, [structs.astuple(claim) for claim in claims])


async def close_claims(connection: Connection, closes: Sequence[CloseClaim]) -> int:
    """Close running claims; how many of these there were."""
    status = await connection.execute(
        CLOSE_CLAIMS,
        [close.claim_id for close in closes],
        [close.subject_version for close in closes],
        [close.state for close in closes],
        [close.outcome for close in closes],
    )
    return int(status.removeprefix("UPDATE "))


def fact_record(fact: Told, batch: int) -> tuple[Any, ...]:
    """A fact as its row, in the order of `FACT_COLUMNS`."""
    return (
        fact.position,
        batch,
        fact.at,
        fact.aggregate_id,
        fact.version,
        fact.lane,
        fact.schema_version,
        fact.kind,
        _encode(fact.data).decode(),
        fact.origin.actor,
        fact.origin.request_id,
        fact.origin.cause,
    )


async def insert_facts(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    await FACTS.append(connection, rows)


async def load_versions(connection: Connection, aggregate_ids: Collection[UUID]) -> dict[UUID, int]:
    rows = await connection.fetch(VERSIONS, list(aggregate_ids))
    return {row[0]: row[1] for row in rows}
