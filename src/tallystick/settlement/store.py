"""SQL of settlement records, and what must hold of them."""

from collections.abc import Collection
from typing import Final
from uuid import UUID

from msgspec import Struct, json

from tallystick.books import Check
from tallystick.platform.postgres.pools import Database
from tallystick.settlement.records import SettlementRecord

_RECORDS: Final = f"SELECT {', '.join(SettlementRecord.__struct_fields__)} FROM settlement_records"
_INITIATED: Final = """
SELECT aggregate_id, data FROM journal_facts
 WHERE aggregate_id = ANY($1) AND version = 1 AND kind = 'payment.initiated'
"""


class PaymentTerms(Struct, frozen=True):
    """Whose payment it is, as its first fact says."""

    merchant_id: UUID
    currency: str


async def find_records(
    database: Database, payment_ids: Collection[UUID]
) -> dict[UUID, SettlementRecord]:
    """The records of these payments, by payment."""
    rows = await database.fetch(f"{_RECORDS} WHERE payment_id = ANY($1)", list(payment_ids))
    return {row["payment_id"]: SettlementRecord(**dict(row)) for row in rows}


async def find_record(database: Database, payment_id: UUID) -> SettlementRecord | None:
    """The record of one payment, if money of it has come in."""
    return (await find_records(database, [payment_id])).get(payment_id)


async def find_terms(database: Database, payment_ids: Collection[UUID]) -> dict[UUID, PaymentTerms]:
    """Whose payments these are."""
    rows = await database.fetch(_INITIATED, list(payment_ids))
    return {row[0]: json.decode(row[1], type=PaymentTerms) for row in rows}


# What must hold -----------------------------------------------------------------------------------

# What the facts say that the consumer has passed, held against the record.
_COUNTED: Final = """
SELECT told.payment_id, told.captured, told.returned, r.captured_minor, r.returned_minor
  FROM (SELECT f.aggregate_id AS payment_id,
               coalesce(sum((f.data->>'amount_minor')::bigint)
                   FILTER (WHERE f.kind = 'payment.captured'), 0) AS captured,
               coalesce(sum((f.data->>'amount_minor')::bigint)
                   FILTER (WHERE f.kind <> 'payment.captured'), 0) AS returned
          FROM journal_facts f
          JOIN delivery_positions c
            ON c.reader = 'settlement_records' AND c.lane = f.lane AND c.position >= f.position
         WHERE f.kind IN ('payment.captured', 'payment.partially_refunded', 'payment.refunded',
                          'payment.dispute_lost', 'payment.late_failure')
           AND coalesce(f.data->>'booked_to', 'payable') = 'payable'
         GROUP BY 1) told
  LEFT JOIN settlement_records r USING (payment_id)
 WHERE told.captured > 0
   AND (r.captured_minor, r.returned_minor) IS DISTINCT FROM (told.captured, told.returned)
   AND NOT EXISTS (SELECT FROM dead_letters d
                    WHERE d.consumer = 'settlement_records' AND d.aggregate_id = told.payment_id
                      AND d.status <> 'delivered')
   AND coalesce(r.payment_version, 0) <= (
       SELECT max(f.version) FROM journal_facts f
         JOIN delivery_positions c
           ON c.reader = 'settlement_records' AND c.lane = f.lane AND c.position >= f.position
        WHERE f.aggregate_id = told.payment_id)
"""

CHECKS: Final = (
    Check(
        "settlement_records_counted",
        "every capture and return that was read is in its payment's record, once",
        _COUNTED,
        "settlement_records",
    ),
)
