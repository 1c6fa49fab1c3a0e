"""SQL of rates, quotes and exchanges: one function, one statement. The journal alone writes.

Pages go back in time: a place is the instant and the id of the last row that was shown.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct

from tallystick.books.exchange.decisions import LEG_CODE, ROUNDING_CODE
from tallystick.books.exchange.folds import ExchangeRow, QuoteRow, RateRow
from tallystick.books.proof.checks import Check
from tallystick.platform.postgres.latest import Latest, Place
from tallystick.platform.postgres.pools import Database


def _columns(row: type[Struct], alias: str) -> str:
    return ", ".join(f"{alias}.{field}" for field in row.__struct_fields__)


_RATE: Final = f"SELECT {_columns(RateRow, 'r')} FROM exchange_rates r"
_QUOTE: Final = f"SELECT {_columns(QuoteRow, 'q')} FROM exchange_quotes q"
_EXCHANGE: Final = f"SELECT {_columns(ExchangeRow, 'e')} FROM exchanges e"


# Rates ------------------------------------------------------------------------------------------


async def find_rate(database: Database, rate_id: UUID) -> RateRow | None:
    """One rate."""
    record = await database.fetchrow(f"{_RATE} WHERE r.id = $1", rate_id)
    return RateRow(*record) if record else None


async def find_rate_at(
    database: Database, from_currency: str, to_currency: str, at: datetime
) -> RateRow | None:
    """The rate that holds at this instant; of two from the same instant on, the one set later."""
    record = await database.fetchrow(
        f"{_RATE} WHERE r.from_currency = $1 AND r.to_currency = $2 AND r.valid_from <= $3"
        " ORDER BY r.valid_from DESC, r.set_at DESC, r.id DESC LIMIT 1",
        from_currency,
        to_currency,
        at,
    )
    return RateRow(*record) if record else None


async def list_rates(
    database: Database,
    from_currency: str | None,
    to_currency: str | None,
    after: Place | None,
    limit: int,
) -> tuple[RateRow, ...]:
    """All rates that were ever set, the latest first."""
    fitting = {"from_currency = {}": from_currency, "to_currency = {}": to_currency}
    sql, values = Latest(("set_at", "id"), fitting, after, limit).of(_RATE)
    return tuple(RateRow(*record) for record in await database.fetch(sql, *values))


# Quotes -----------------------------------------------------------------------------------------


async def find_quote(database: Database, quote_id: UUID) -> QuoteRow | None:
    """One quote."""
    record = await database.fetchrow(f"{_QUOTE} WHERE q.id = $1", quote_id)
    return QuoteRow(*record) if record else None


# Exchanges --------------------------------------------------------------------------------------


async def find_exchange(database: Database, exchange_id: UUID) -> ExchangeRow | None:
    """One exchange."""
    record = await database.fetchrow(f"{_EXCHANGE} WHERE e.id = $1", exchange_id)
    return ExchangeRow(*record) if record else None


async def list_exchanges(
    database: Database, account_ids: Collection[UUID] | None, after: Place | None, limit: int
) -> tuple[ExchangeRow, ...]:
    """The latest exchanges from or to these accounts (None: all of them)."""
    latest = Latest(("created_at", "id"), {}, after, limit)
    sides = ("debit_account_id", "credit_account_id")
    sql, values = latest.of_either(_EXCHANGE, sides, account_ids)
    return tuple(ExchangeRow(*record) for record in await database.fetch(sql, *values))


# What must hold ---------------------------------------------------------------------------------

# Calculated anew in PostgreSQL's own decimals, in which nothing overflows.
_EXACT: Final = """
WITH products AS (
    SELECT q.*,
           CASE fixed_side WHEN 'source' THEN source_minor::numeric * numerator
                ELSE target_minor::numeric * denominator END AS product,
           CASE fixed_side WHEN 'source' THEN denominator ELSE numerator END AS unit
      FROM exchange_quotes q
), parts AS (
    SELECT *, div(product, unit) AS below, mod(product, unit) AS rest FROM products
), rounded AS (
    SELECT *, below + (rest > 0)::int AS above,
           below + (2 * rest > unit OR (2 * rest = unit AND mod(below, 2) = 1))::int AS nearest
      FROM parts
)
SELECT id, fixed_side, source_minor, target_minor, rounding_minor, below, above, nearest
  FROM rounded
 WHERE CASE fixed_side
       WHEN 'source' THEN target_minor <> below OR rounding_minor <> nearest - below
       ELSE source_minor <> above OR rounding_minor <> above - nearest END
