"""SQL of wallet transfers and their schedules: one function, one statement.

Rows are written by the journal alone. Pages go back in time: a place is the creation and the id
of the last row that was shown.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct

from tallystick.books import Check
from tallystick.platform.postgres.pools import Database
from tallystick.wallets.transfers.folds import POST_CODE, WalletTransferRow
from tallystick.wallets.transfers.schedule_folds import ScheduleRow


class Wanted(Struct, frozen=True, kw_only=True):
    """Which rows a list shows: the latest of these, behind the row created and called `after`."""

    wallet_id: UUID | None = None
    transfer_id: str | None = None
    schedule_id: UUID | None = None
    status: str | None = None
    after: tuple[datetime, UUID] | None = None
    limit: int = 50


def _columns(row: type[Struct], alias: str) -> str:
    return ", ".join(f"{alias}.{field}" for field in row.__struct_fields__)


_TRANSFER: Final = _columns(WalletTransferRow, "t")
_SCHEDULE: Final = _columns(ScheduleRow, "s")
_LATEST: Final = "ORDER BY {0}.created_at DESC, {0}.id DESC LIMIT $6"
_SHOWN: Final = (
    "($2::text IS NULL OR {0}.status = $2)"
    " AND ($4::timestamptz IS NULL OR ({0}.created_at, {0}.id) < ($4, $5::uuid))"
)


# Transfers --------------------------------------------------------------------------------------


async def find_transfer(database: Database, row_id: UUID) -> WalletTransferRow | None:
    """One wallet transfer."""
    record = await database.fetchrow(
        f"SELECT {_TRANSFER} FROM wallet_transfers t WHERE t.id = $1", row_id
    )
    return WalletTransferRow(*record) if record else None


async def find_transfer_by_posting(
    database: Database, posting_id: UUID
) -> WalletTransferRow | None:
    """The wallet transfer whose money this change moved."""
    record = await database.fetchrow(
        f"SELECT {_TRANSFER} FROM wallet_transfers t WHERE t.posting_id = $1", posting_id
    )
    return WalletTransferRow(*record) if record else None


_TRANSFERS_SHOWN: Final = (
    _SHOWN.format("t") + " AND ($3::uuid IS NULL OR t.schedule_id = $3) " + _LATEST.format("t")
)
_EVERYBODYS_TRANSFERS: Final = (
    f"SELECT {_TRANSFER} FROM wallet_transfers t WHERE $1::uuid[] IS NULL AND {_TRANSFERS_SHOWN}"
)
# Two short walks a wallet, one a side; a transfer between two of them is met twice, shown once.
_TRANSFERS_OF: Final = (
    f"SELECT DISTINCT {_columns(WalletTransferRow, 'l')}"
    " FROM unnest($1::uuid[]) AS mine(id) CROSS JOIN LATERAL ("
    f"(SELECT t.* FROM wallet_transfers t WHERE t.from_wallet_id = mine.id AND {_TRANSFERS_SHOWN})"
    " UNION ALL "
    f"(SELECT t.* FROM wallet_transfers t WHERE t.to_wallet_id = mine.id AND {_TRANSFERS_SHOWN})"
    f") l {_LATEST.format('l')}"
)


async def list_transfers(
    database: Database, wanted: Wanted, wallet_ids: Collection[UUID] | None
) -> tuple[WalletTransferRow, ...]:
    """The latest transfers from or to these wallets (None: all of them)."""
    sql = _EVERYBODYS_TRANSFERS if wallet_ids is None else _TRANSFERS_OF
    records = await database.fetch(sql, *_arguments(wanted, wallet_ids))
    return tuple(WalletTransferRow(*record) for record in records)


def _arguments(wanted: Wanted, wallet_ids: Collection[UUID] | None) -> tuple[object, ...]:
    place = wanted.after or (None, None)
    return wallet_ids, wanted.status, wanted.schedule_id, *place, wanted.limit


# Schedules --------------------------------------------------------------------------------------


async def find_schedule(database: Database, schedule_id: UUID) -> ScheduleRow | None:
    """One schedule."""
    record = await database.fetchrow(
        f"SELECT {_SCHEDULE} FROM transfer_schedules s WHERE s.id = $1", schedule_id
    )
    return ScheduleRow(*record) if record else None


async def list_schedules(
    database: Database, wanted: Wanted, wallet_ids: Collection[UUID] | None
) -> tuple[ScheduleRow, ...]:
    """The latest schedules that pay from these wallets (None: from any)."""
    records = await database.fetch(
        f"SELECT {_SCHEDULE} FROM transfer_schedules s"
        " WHERE ($1::uuid[] IS NULL OR s.from_wallet_id = ANY($1))"
        f" AND ($3::uuid IS NULL OR s.id = $3) AND {_SHOWN.format('s')} {_LATEST.format('s')}",
        *_arguments(wanted, wallet_ids),
    )
    return tuple(ScheduleRow(*record) for record in records)


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
              WHERE l.code = '{POST_CODE}' AND l.kind = 'post' AND a.code LIKE 'wallet:%'
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
