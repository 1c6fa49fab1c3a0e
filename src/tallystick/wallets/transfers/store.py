"""SQL of wallet transfers and their schedules: one function, one statement.

Rows are written by the journal alone.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct

from tallystick.books import Check
from tallystick.platform.postgres.latest import Latest, Place
from tallystick.platform.postgres.pools import Database
from tallystick.wallets.transfers.folds import POST_CODE, WalletTransferRow
from tallystick.wallets.transfers.schedule_folds import ScheduleRow


class Wanted(Struct, frozen=True, kw_only=True):
    """Which rows a list shows: the latest of these, behind the row created and called `after`."""

    wallet_id: UUID | None = None
    transfer_id: str | None = None
    schedule_id: UUID | None = None
    status: str | None = None
    after: Place | None = None
    limit: int = 50


def _columns(row: type[Struct]) -> str:
    return ", ".join(row.__struct_fields__)


_TRANSFER: Final = f"SELECT {_columns(WalletTransferRow)} FROM wallet_transfers"
_SCHEDULE: Final = f"SELECT {_columns(ScheduleRow)} FROM transfer_schedules"
_ORDER: Final = ("created_at", "id")


# Transfers --------------------------------------------------------------------------------------


async def find_transfer(database: Database, row_id: UUID) -> WalletTransferRow | None:
    """One wallet transfer."""
    record = await database.fetchrow(f"{_TRANSFER} WHERE id = $1", row_id)
    return WalletTransferRow(*record) if record else None


async def find_transfer_by_posting(
    database: Database, posting_id: UUID
) -> WalletTransferRow | None:
    """The wallet transfer whose money this change moved."""
    record = await database.fetchrow(f"{_TRANSFER} WHERE posting_id = $1", posting_id)
    return WalletTransferRow(*record) if record else None


async def list_transfers(
    database: Database, wanted: Wanted, wallet_ids: Collection[UUID] | None
) -> tuple[WalletTransferRow, ...]:
    """The latest transfers from or to these wallets (None: all of them)."""
    fitting = {"status = {}": wanted.status, "schedule_id = {}": wanted.schedule_id}
    latest = Latest(_ORDER, fitting, wanted.after, wanted.limit)
    sql, values = latest.of_either(_TRANSFER, ("from_wallet_id", "to_wallet_id"), wallet_ids)
    return tuple(WalletTransferRow(*record) for record in await database.fetch(sql, *values))


# Schedules --------------------------------------------------------------------------------------


async def find_schedule(database: Database, schedule_id: UUID) -> ScheduleRow | None:
    """One schedule."""
    record = await database.fetchrow(f"{_SCHEDULE} WHERE id = $1", schedule_id)
    return ScheduleRow(*record) if record else None


async def list_schedules(
    database: Database, wanted: Wanted, wallet_ids: Collection[UUID] | None
) -> tuple[ScheduleRow, ...]:
    """The latest schedules that pay from these wallets (None: from any)."""
    latest = Latest(_ORDER, {"status = {}": wanted.status}, wanted.after, wanted.limit)
    sql, values = latest.of_either(_SCHEDULE, ("from_wallet_id",), wallet_ids)
    return tuple(ScheduleRow(*record) for record in await database.fetch(sql, *values))


async def list_due(database: Database, now: datetime, limit: int) -> tuple[UUID, ...]:
    """Ids of the schedules that are to run, longest due first."""
    records = await database.fetch(
        "SELECT id FROM transfer_schedules WHERE due_at <= $1 ORDER BY due_at, id LIMIT $2",
        now,
        limit,
    )
    return tuple(record[0] for record in records)


# What must hold ---------------------------------------------------------------------------------

# A change's transfers have ids one after another, the first of them the change's own.
_POSTED: Final = """
SELECT w.id, w.status, w.amount_minor, w.credited_minor, p.paid, p.arrived
  FROM wallet_transfers w
 CROSS JOIN LATERAL (
       SELECT coalesce(sum(t.amount) FILTER (
                  WHERE t.debit = w.from_wallet_id AND t.currency = w.currency), 0) AS paid,
              coalesce(sum(t.amount) FILTER (
                  WHERE t.credit = w.to_wallet_id AND t.currency = w.credited_currency), 0)
              AS arrived
         FROM (SELECT * FROM ledger_transfers WHERE id >= w.posting_id ORDER BY id LIMIT 8) t
        WHERE coalesce(t.part_of, t.id) = w.posting_id AND t.kind = 'post') p
 WHERE p.paid <> CASE w.status WHEN 'completed' THEN w.amount_minor ELSE 0 END
    OR p.arrived <> w.credited_minor
"""
_POSTED_IN_ALL: Final = f"""
SELECT coalesce(w.currency, t.currency) AS currency, w.transfers, t.posted
  FROM (SELECT currency, count(*) AS transfers FROM wallet_transfers
         WHERE status = 'completed' AND quote_id IS NULL GROUP BY 1) w
  FULL JOIN (SELECT l.currency, count(*) AS posted FROM ledger_transfers l
               JOIN ledger_accounts a ON a.id = l.debit
              WHERE l.code = '{POST_CODE}' AND l.kind = 'post' AND a.code ~ '^wallet:(usr|mer)_'
              GROUP BY 1) t
    ON t.currency = w.currency
 WHERE coalesce(w.transfers, 0) <> coalesce(t.posted, 0)
"""
_RUNS: Final = """
SELECT s.id, s.runs, s.failures, t.runs AS made, t.failures AS failed
  FROM transfer_schedules s
 CROSS JOIN LATERAL (
       SELECT count(*) AS runs, count(*) FILTER (WHERE w.status = 'failed') AS failures
         FROM wallet_transfers w WHERE w.schedule_id = s.id) t
 WHERE s.runs <> t.runs OR s.failures <> t.failures
"""

CHECKS: Final = (
    Check(
        "wallet_transfers_posted",
        "every completed wallet transfer moved exactly its amount, every failed one nothing",
        _POSTED,
        "wallet_transfers",
    ),
    Check(
        "wallet_transfers_in_all",
        "no money moved between wallets in the name of a transfer that is not on record",
        _POSTED_IN_ALL,
        "wallet_transfers",
    ),
    Check(
        "schedule_runs",
        "every schedule counts exactly the transfers that were made for it",
        _RUNS,
        "transfer_schedules",
    ),
)
