"""All SQL of escrows: one function, one statement. Rows are written by the journal alone."""

from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct

from tallystick.books import Check
from tallystick.platform.postgres.latest import Latest, Place
from tallystick.platform.postgres.pools import Database
from tallystick.wallets.escrows.folds import EscrowRow
from tallystick.wallets.escrows.states import ESCROW_TABLE, OPENED

_COLUMNS: Final = ", ".join(EscrowRow.__struct_fields__)
_ESCROW: Final = f"SELECT {_COLUMNS} FROM escrows"


class EscrowsWanted(Struct, frozen=True, kw_only=True):
    """Which escrows a list shows: the latest of these, behind `after`.

    `party_id` None is everybody's.
    """

    party_id: UUID | None = None
    status: str | None = None
    after: Place | None = None
    limit: int = 50


async def find_escrow(database: Database, escrow_id: UUID) -> EscrowRow | None:
    """One escrow."""
    record = await database.fetchrow(f"{_ESCROW} WHERE id = $1", escrow_id)
    return EscrowRow(*record) if record else None


async def list_escrows(database: Database, wanted: EscrowsWanted) -> tuple[EscrowRow, ...]:
    """The latest escrows; `wanted.limit` of them at most."""
    party = str(wanted.party_id) if wanted.party_id else None
    fitting = {"party_ids ? {}": party, "status = {}": wanted.status}
    latest = Latest(("opened_at", "id"), fitting, wanted.after, wanted.limit)
    sql, values = latest.of(_ESCROW)
    return tuple(EscrowRow(*record) for record in await database.fetch(sql, *values))


async def list_due(database: Database, now: datetime, limit: int) -> tuple[UUID, ...]:
    """Escrows whose time is over and whose rule was not carried out, longest due first."""
    records = await database.fetch(
        "SELECT id FROM escrows WHERE due_at <= $1 ORDER BY due_at, id LIMIT $2", now, limit
    )
    return tuple(record[0] for record in records)


# What must hold -----------------------------------------------------------------------------------

_HELD: Final = """
SELECT e.id, e.status, e.funded_minor, e.released_minor, e.returned_minor,
       a.credits_posted, a.debits_posted, a.credits_pending, a.debits_pending
  FROM escrows e LEFT JOIN ledger_accounts a ON a.id = e.account_id
 WHERE (a.credits_posted, a.debits_posted, a.credits_pending, a.debits_pending)
       IS DISTINCT FROM (e.funded_minor, e.released_minor + e.returned_minor, 0, 0)
"""
_ACCOUNTS: Final = """
SELECT e.id, e.status, a.code, a.currency, a.frozen, a.closed_at
  FROM escrows e LEFT JOIN ledger_accounts a ON a.id = e.account_id
 WHERE a.id IS NULL OR a.code NOT LIKE 'escrow:esc\\_%' OR a.currency <> e.currency
    OR a.normal_side <> 'credit' OR a.overdraft_limit IS DISTINCT FROM 0
    OR (a.frozen = 'all') <> (e.status = 'disputed')
    OR (a.closed_at IS NOT NULL) <> (e.status IN ('completed', 'cancelled'))
"""
_STRAYS: Final = """
SELECT a.id, a.code FROM ledger_accounts a
 WHERE a.code LIKE 'escrow:esc\\_%' AND NOT EXISTS (SELECT FROM escrows e WHERE e.account_id = a.id)
"""
# What each recipient, the platform and the buyer got, by the escrow and by the ledger's own rows.
_PAID: Final = """
SELECT coalesce(e.escrow, t.escrow) AS account_id, coalesce(e.target, t.target) AS target,
       coalesce(e.code, t.code) AS code, e.told_minor, t.posted_minor
  FROM (SELECT e.account_id AS escrow, (r.one ->> 'account_id')::uuid AS target,
               'escrow_release' AS code,
               (e.progress_json -> 'paid_minor' ->> (r.place - 1)::int)::bigint AS told_minor
          FROM escrows e
         CROSS JOIN jsonb_array_elements(e.terms_json -> 'recipients')
                    WITH ORDINALITY AS r(one, place)
         UNION ALL
        SELECT account_id, NULL, 'escrow_fee', fee_minor FROM escrows
         UNION ALL
        SELECT account_id, buyer_wallet_id, 'escrow_return', returned_minor FROM escrows) e
  FULL JOIN (SELECT x.account_id AS escrow, l.code,
                    CASE l.code WHEN 'escrow_fee' THEN NULL ELSE l.credit END AS target,
                    sum(l.amount) AS posted_minor
               FROM escrows x JOIN ledger_transfers l ON l.debit = x.account_id
              GROUP BY 1, 2, 3) t
    ON t.escrow = e.escrow AND t.code = e.code
   AND coalesce(t.target, e.escrow) = coalesce(e.target, e.escrow)
 WHERE coalesce(e.told_minor, 0) <> coalesce(t.posted_minor, 0)
"""
_ALLOWED: Final = ", ".join(
    f"('{state or ''}', '{kind}', '{after}')"
    for state, following in ESCROW_TABLE.items()
    for kind, after in following.items()
)
# Each escrow is replayed by the table; the walk ends where the table knows no way on.
_TRANSITIONS: Final = f"""
WITH RECURSIVE allowed(before, kind, after) AS (VALUES {_ALLOWED}),
walk AS (
    SELECT f.aggregate_id, f.version, f.kind, a.after
      FROM journal_facts f LEFT JOIN allowed a ON a.before = '' AND a.kind = f.kind
     WHERE f.version = 1 AND f.kind = '{OPENED}'
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
SELECT e.aggregate_id, e.version, e.kind, e.after, x.status
  FROM ends e LEFT JOIN escrows x ON x.id = e.aggregate_id
 WHERE e.after IS DISTINCT FROM x.status
"""

CHECKS: Final = (
    Check(
        "escrows_hold_what_they_say",
        "every escrow's account has taken in and paid out exactly what the escrow says",
        _HELD,
        "escrows",
    ),
    Check(
        "escrows_stand_as_accounts",
        "an escrow's account is frozen while it is disputed, and closed when it has ended",
        _ACCOUNTS,
        "escrows",
    ),
    Check("escrow_accounts_have_escrows", "every escrow account is some escrow's", _STRAYS),
    Check(
        "escrows_paid_whom_they_say",
        "recipients, platform and buyer got by the ledger what the escrow says each has got",
        _PAID,
        "escrows",
    ),
    Check(
        "escrow_transitions",
        "every escrow went from state to state as the table allows, to where it stands now",
        _TRANSITIONS,
        "escrows",
    ),
)