"""
# A change's transfers have ids one after another, the first of them the change's own.
_POSTED: Final = f"""
SELECT q.id, q.posting_id, q.source_minor, q.target_minor, q.rounding_minor, p.*
  FROM exchange_quotes q
 CROSS JOIN LATERAL (
       SELECT count(*) AS posts,
              coalesce(sum(t.amount) FILTER (
                  WHERE t.code = '{LEG_CODE}' AND t.currency = q.from_currency
                    AND c.code = 'platform:exchange:' || q.from_currency), 0) AS received,
              coalesce(sum(t.amount) FILTER (
                  WHERE t.code = '{LEG_CODE}' AND t.currency = q.to_currency
                    AND d.code = 'platform:exchange:' || q.to_currency), 0) AS given,
              coalesce(sum(t.amount) FILTER (
                  WHERE t.code = '{ROUNDING_CODE}'
                    AND t.currency = CASE q.fixed_side WHEN 'source' THEN q.to_currency
                                     ELSE q.from_currency END
                    AND d.code = 'platform:exchange:' || t.currency
                    AND c.code = 'platform:rounding:' || t.currency), 0) AS rounded
         FROM (SELECT * FROM ledger_transfers WHERE id >= q.posting_id ORDER BY id LIMIT 8) t
         JOIN ledger_accounts d ON d.id = t.debit
         JOIN ledger_accounts c ON c.id = t.credit
        WHERE coalesce(t.part_of, t.id) = q.posting_id AND t.kind = 'post') p
 WHERE q.posting_id IS NOT NULL
   AND (p.received, p.given, p.rounded, p.posts) IS DISTINCT FROM
       (q.source_minor, q.target_minor, q.rounding_minor, 2 + q.rounding_minor)
"""
_ON_RECORD: Final = f"""
SELECT e.id, e.quote_id, q.posting_id, e.debit_account_id, e.credit_account_id, p.paid, p.arrived
  FROM exchanges e
  LEFT JOIN exchange_quotes q ON q.id = e.quote_id
 CROSS JOIN LATERAL (
       SELECT count(*) FILTER (
                  WHERE t.debit = e.debit_account_id AND t.amount = e.source_minor) AS paid,
              count(*) FILTER (
                  WHERE t.credit = e.credit_account_id AND t.amount = e.target_minor) AS arrived
         FROM (SELECT * FROM ledger_transfers WHERE id >= e.id ORDER BY id LIMIT 8) t
        WHERE coalesce(t.part_of, t.id) = e.id AND t.code = '{LEG_CODE}') p
 WHERE (q.posting_id, q.from_currency, q.to_currency, q.source_minor, q.target_minor,
        q.rounding_minor, p.paid, p.arrived)
       IS DISTINCT FROM
       (e.id, e.from_currency, e.to_currency, e.source_minor, e.target_minor,
        e.rounding_minor, 1, 1)
"""
# What the books' own verbs moved there, an operator meant: to close a position, for instance.
_EXPLAINED: Final = """
SELECT a.code, t.id, coalesce(t.part_of, t.id) AS change_id, t.amount
  FROM ledger_accounts a
  JOIN ledger_transfers t ON t.debit = a.id OR t.credit = a.id
 WHERE (a.code LIKE 'platform:exchange:%' OR a.code LIKE 'platform:rounding:%')
   AND NOT EXISTS (SELECT FROM exchange_quotes q WHERE q.posting_id = coalesce(t.part_of, t.id))
   AND NOT EXISTS (SELECT FROM journal_facts f
                    WHERE f.aggregate_id = coalesce(t.part_of, t.id) AND f.kind LIKE 'transfer.%')
"""

CHECKS: Final = (
    Check(
        "quotes_exact",
        "every quote's amounts are what its rate makes, rounded by the rule",
        _EXACT,
        "exchange_quotes",
    ),
    Check(
        "quotes_posted",
        "whatever was exchanged by a quote is just what was quoted, rounding included",
        _POSTED,
        "exchange_quotes",
    ),
    Check(
        "exchanges_by_quote",
        "every exchange used its quote, between the two accounts it names",
        _ON_RECORD,
        "exchanges",
    ),
    Check(
        "exchange_accounts",
        "what stands in the exchange and rounding accounts came by quotes, or by plain transfers",
        _EXPLAINED,
    ),
)
