"""All SQL of payouts: one function, one statement. Rows are written by the journal alone."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from tallystick.books import Check
from tallystick.platform.postgres.latest import Latest
from tallystick.platform.postgres.pools import Database
from tallystick.wallets.payouts.decisions import PAYOUT, RETURN
from tallystick.wallets.payouts.folds import PayoutRow
from tallystick.wallets.payouts.states import PAYOUT_TABLE

_PAYOUT: Final = f"SELECT {', '.join(PayoutRow.__struct_fields__)} FROM payouts"


async def find_payout(database: Database, payout_id: UUID) -> PayoutRow | None:
    """One payout."""
    record = await database.fetchrow(f"{_PAYOUT} WHERE id = $1", payout_id)
    return PayoutRow(*record) if record else None


async def list_payouts(
    database: Database,
    owner_id: UUID | None,
    *,
    account_id: UUID | None = None,
    status: str | None = None,
    after: UUID | None = None,
    limit: int = 50,
) -> tuple[PayoutRow, ...]:
    """The latest payouts of an owner (None: of all), behind `after`; ids begin with the time."""
    fitting = {"owner_id = {}": owner_id, "account_id = {}": account_id, "status = {}": status}
    latest = Latest(("id",), fitting, None if after is None else (after,), limit)
    sql, values = latest.of(_PAYOUT)
    return tuple(PayoutRow(*record) for record in await database.fetch(sql, *values))


async def list_due(database: Database, now: datetime, limit: int) -> Sequence[UUID]:
    """Ids of the payouts somebody must look at, longest due first."""
    records = await database.fetch(
        "SELECT id FROM payouts WHERE due_at <= $1 ORDER BY due_at LIMIT $2", now, limit
    )
    return [record[0] for record in records]


async def list_open(
    database: Database, created_before: datetime, limit: int
) -> tuple[PayoutRow, ...]:
    """Payouts made until then that the provider has not decided, the longest open first."""
    records = await database.fetch(
        f"{_PAYOUT} WHERE status IN ('pending', 'sent') AND created_at <= $1"
        " ORDER BY created_at LIMIT $2",
        created_before,
        limit,
    )
    return tuple(PayoutRow(*record) for record in records)


UNKNOWN_TOTALS: Final = """
SELECT route, currency, CASE WHEN unknown THEN 'unknown' ELSE 'sending' END AS state,
       count(*), sum(amount_minor)::bigint, min(created_at)
  FROM payouts WHERE status IN ('pending', 'sent') AND (unknown OR status = 'pending')
 GROUP BY 1, 2, 3
"""


async def list_unknown_totals(
    database: Database,
) -> tuple[tuple[str, str, str, int, int, datetime], ...]:
    """By route, currency and state: how many payouts are unknown, how much, since when."""
    records = await database.fetch(UNKNOWN_TOTALS)
    return tuple((r[0], r[1], r[2], r[3], r[4], r[5]) for r in records)


# What must hold -------------------------------------------------------------------------------

_RESERVED: Final = """
SELECT p.id, p.status, p.booked_to, p.amount_minor, l.state, l.amount, l.remaining
  FROM payouts p LEFT JOIN ledger_reservations l ON l.id = p.reservation_id
 WHERE l.amount IS DISTINCT FROM p.amount_minor
    OR (p.status IN ('pending', 'sent')) <> (l.state = 'open')
    OR (p.status IN ('failed', 'cancelled') AND l.state <> 'voided')
    OR (p.status = 'paid' AND l.state <> CASE p.booked_to WHEN 'account' THEN 'settled'
                                                          ELSE 'voided' END)
"""
# What a rail has paid for us and not been given back, by our payouts and by the ledger.
_CLEARING: Final = f"""
SELECT coalesce(p.code, t.code) AS account, p.paid_minor, t.posted_minor
  FROM (SELECT 'payouts:' || route || ':' || currency AS code, sum(amount_minor) AS paid_minor
          FROM payouts WHERE status = 'paid' GROUP BY 1) p
  FULL JOIN (SELECT a.code, sum(CASE WHEN l.credit = a.id THEN l.amount ELSE -l.amount END)
                            AS posted_minor
               FROM ledger_accounts a JOIN ledger_transfers l ON a.id IN (l.credit, l.debit)
              WHERE a.code LIKE 'payouts:%' AND l.kind IN ('post', 'settle')
                AND l.code IN ('{PAYOUT}', '{RETURN}') GROUP BY 1) t ON t.code = p.code
 WHERE coalesce(p.paid_minor, 0) <> coalesce(t.posted_minor, 0)
"""
_RETURNED: Final = f"""
SELECT f.aggregate_id, p.status, p.amount_minor, b.times, b.posted
  FROM journal_facts f JOIN payouts p ON p.id = f.aggregate_id
 CROSS JOIN LATERAL (
       SELECT count(*) AS times, coalesce(sum(t.amount), 0) AS posted
         FROM (SELECT id, part_of, amount, code FROM ledger_transfers
                WHERE id >= (f.data->>'posting_id')::uuid ORDER BY id LIMIT 3) t
        WHERE coalesce(t.part_of, t.id) = (f.data->>'posting_id')::uuid AND t.code = '{RETURN}') b
 WHERE f.kind = 'payout.returned' AND (b.times <> 1 OR b.posted <> p.amount_minor)
"""
_OLD_UNKNOWN: Final = """
SELECT id, status, created_at FROM payouts
 WHERE unknown AND created_at < $1::timestamptz - interval '24 hours'
"""
_ALLOWED: Final = ", ".join(
    f"('{state or ''}', '{kind}', '{after}')"
    for state, following in PAYOUT_TABLE.items()
    for kind, after in following.items()
)
# Each payout is replayed by the table; the walk ends where the table knows no way on.
_TRANSITIONS: Final = f"""
WITH RECURSIVE allowed(before, kind, after) AS (VALUES {_ALLOWED}),
walk AS (
    SELECT f.aggregate_id, f.version, f.kind, a.after
      FROM journal_facts f LEFT JOIN allowed a ON a.before = '' AND a.kind = f.kind
     WHERE f.version = 1 AND f.kind = 'payout.created'
    UNION ALL
    SELECT f.aggregate_id, f.version, f.kind, a.after
      FROM walk w
      JOIN journal_facts f ON f.aggregate_id = w.aggregate_id AND f.version = w.version + 1
      LEFT JOIN allowed a ON a.before = w.after AND a.kind = f.kind
     WHERE w.after IS NOT NULL
),
ends AS (
    SELECT DISTINCT ON (aggregate_id) aggregate_id, version, kind, after
      FROM walk ORDER BY aggregate_id, version DESC
)
SELECT e.aggregate_id, e.version, e.kind, e.after, p.status
  FROM ends e LEFT JOIN payouts p ON p.id = e.aggregate_id
 WHERE e.after IS DISTINCT FROM p.status
"""

CHECKS: Final = (
    Check(
        "payouts_reserved",
        "every payout holds, has settled or has given back exactly its amount",
        _RESERVED,
        "payouts",
    ),
    Check(
        "payouts_clearing",
        "what the rails have paid out for us is the same by our payouts and by the ledger",
        _CLEARING,
        "payouts",
    ),
    Check(
        "payouts_returned",
        "every payout that came back was booked home once, in full",
        _RETURNED,
        "payouts",
    ),
    Check(
        "payout_unknown_outcomes",
        "no provider's answer about a payout is unknown for more than a day",
        _OLD_UNKNOWN,
    ),
    Check(
        "payout_transitions",
        "every payout went from state to state as the table allows, to where it stands now",
        _TRANSITIONS,
        "payouts",
    ),
)
