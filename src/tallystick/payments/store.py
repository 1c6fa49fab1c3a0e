"""All SQL of payments: one function, one statement. Rows are written by the journal alone."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from asyncpg import Record
from msgspec import Struct

from tallystick.books import Check
from tallystick.payments.model import IntentRow, PaymentRow, RefundRow
from tallystick.payments.states import INTENT_TABLE, PAYMENT_TABLE, REFUND_TABLE, Table
from tallystick.payments.steps import Case
from tallystick.platform.postgres.pools import Database


def _columns(row: type[Struct], alias: str) -> str:
    return ", ".join(f"{alias}.{field}" for field in row.__struct_fields__)


_PAYMENT: Final = _columns(PaymentRow, "p")
_INTENT: Final = _columns(IntentRow, "i")
_REFUND: Final = _columns(RefundRow, "r")
_PAYMENT_FIELDS: Final = len(PaymentRow.__struct_fields__)
_INTENT_FIELDS: Final = len(IntentRow.__struct_fields__)
_REFUND_FIELDS: Final = len(RefundRow.__struct_fields__)
_PAYMENT_CASES: Final = (
    f"SELECT {_PAYMENT}, {_INTENT} FROM payments p LEFT JOIN intents i ON i.id = p.intent_id"
    " WHERE p.id = ANY($1)"
)
_INTENT_CASES: Final = (
    f"SELECT {_INTENT}, {_PAYMENT} FROM intents i LEFT JOIN payments p ON p.id = i.payment_id"
    " WHERE i.id = ANY($1)"
)
_REFUND_CASES: Final = (
    f"SELECT {_REFUND}, {_PAYMENT} FROM refunds r JOIN payments p ON p.id = r.payment_id"
    " WHERE r.id = ANY($1)"
)


class Total(Struct, frozen=True):
    """How many payments are in a state, and how much money, in minor units."""

    status: str
    currency: str
    payments: int
    amount_minor: int
    captured_minor: int
    refunded_minor: int


# By id ----------------------------------------------------------------------------------------


async def find_payment_cases(database: Database, ids: Sequence[UUID]) -> dict[UUID, Case]:
    """Payments, each with its intent."""
    cases = {}
    for record in await database.fetch(_PAYMENT_CASES, ids):
        values = tuple(record)
        intent = values[_PAYMENT_FIELDS:]
        cases[values[0]] = Case(
            payment=PaymentRow(*values[:_PAYMENT_FIELDS]),
            intent=IntentRow(*intent) if intent[0] else None,
        )
    return cases


async def find_intent_cases(database: Database, ids: Sequence[UUID]) -> dict[UUID, Case]:
    """Intents, each with its latest payment."""
    cases = {}
    for record in await database.fetch(_INTENT_CASES, ids):
        values = tuple(record)
        payment = values[_INTENT_FIELDS:]
        cases[values[0]] = Case(
            intent=IntentRow(*values[:_INTENT_FIELDS]),
            payment=PaymentRow(*payment) if payment[0] else None,
        )
    return cases


async def find_refund_cases(database: Database, ids: Sequence[UUID]) -> dict[UUID, Case]:
    """Refunds, each with its payment."""
    cases = {}
    for record in await database.fetch(_REFUND_CASES, ids):
        values = tuple(record)
        cases[values[0]] = Case(
            refund=RefundRow(*values[:_REFUND_FIELDS]),
            payment=PaymentRow(*values[_REFUND_FIELDS:]),
        )
    return cases


# In all ---------------------------------------------------------------------------------------


async def list_refunds(database: Database, payment_id: UUID) -> tuple[RefundRow, ...]:
    """All refunds of a payment, in the order in which they were asked for."""
    records = await database.fetch(
        f"SELECT {_REFUND} FROM refunds r WHERE r.payment_id = $1 ORDER BY r.created_at, r.id",
        payment_id,
    )
    return tuple(RefundRow(*record) for record in records)


async def list_totals(database: Database, merchant_id: UUID | None) -> tuple[Total, ...]:
    """Payments by state and currency; reads them all."""
    records = await database.fetch(
        "SELECT status, currency, count(*), sum(amount_minor)::bigint,"
        " sum(captured_minor)::bigint, sum(refunded_minor)::bigint FROM payments"
        " WHERE $1::uuid IS NULL OR merchant_id = $1 GROUP BY 1, 2 ORDER BY 1, 2",
        merchant_id,
    )
    return tuple(Total(*record) for record in records)


# What is due ----------------------------------------------------------------------------------


async def list_due(database: Database, table: str, now: datetime, limit: int) -> tuple[UUID, ...]:
    """Ids of the `intents`, `payments` or `refunds` somebody must look at, longest due first."""
    records: Sequence[Record] = await database.fetch(
        f"SELECT id FROM {table} WHERE due_at <= $1 ORDER BY due_at LIMIT $2", now, limit
    )
    return tuple(record[0] for record in records)


async def list_advanced(database: Database) -> tuple[tuple[UUID, str], ...]:
    """Merchants who were ever advanced a refund, each with the currency."""
    records = await database.fetch(
        "SELECT DISTINCT merchant_id, currency FROM refunds WHERE advance_minor > 0"
    )
    return tuple((record[0], record[1]) for record in records)


# What must hold -------------------------------------------------------------------------------


def _table_rows(table: Table) -> str:
    """The transition table as SQL values: from, kind, to."""
    rows = [
        f"('{state or ''}', '{kind}', '{after}')"
        for state, following in table.items()
        for kind, after in following.items()
    ]
    return ", ".join(rows)


# A fact's state before it is the state after the facts before it; a recursive walk replays each
# aggregate by the table and stops where the table knows no way on.
_TRANSITIONS: Final = """
WITH RECURSIVE allowed(before, kind, after) AS (VALUES {rows}),
walk AS (
    SELECT f.aggregate_id, f.version, f.kind, a.after
      FROM journal_facts f LEFT JOIN allowed a ON a.before = '' AND a.kind = f.kind
     WHERE f.version = 1 AND f.kind = '{first}'
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
SELECT e.aggregate_id, e.version, e.kind, e.after, t.status
  FROM ends e LEFT JOIN {table} t ON t.id = e.aggregate_id
 WHERE e.after IS DISTINCT FROM t.status
"""


def transitions(table: str, states: Table) -> Check:
    """That every row is where its facts lead by the table."""
    (first,) = states[None]
    noun = table.removesuffix("s")
    return Check(
        f"{noun}_transitions",
        f"every {noun} went from state to state as the table allows, to where it stands now",
        _TRANSITIONS.format(rows=_table_rows(states), first=first, table=table),
        table,
    )


# A change's transfers have ids one after another, the first of them the change's own.
_POSTED: Final = """
SELECT f.aggregate_id, f.version, f.data->>'amount_minor' AS amount_minor, p.posted
  FROM journal_facts f
 CROSS JOIN LATERAL (
       SELECT coalesce(sum(t.amount), 0) AS posted
         FROM (SELECT id, part_of, amount, code, kind FROM ledger_transfers
                WHERE id >= (f.data->>'posting_id')::uuid ORDER BY id LIMIT 5) t
        WHERE coalesce(t.part_of, t.id) = (f.data->>'posting_id')::uuid
          AND t.code IN ('capture', 'fee', 'fee_tax', 'reserve') AND t.kind = 'post') p
 WHERE f.kind = 'payment.captured' AND p.posted <> (f.data->>'amount_minor')::bigint
"""
_CAPTURED_IN_ALL: Final = """
SELECT coalesce(p.currency, t.currency) AS currency, p.captured, t.posted
  FROM (SELECT currency, sum(captured_minor) AS captured FROM payments GROUP BY 1) p
  FULL JOIN (SELECT currency, sum(amount) AS posted FROM ledger_transfers
              WHERE code IN ('capture', 'fee', 'fee_tax', 'reserve') AND kind = 'post'
                AND debit IN (SELECT id FROM ledger_accounts WHERE code LIKE 'rail:%:clearing:%')
              GROUP BY 1) t
    ON t.currency = p.currency
 WHERE coalesce(p.captured, 0) <> coalesce(t.posted, 0)
"""
# Merchant, advance, fees and taxes each hold their part of a refund, under ids one after another.
_LATE_FAILURES: Final = """
SELECT f.aggregate_id, f.data->>'amount_minor' AS amount_minor, p.posted
  FROM journal_facts f
 CROSS JOIN LATERAL (
       SELECT coalesce(sum(t.amount), 0) AS posted
         FROM (SELECT id, part_of, amount, code FROM ledger_transfers
                WHERE id >= (f.data->>'posting_id')::uuid ORDER BY id LIMIT 4) t
        WHERE coalesce(t.part_of, t.id) = (f.data->>'posting_id')::uuid
          AND t.code = 'late_failure') p
 WHERE f.kind = 'payment.late_failure' AND p.posted <> (f.data->>'amount_minor')::bigint
"""
_RESERVED: Final = """
SELECT r.id, r.status, r.amount_minor, r.fee_minor, r.tax_minor, r.advance_minor, l.*
  FROM refunds r
 CROSS JOIN LATERAL (
       SELECT sum(h.amount) AS amount,
              coalesce(sum(h.amount) FILTER (WHERE t.code = 'fee_refund'), 0) AS fee,
              coalesce(sum(h.amount) FILTER (WHERE t.code = 'tax_refund'), 0) AS tax,
              coalesce(sum(h.amount) FILTER (WHERE t.code = 'refund_advance'), 0) AS advance,
              bool_and(h.state = 'open') AS open, bool_or(h.state = 'open') AS partly_open,
              bool_and(h.state = 'voided') AS voided
         FROM (SELECT id, amount, state FROM ledger_reservations
                WHERE id >= r.reservation_id ORDER BY id LIMIT 4) h
         JOIN ledger_transfers t ON t.id = h.id
        WHERE coalesce(t.part_of, t.id) = (SELECT coalesce(part_of, id) FROM ledger_transfers
                                            WHERE id = r.reservation_id)) l
 WHERE (l.amount, l.fee, l.tax, l.advance)
       IS DISTINCT FROM (r.amount_minor, r.fee_minor, r.tax_minor, r.advance_minor)
    OR (r.status = 'pending') <> l.open OR l.open <> l.partly_open
    OR (r.status IN ('failed', 'cancelled') AND NOT l.voided)
"""
# One that was called off and paid after all may exceed what is left: no payment counts it.
_REFUNDED: Final = """
SELECT p.id, p.refunded_minor, p.refund_pending_minor, r.refunded, r.pending
  FROM payments p
  LEFT JOIN (SELECT payment_id,
                    coalesce(sum(amount_minor) FILTER (
                        WHERE status = 'succeeded' AND failure_code IS NULL), 0) AS refunded,
                    coalesce(sum(amount_minor) FILTER (WHERE status = 'pending'), 0) AS pending
               FROM refunds GROUP BY 1) r ON r.payment_id = p.id
 WHERE p.refunded_minor <> coalesce(r.refunded, 0)
    OR p.refund_pending_minor <> coalesce(r.pending, 0)
"""
_LIMITS: Final = """
SELECT id, refunded_minor, refund_pending_minor, captured_minor, authorized_minor, amount_minor
  FROM payments
 WHERE refunded_minor + refund_pending_minor > captured_minor
    OR captured_minor > authorized_minor OR authorized_minor > amount_minor
"""
_OLD_UNKNOWN: Final = """
SELECT o.id, o.operation
  FROM (SELECT id, operation FROM payments WHERE operation IS NOT NULL
        UNION ALL
        SELECT id, operation FROM refunds WHERE operation IS NOT NULL) o
 WHERE (o.operation->>'unknown')::boolean
   AND (o.operation->>'asked_at')::timestamptz
       < $1::timestamptz - interval '24 hours'
"""

# What the wallets' own rail took and gave is posted on by the payment's last beat, in one change.
_WALLET_CLEARING: Final = """
SELECT a.code, a.minor, u.taking, u.returning
  FROM (SELECT code, currency, debits_posted - credits_posted AS minor FROM ledger_accounts
         WHERE code LIKE 'rail:wallet:clearing:%') a
 CROSS JOIN LATERAL (
       SELECT coalesce(sum(o.minor) FILTER (WHERE o.verb IN ('authorize', 'capture')), 0) AS taking,
              coalesce(sum(o.minor) FILTER (WHERE o.verb = 'refund'), 0) AS returning
         FROM (SELECT operation, route, currency FROM payments WHERE operation IS NOT NULL
               UNION ALL
               SELECT operation, route, currency FROM refunds WHERE operation IS NOT NULL
               UNION ALL  -- called off, and perhaps asked for all the same by a frozen asker
               SELECT json_build_object('verb', 'refund', 'amount_minor', amount_minor),
                      route, currency
                 FROM refunds WHERE status = 'cancelled' AND due_at IS NOT NULL) r
        CROSS JOIN LATERAL (SELECT r.operation->>'verb' AS verb,
                                   (r.operation->>'amount_minor')::bigint AS minor) o
        WHERE r.route = 'wallet' AND r.currency = a.currency) u
 WHERE a.minor NOT BETWEEN -u.taking AND u.returning
"""

CHECKS: Final = (
    Check(
        "payment_limits",
        "no payment is captured beyond its authorization or refunded beyond its captures",
        _LIMITS,
        "payments",
    ),
    Check(
        "captures_posted",
        "the transfers of every capture carry exactly its amount",
        _POSTED,
    ),
    Check(
        "captures_in_all",
        "the captures of all payments and the ledger's agree in every currency",
        _CAPTURED_IN_ALL,
        "payments",
    ),
    Check(
        "late_failures_posted",
        "what failed late was taken back exactly",
        _LATE_FAILURES,
    ),
    Check(
        "refunds_reserved",
        "every refund holds, has settled or has given back exactly its amount",
        _RESERVED,
        "refunds",
    ),
    Check(
        "wallet_clearing_zero",
        "nothing stands between wallets and payments but what is being paid or refunded now",
        _WALLET_CLEARING,
    ),
    Check(
        "refunds_in_all",
        "what a payment counts as refunded, and as pending, is the sum of its refunds",
        _REFUNDED,
        "payments",
    ),
    Check(
        "unknown_outcomes",
        "no provider's answer is unknown for more than a day",
        _OLD_UNKNOWN,
    ),
    transitions("intents", INTENT_TABLE),
    transitions("payments", PAYMENT_TABLE),
    transitions("refunds", REFUND_TABLE),
)
