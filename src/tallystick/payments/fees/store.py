"""SQL of fee plans and reserves, and what must hold of fees. The journal alone writes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from tallystick.books import Check
from tallystick.payments.fees.plan_folds import FeePlanRow
from tallystick.payments.fees.reserves import ReserveRow
from tallystick.platform.postgres.pools import Database

PlanPlace = tuple[datetime, UUID]

_PLAN: Final = "SELECT {} FROM fee_plans p".format(
    ", ".join(f"p.{field}" for field in FeePlanRow.__struct_fields__)
)
_RESERVE: Final = "SELECT {} FROM payment_reserves r".format(
    ", ".join(f"r.{field}" for field in ReserveRow.__struct_fields__)
)


async def find_plan(database: Database, plan_id: UUID) -> FeePlanRow | None:
    """One plan."""
    record = await database.fetchrow(f"{_PLAN} WHERE p.id = $1", plan_id)
    return FeePlanRow(*record) if record else None


async def list_standing(
    database: Database, owner_ids: Sequence[UUID], now: datetime
) -> tuple[FeePlanRow, ...]:
    """The plans of these owners that hold now, and those that will; none that was followed."""
    records = await database.fetch(
        f"{_PLAN} WHERE p.owner_id = ANY($1) AND (p.valid_from > $2 OR NOT EXISTS ("
        " SELECT FROM fee_plans f WHERE f.owner_id = p.owner_id AND f.currency = p.currency"
        " AND f.method = p.method AND f.valid_from <= $2"
        " AND (f.valid_from, f.set_at, f.id) > (p.valid_from, p.set_at, p.id)))",
        owner_ids,
        now,
    )
    return tuple(FeePlanRow(*record) for record in records)


async def list_plans(
    database: Database, owner_id: UUID | None, after: PlanPlace | None, limit: int
) -> tuple[FeePlanRow, ...]:
    """All plans that were ever set, of one owner (None: of all), the latest set first."""
    records = await database.fetch(
        f"{_PLAN} WHERE ($1::uuid IS NULL OR p.owner_id = $1)"
        " AND ($2::timestamptz IS NULL OR (p.set_at, p.id) < ($2, $3::uuid))"
        " ORDER BY p.set_at DESC, p.id DESC LIMIT $4",
        owner_id,
        *(after or (None, None)),
        limit,
    )
    return tuple(FeePlanRow(*record) for record in records)


async def list_due_reserves(
    database: Database, now: datetime, limit: int
) -> tuple[ReserveRow, ...]:
    """Reserves whose days are over, longest due first."""
    records = await database.fetch(
        f"{_RESERVE} WHERE r.due_at <= $1 ORDER BY r.due_at LIMIT $2", now, limit
    )
    return tuple(ReserveRow(*record) for record in records)


async def list_held_reserves(database: Database, payment_id: UUID) -> tuple[ReserveRow, ...]:
    """What is still held back of a payment's captures."""
    records = await database.fetch(
        f"{_RESERVE} WHERE r.payment_id = $1 AND r.status = 'held' ORDER BY r.id", payment_id
    )
    return tuple(ReserveRow(*record) for record in records)


# What must hold -------------------------------------------------------------------------------

