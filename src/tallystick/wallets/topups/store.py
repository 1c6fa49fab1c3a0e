"""All SQL of top-ups: one function, one statement. The journal alone writes."""

from collections.abc import Collection
from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct

from tallystick.books import Check
from tallystick.platform.postgres.latest import Latest, Place
from tallystick.platform.postgres.pools import Database
from tallystick.wallets.topups.folds import CREDITED, TOP_UP, TopUpRow

_TOP_UPS: Final = f"SELECT {', '.join(TopUpRow.__struct_fields__)} FROM wallet_top_ups"


class TopUpsWanted(Struct, frozen=True, kw_only=True):
    """Which top-ups a list shows: the latest of these, behind `after`.

    `account_ids`: those that moved money to or from one of these accounts; None is all.
    """

    account_ids: Collection[UUID] | None = None
    wallet_id: UUID | None = None
    payment_id: UUID | None = None
    status: str | None = None
    after: Place | None = None
    limit: int = 50


async def find_top_up(database: Database, top_up_id: UUID) -> TopUpRow | None:
    """One top-up."""
    record = await database.fetchrow(f"{_TOP_UPS} WHERE id = $1", top_up_id)
    return TopUpRow(*record) if record else None


async def find_standing(database: Database, top_up_ids: Collection[UUID]) -> set[UUID]:
    """Those of these top-ups that are on record."""
    records = await database.fetch(f"{_TOP_UPS} WHERE id = ANY($1)", list(top_up_ids))
    return {record[0] for record in records}


async def list_top_ups(database: Database, wanted: TopUpsWanted) -> tuple[TopUpRow, ...]:
    """The latest top-ups; `wanted.limit` of them at most."""
    fitting = {
        "wallet_id = {}": wanted.wallet_id,
        "payment_id = {}": wanted.payment_id,
        "status = {}": wanted.status,
    }
    latest = Latest(("created_at", "id"), fitting, wanted.after, wanted.limit)
    sides = ("wallet_id", "from_account_id")
    sql, values = latest.of_either(_TOP_UPS, sides, wanted.account_ids)
    return tuple(TopUpRow(*record) for record in await database.fetch(sql, *values))


async def list_due(database: Database, now: datetime, limit: int) -> tuple[TopUpRow, ...]:
    """Top-ups that wait and are to be tried again, longest due first."""
    records = await database.fetch(
        f"{_TOP_UPS} WHERE due_at <= $1 ORDER BY due_at LIMIT $2", now, limit
    )
    return tuple(TopUpRow(*record) for record in records)


# What must hold -------------------------------------------------------------------------------

_POSTED: Final = f"""
SELECT u.id, u.status, u.amount_minor, p.posted
  FROM wallet_top_ups u
 CROSS JOIN LATERAL (
       SELECT coalesce(sum(t.amount), 0) AS posted FROM ledger_transfers t
        WHERE t.id = u.posting_id AND t.code = '{TOP_UP}' AND t.kind = 'post'
          AND t.credit = u.wallet_id AND t.debit = u.from_account_id) p
 WHERE p.posted <> CASE u.status WHEN 'credited' THEN u.amount_minor ELSE 0 END
"""
# Captures that the consumer has passed and that no top-up stands for, nor a letter.
# What fee, tax and reserve leave nothing of tops up nothing.
_BROUGHT: Final = """
       coalesce({0}.data->>'booked_to', 'payable') = 'payable'
   AND ({0}.data->>'amount_minor')::bigint
       > (SELECT sum(coalesce(({0}.data->>part)::bigint, 0))
            FROM unnest(ARRAY['fee_minor', 'tax_minor', 'reserve_minor']) part)"""
_CAPTURED: Final = f"""
SELECT f.aggregate_id AS payment_id, f.version
  FROM payments p
  JOIN journal_facts f ON f.aggregate_id = p.id AND f.kind = 'payment.captured'
  JOIN delivery_positions c
    ON c.reader = 'top_ups' AND c.lane = f.lane AND c.position >= f.position
 WHERE p.wallet_id IS NOT NULL AND {_BROUGHT.format("f")}
   AND (SELECT count(*) FROM journal_facts g WHERE g.aggregate_id = p.id
           AND g.kind = 'payment.captured' AND g.version <= f.version
           AND {_BROUGHT.format("g")})
       > (SELECT count(*) FROM wallet_top_ups u WHERE u.payment_id = p.id)
   AND NOT EXISTS (SELECT FROM dead_letters d
                    WHERE d.consumer = 'top_ups' AND d.aggregate_id = p.id
                      AND d.status <> 'delivered')
"""
# Told once, by the change that moved the money; no other top-up calls that change its own.
_ONCE: Final = f"""
SELECT f.aggregate_id, f.told, f.sharing, u.status, u.posting_id
  FROM (SELECT aggregate_id, data->>'posting_id' AS posting_id,
               count(*) OVER (PARTITION BY aggregate_id) AS told,
               count(*) OVER (PARTITION BY data->>'posting_id') AS sharing
          FROM journal_facts WHERE kind = '{CREDITED}') f
  LEFT JOIN wallet_top_ups u ON u.id = f.aggregate_id
 WHERE f.told <> 1 OR f.sharing <> 1 OR u.status IS DISTINCT FROM 'credited'
    OR u.posting_id IS DISTINCT FROM f.posting_id::uuid
"""

CHECKS: Final = (
    Check(
        "top_ups_posted",
        "every top-up that is credited moved exactly its amount, one that waits nothing",
        _POSTED,
        "wallet_top_ups",
    ),
    Check(
        "top_ups_once",
        "every top-up that was told to be credited was so once, by a change of its own",
        _ONCE,
        "wallet_top_ups",
    ),
    Check(
        "top_ups_captured",
        "every capture for a wallet that was read has its top-up",
        _CAPTURED,
        "wallet_top_ups",
    ),
)
