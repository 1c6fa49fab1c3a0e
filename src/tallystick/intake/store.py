"""SQL of the recorded payments: who has a reference, what was recorded, which months are held."""

from collections.abc import Collection
from datetime import date
from typing import Final
from uuid import UUID

from tallystick.books import Check
from tallystick.intake.model import PaymentRow
from tallystick.platform.postgres.pools import Connection, Database

# One index probe a reference: a plan that was made while the tables were small stays right.
_REFERENCES: Final = """
SELECT asked.reference, found.payment_id
  FROM unnest($1::text[]) AS asked(reference), LATERAL (
       SELECT payment_id FROM payment_references
        WHERE reference_number = asked.reference LIMIT 1) AS found
"""
_RETAINED: Final = """
SELECT asked.reference, found.id
  FROM unnest($1::text[]) AS asked(reference), LATERAL (
       SELECT id FROM recorded_payments
        WHERE reference_number = asked.reference LIMIT 1) AS found
"""
_PAYMENT_BY_REFERENCE: Final = f"""
SELECT {", ".join(PaymentRow.__struct_fields__)}
  FROM recorded_payments WHERE reference_number = $1 LIMIT 1
"""
_HELD_MONTHS: Final = """
SELECT to_date(right(partition.relname, 7), 'YYYY_MM')
  FROM pg_inherits JOIN pg_class AS partition ON partition.oid = inhrelid
 WHERE inhparent = 'recorded_payments'::regclass
"""
_MAKE_PARTITIONS: Final = "SELECT intake_make_partitions($1, $2)"

checks: Final = (
    Check(
        name="recorded_payments_posted",
        promise="every recorded payment is posted, once and with its amount",
        sql="""
        SELECT fact.aggregate_id FROM journal_facts AS fact
          LEFT JOIN ledger_transfers AS posting
            ON posting.id = fact.aggregate_id AND posting.code = 'recorded_payment'
         WHERE fact.kind = 'payment.recorded'
           AND posting.amount IS DISTINCT FROM (fact.data ->> 'amount_minor')::bigint
        """,
    ),
    Check(
        name="recorded_payments_once",
        promise="no reference stands for two recorded payments",
        sql="""
        SELECT reference_number FROM recorded_payments
         GROUP BY reference_number HAVING count(*) > 1
        """,
    ),
)


async def find_references(database: Database, references: Collection[str]) -> dict[str, UUID]:
    """The payments that have these references, as `payment_references` knows them."""
    return dict(map(tuple, await database.fetch(_REFERENCES, list(references))))


async def find_retained(database: Database, references: Collection[str]) -> dict[str, UUID]:
    """The same from the payments themselves, which are kept longer than their references."""
    return dict(map(tuple, await database.fetch(_RETAINED, list(references))))


async def find_payment(database: Database, reference: str) -> PaymentRow | None:
    """The recorded payment of this reference."""
    row = await database.fetchrow(_PAYMENT_BY_REFERENCE, reference)
    return PaymentRow(*row) if row else None


async def held_months(database: Database) -> frozenset[date]:
    """The first days of the months that have a partition."""
    return frozenset(row[0] for row in await database.fetch(_HELD_MONTHS))


async def make_partitions(owner: Connection, first: date, last: date) -> None:
    """Make the partitions of all months from `first` to `last` that do not stand yet."""
    await owner.execute(_MAKE_PARTITIONS, first, last)