# The rule of `fee_terms.py`, said once more in another language: of all that is captured so far
# the terms give fee, tax and reserve, and each capture takes what is missing of them.
_BY_TERMS: Final = """
WITH captures AS (
    SELECT f.aggregate_id AS id, f.version, s.*,
           sum(s.amount) OVER (so_far ROWS UNBOUNDED PRECEDING) AS total,
           coalesce(sum(s.fee) OVER (so_far ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)
               AS fee_before,
           coalesce(sum(s.tax) OVER (so_far ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)
               AS tax_before,
           coalesce(sum(s.held) OVER (so_far ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)
               AS held_before
      FROM journal_facts f
     CROSS JOIN LATERAL (
           SELECT (f.data->>'amount_minor')::numeric AS amount,
                  (f.data->>'fee_minor')::numeric AS fee,
                  coalesce((f.data->>'tax_minor')::numeric, 0) AS tax,
                  coalesce((f.data->>'reserve_minor')::numeric, 0) AS held,
                  f.data->>'booked_to' IS DISTINCT FROM 'suspense' AS charged) s
     WHERE f.kind = 'payment.captured'
    WINDOW so_far AS (PARTITION BY f.aggregate_id ORDER BY f.version)
),
terms AS (
    SELECT f.aggregate_id AS id,
           (f.data->>'fee_percent_bp')::numeric AS percent_bp,
           (f.data->>'fee_fixed_minor')::numeric AS fixed,
           coalesce((f.data->'fee_terms'->>'minimum_minor')::numeric, 0) AS minimum,
           (f.data->'fee_terms'->>'cap_minor')::numeric AS cap,
           coalesce((f.data->'fee_terms'->>'tax_bp')::numeric, 0) AS tax_bp,
           coalesce((f.data->'fee_terms'->>'reserve_bp')::numeric, 0) AS reserve_bp
      FROM journal_facts f WHERE f.kind = 'payment.initiated'
),
owed AS (
    SELECT c.*, t.tax_bp,
           least(greatest(t.fixed + div(2 * c.total * t.percent_bp + 10000, 20000), t.minimum),
                 t.cap) AS fee_due,
           div(2 * c.total * t.reserve_bp + 10000, 20000) AS held_due
      FROM captures c JOIN terms t USING (id)
),
taxed AS (
    SELECT o.*, div(2 * o.fee_due * o.tax_bp + 10000, 20000) AS tax_due,
           div(2 * o.total * 10000 + 10000 + o.tax_bp, 2 * (10000 + o.tax_bp)) AS fee_share
      FROM owed o
),
bounded AS (
    SELECT t.*, d.fee AS fee_owed, d.tax AS tax_owed
      FROM taxed t
     CROSS JOIN LATERAL (
           SELECT CASE WHEN t.fee_due + t.tax_due > t.total THEN t.fee_share
                       ELSE t.fee_due END AS fee,
                  CASE WHEN t.fee_due + t.tax_due > t.total THEN t.total - t.fee_share
                       ELSE t.tax_due END AS tax) d
),
right_fee AS (
    SELECT b.*, CASE WHEN charged THEN least(amount, greatest(0, fee_owed - fee_before))
                     ELSE 0 END AS fee_right FROM bounded b
),
right_tax AS (
    SELECT r.*, CASE WHEN charged
                     THEN least(amount - fee_right, greatest(0, tax_owed - tax_before))
                     ELSE 0 END AS tax_right FROM right_fee r
)
SELECT id, version, amount, fee, fee_right, tax, tax_right, held
  FROM right_tax
 WHERE fee <> fee_right OR tax <> tax_right
    OR held <> CASE WHEN charged
                    THEN least(amount - fee_right - tax_right, greatest(0, held_due - held_before))
                    ELSE 0 END
"""
_AS_PLANNED: Final = """
SELECT p.id, p.fee_terms, l.id AS plan
  FROM payments p LEFT JOIN fee_plans l ON l.id = (p.fee_terms->>'plan_id')::uuid
 WHERE p.fee_terms IS NOT NULL
   AND (l.id IS NULL OR l.currency <> p.currency OR l.valid_from > p.created_at
        OR l.owner_id NOT IN (p.merchant_id, '00000000-0000-7000-8000-000000000000')
        OR (l.percent_bp, l.fixed_minor, l.minimum_minor, l.tax_bp, l.reserve_bp, l.reserve_days)
           <> (p.fee_percent_bp, p.fee_fixed_minor,
               coalesce((p.fee_terms->>'minimum_minor')::bigint, 0),
               coalesce((p.fee_terms->>'tax_bp')::integer, 0),
               coalesce((p.fee_terms->>'reserve_bp')::integer, 0),
               coalesce((p.fee_terms->>'reserve_days')::integer, 0))
        OR l.cap_minor IS DISTINCT FROM (p.fee_terms->>'cap_minor')::bigint
        OR l.on_refund <> coalesce(p.fee_terms->>'on_refund', 'kept'))
"""
# A change's transfers have ids one after another; a capture has at most four.
_POSTED: Final = """
SELECT f.aggregate_id, f.version, f.data->>'fee_minor' AS fee_minor, t.fee, t.tax, t.held
  FROM journal_facts f
 CROSS JOIN LATERAL (
       SELECT coalesce(sum(m.amount) FILTER (
                  WHERE m.code = 'fee' AND a.code LIKE 'platform:fees:%'), 0) AS fee,
              coalesce(sum(m.amount) FILTER (
                  WHERE m.code = 'fee_tax' AND a.code LIKE 'platform:tax:%'), 0) AS tax,
              coalesce(sum(m.amount) FILTER (
                  WHERE m.code = 'reserve' AND a.code LIKE 'merchant:%:reserve:%'), 0) AS held
         FROM (SELECT id, part_of, amount, code, kind, credit FROM ledger_transfers
                WHERE id >= (f.data->>'posting_id')::uuid ORDER BY id LIMIT 5) m
         JOIN ledger_accounts a ON a.id = m.credit
        WHERE coalesce(m.part_of, m.id) = (f.data->>'posting_id')::uuid AND m.kind = 'post') t
 WHERE f.kind = 'payment.captured'
   AND (t.fee <> (f.data->>'fee_minor')::bigint
        OR t.tax <> coalesce((f.data->>'tax_minor')::bigint, 0)
        OR t.held <> coalesce((f.data->>'reserve_minor')::bigint, 0))
"""
_IN_ALL: Final = """
SELECT p.id, p.fee_minor, f.fee, c.tax, f.tax AS tax_told, c.held, f.held AS held_told,
       c.fee_back, r.fee AS fee_back_told, c.tax_back, r.tax AS tax_back_told
  FROM payments p
 CROSS JOIN LATERAL (
       SELECT coalesce((p.charges->>'tax_minor')::bigint, 0) AS tax,
              coalesce((p.charges->>'reserve_minor')::bigint, 0) AS held,
              coalesce((p.charges->>'fee_back_minor')::bigint, 0) AS fee_back,
              coalesce((p.charges->>'tax_back_minor')::bigint, 0) AS tax_back) c
  LEFT JOIN (SELECT aggregate_id, sum((data->>'fee_minor')::bigint) AS fee,
                    sum(coalesce((data->>'tax_minor')::bigint, 0)) AS tax,
                    sum(coalesce((data->>'reserve_minor')::bigint, 0)) AS held
               FROM journal_facts WHERE kind = 'payment.captured' GROUP BY 1) f
    ON f.aggregate_id = p.id
  LEFT JOIN (SELECT payment_id, sum(fee_minor) AS fee, sum(tax_minor) AS tax
               FROM refunds  -- neither failed nor beyond all that was left
              WHERE status <> 'cancelled' AND failure_code IS NULL
              GROUP BY 1) r ON r.payment_id = p.id
 WHERE (p.fee_minor, c.tax, c.held, c.fee_back, c.tax_back)
       <> (coalesce(f.fee, 0), coalesce(f.tax, 0), coalesce(f.held, 0),
           coalesce(r.fee, 0), coalesce(r.tax, 0))
    OR c.fee_back > p.fee_minor OR c.tax_back > c.tax
    OR (c.fee_back + c.tax_back > 0
        AND p.fee_terms->>'on_refund' IS DISTINCT FROM 'returned')
"""
_RESERVES: Final = """
SELECT r.id, r.status, r.amount_minor, h.amount AS held, o.amount AS released, g.taken
  FROM payment_reserves r
  LEFT JOIN LATERAL (
       SELECT m.amount, m.credit
         FROM (SELECT id, part_of, amount, code, credit FROM ledger_transfers
                WHERE id >= r.held_by ORDER BY id LIMIT 5) m
        WHERE coalesce(m.part_of, m.id) = r.held_by AND m.code = 'reserve') h ON true
  LEFT JOIN ledger_transfers o ON o.id = r.released_by AND o.code = 'reserve_release'
 CROSS JOIN LATERAL (  -- a late failure takes all reserves of its payment at once
       SELECT count(*) AS taken FROM ledger_transfers t
        WHERE t.id = r.released_by AND t.code = 'late_failure' AND t.debit = h.credit
          AND t.amount = (SELECT sum(a.amount_minor) FROM payment_reserves a
                           WHERE a.released_by = r.released_by)) g
 WHERE h.amount IS DISTINCT FROM r.amount_minor
    OR (r.status = 'released') <> (o.id IS NOT NULL)
    OR (r.status = 'taken') <> (g.taken = 1)
    OR (o.id IS NOT NULL AND (o.amount, o.debit) IS DISTINCT FROM (r.amount_minor, h.credit))
    OR (r.status = 'held') <> (r.due_at IS NOT NULL)
"""
_ADVANCES: Final = """
SELECT a.code, a.credits_posted - a.debits_posted AS repaid_too_much
  FROM ledger_accounts a
 WHERE a.code LIKE 'merchant:%:advance:%' AND a.credits_posted > a.debits_posted
"""

CHECKS: Final = (
    Check(
        "fees_by_terms",
        "every capture left exactly the fee, tax and reserve that its payment's terms give",
        _BY_TERMS,
    ),
    Check(
        "fees_as_planned",
        "the terms of every payment are those of a plan that held for it when it was made",
        _AS_PLANNED,
        "payments",
    ),
    Check(
        "fees_posted",
        "fee, tax and reserve of every capture were posted to the accounts they belong to",
        _POSTED,
    ),
    Check(
        "fees_in_all",
        "what a payment counts as charged and as given back is what its captures and refunds say",
        _IN_ALL,
        "payments",
    ),
    Check(
        "reserves_moved",
        "every reserve was held once, and is released or taken once at most, whole",
        _RESERVES,
        "payment_reserves",
    ),
    Check(
        "advances_repaid",
        "no merchant has repaid more than it was advanced for refunds",
        _ADVANCES,
    ),
)
