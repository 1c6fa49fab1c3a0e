"""The two tables that are folded from `payment.recorded`: the payments and their references."""

from datetime import UTC, datetime
from typing import Final

from tallystick.intake.dedup import TAKEN_REFERENCES
from tallystick.intake.model import PAYMENT_RECORDED, PaymentRecorded, PaymentRow, ReferenceRow
from tallystick.intake.retention.facts import payments_retention, references_retention
from tallystick.intake.retention.facts import projections as retention_projections
from tallystick.journal import Fact, Projection, Told
from tallystick.money import Currency, Money


def fold_payment(_row: PaymentRow | None, told: Told) -> PaymentRow:
    """The recorded payment that the fact tells of; it has no second fact."""
    fact: PaymentRecorded = told.data
    return PaymentRow(
        id=told.aggregate_id,
        reference_number=fact.reference_number,
        loan_account_number=fact.loan_account_number,
        cif=fact.cif,
        amount=Money(fact.amount_minor, Currency(fact.currency)).major,
        payment_date=_column_time(fact.payment_date),
        payment_channel=fact.payment_channel,
        source=fact.source,
        metadata=bytes(fact.metadata).decode(),
        created_at=_column_time(told.at),
        currency=fact.currency,
    )


def fold_reference(_row: ReferenceRow | None, told: Told) -> ReferenceRow:
    """The reference that the fact takes for its payment, for all time it is kept."""
    fact: PaymentRecorded = told.data
    return ReferenceRow(
        reference_number=fact.reference_number,
        payment_id=told.aggregate_id,
        payment_date=_column_time(fact.payment_date),
        created_at=_column_time(told.at),
    )


def _column_time(instant: datetime) -> datetime:
    # Document 000 types its columns TIMESTAMP, which has no zone: what we write there is UTC.
    return instant.astimezone(UTC).replace(tzinfo=None)


def _reference_of(fact: Told | Fact) -> str:
    reported: PaymentRecorded = fact.data  # type: ignore[assignment]
    return reported.reference_number


_KINDS: Final = {PAYMENT_RECORDED: PaymentRecorded}

projections: Final = (
    Projection(
        table="recorded_payments",
        row=PaymentRow,
        kinds=_KINDS,
        fold=fold_payment,
        insert_only=True,
        retention=payments_retention,
    ),
    # Its unique key is what makes a second report of one payment a duplicate, on every path.
    Projection(
        table="payment_references",
        row=ReferenceRow,
        kinds=_KINDS,
        fold=fold_reference,
        key="reference_number",
        aggregate="payment_id",
        key_of=_reference_of,
        insert_only=True,
        unique=True,
        taken_sql=TAKEN_REFERENCES,
        retention=references_retention,
    ),
    *retention_projections,
)
