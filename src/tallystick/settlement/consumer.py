"""The consumer that keeps the settlement records: a record when money comes in for a merchant, an
adjustment when more comes or some goes back.
"""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from tallystick.delivery import Consumer
from tallystick.journal import Change, Fact, Told
from tallystick.platform.ids import derived_id
from tallystick.platform.postgres.pools import Database
from tallystick.settlement import store
from tallystick.settlement.records import (
    ADJUSTED,
    OPENED,
    RecordAdjusted,
    RecordOpened,
    SettlementRecord,
    record_id,
)

CAPTURED: Final = "payment.captured"
RETURNED: Final = frozenset(
    {
        "payment.partially_refunded",
        "payment.refunded",
        "payment.dispute_lost",
        "payment.late_failure",
    }
)


async def decide_records(facts: Sequence[Told], database: Database) -> list[Change | None]:
    """What each fact of a payment changes of its record."""
    payment_ids = [fact.aggregate_id for fact in facts]
    standing = await store.find_records(database, payment_ids)
    opened = [
        fact.aggregate_id
        for fact in facts
        if fact.kind == CAPTURED and fact.aggregate_id not in standing
    ]
    terms = await store.find_terms(database, opened) if opened else {}
    changes: list[Change | None] = []
    for fact in facts:
        told = _told(fact, standing.get(fact.aggregate_id), terms)
        changes.append(_change(fact, told) if told else None)
    return changes


def _told(
    fact: Told, row: SettlementRecord | None, terms: Mapping[UUID, store.PaymentTerms]
) -> Fact | None:
    if fact.kind == CAPTURED and fact.data.booked_to != "payable":
        return None  # the platform's own suspense: not the merchant's money
    if row is None:
        return _opened(fact, terms[fact.aggregate_id]) if fact.kind == CAPTURED else None
    if fact.version <= row.payment_version:
        return None  # it is in there
    amount_minor: int = fact.data.amount_minor
    if fact.kind == CAPTURED:
        change = RecordAdjusted(fact.version, amount_minor, fact.data.fee_minor)
    else:
        change = RecordAdjusted(fact.version, returned_minor=amount_minor)
    return Fact(row.id, row.version + 1, ADJUSTED, change)


def _opened(fact: Told, terms: store.PaymentTerms) -> Fact:
    opened = RecordOpened(
        payment_id=fact.aggregate_id,
        payment_version=fact.version,
        merchant_id=terms.merchant_id,
        currency=terms.currency,
        captured_minor=fact.data.amount_minor,
        fee_minor=fact.data.fee_minor,
    )
    return Fact(record_id(fact.aggregate_id), 1, OPENED, opened)


def _change(fact: Told, told: Fact) -> Change:
    change_id = derived_id(told.aggregate_id, f"change {told.version}")
    return Change(change_id, (told,), origin=fact.origin)


SETTLEMENT_CONSUMER: Final = Consumer(
    "settlement_records", frozenset({CAPTURED, *RETURNED}), decide_records
)
