"""SQL of the recorded payments: who has a reference, what was recorded, which months are held."""

from collections.abc import Collection
from datetime import date
from typing import Final
from uuid import UUID

from tallystick.books import Check
from tallystick.intake.model import PaymentRow
from tallystick.platform.postgres.pools import Connection, Database

_PAYMENT_BY_REFERENCE: Final = f"""
SELECT {", ".join(PaymentRow.__struct_fields__)}
  FROM recorded_payments WHERE reference_number = $1 LIMIT 1
"""
_HELD_MONTHS: Final = """
SELECT to_date(right(partition.relname, 7), 'YYYY_MM')
  FROM pg_inherits JOIN pg_class AS partition ON partition.oid = inhrelid
 WHERE inhparent = 'recorded_payments'::regclass
"""
_POSTED: Final = """
SELECT id FROM ledger_transfers WHERE id = ANY($1) AND code = 'recorded_payment'
"""
_MAKE_PARTITIONS: Final = "SELECT intake_make_partitions($1, $2)"

checks: Final = (
    Check(
        name="recorded_payments_posted",
        promise="every recorded payment is posted with its amount, or its consumer has not come "
        "to it yet, or it lies among the dead letters",
        sql="""
        SELECT fact.aggregate_id, posting.amount FROM journal_facts AS fact
          LEFT JOIN ledger_transfers AS posting
            ON posting.id = fact.aggregate_id AND posting.code = 'recorded_payment'
         WHERE fact.kind = 'payment.recorded'
           AND posting.amount IS DISTINCT FROM (fact.data ->> 'amount_minor')::bigint
           AND (posting.id IS NOT NULL OR NOT EXISTS (
                    SELECT FROM dead_letters AS letter
                     WHERE letter.consumer = 'ledger' AND letter.aggregate_id = fact.aggregate_id
                       AND letter.status <> 'delivered')
                AND fact.position <= coalesce((
                    SELECT cursor.position FROM delivery_positions AS cursor
                     WHERE cursor.reader = 'ledger' AND cursor.lane = fact.lane), 0))
        """,
    ),
    Check(
        name="recorded_payments_only",
        promise="nothing is posted as a recorded payment that is none, and none of them twice",
        sql="""
        SELECT posting.id FROM ledger_transfers AS posting
          LEFT JOIN journal_facts AS fact
            ON fact.aggregate_id = posting.id AND fact.kind = 'payment.recorded'
         WHERE posting.code = 'recorded_payment' AND fact.aggregate_id IS NULL
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


async def find_payment(database: Database, reference: str) -> PaymentRow | None:
    """The recorded payment of this reference."""
    row = await database.fetchrow(_PAYMENT_BY_REFERENCE, reference)
    return PaymentRow(*row) if row else None


async def find_posted(database: Database, payment_ids: Collection[UUID]) -> frozenset[UUID]:
    """Those of these payments that stand in the ledger."""
    return frozenset(row[0] for row in await database.fetch(_POSTED, list(payment_ids)))


async def held_months(database: Database) -> frozenset[date]:
    """The first days of the months that have a partition."""
    return frozenset(row[0] for row in await database.fetch(_HELD_MONTHS))


async def make_partitions(owner: Connection, first: date, last: date) -> None:
    """Make the partitions of all months from `first` to `last` that do not stand yet."""
    await owner.execute(_MAKE_PARTITIONS, first, last)
