"""Document 000's `PaymentRecordedEvent`, made of the fact `payment.recorded`. Pure."""

from datetime import datetime
from functools import lru_cache
from typing import Final

from msgspec import Raw, Struct, json

from tallystick.money import Currency, Money


class RecordedFact(Struct, frozen=True):
    """What the event needs of the fact."""

    reference_number: str
    loan_account_number: str
    cif: str
    amount_minor: int
    currency: str
    payment_date: datetime
    payment_channel: str | None
    source: str
    metadata: Raw


class RecordedPayment(Struct, frozen=True):
    """`payment` of the event; `amount` is in major units, instants end in milliseconds and Z."""

    id: str
    reference_number: str
    loan_account_number: str
    cif: str
    amount: Raw
    payment_date: str
    payment_channel: str
    source: str
    metadata: Raw


class RecordedEvent(Struct, frozen=True):
    """The event as it stands on the topic."""

    event_id: str
    event_type: str
    timestamp: str
    payment: RecordedPayment


_fact: Final = json.Decoder(RecordedFact)
_encoder: Final = json.Encoder()


def recorded_event(
    data: str, *, event_id: str, payment_id: str, timestamp: str
) -> tuple[str, bytes]:
    """The event's key, which is the reference, and its value."""
    fact = _fact.decode(data)
    payment = RecordedPayment(
        id=payment_id,
        reference_number=fact.reference_number,
        loan_account_number=fact.loan_account_number,
        cif=fact.cif,
        amount=Raw(Money(fact.amount_minor, Currency(fact.currency)).plain().encode()),
        payment_date=javascript_time(fact.payment_date),
        payment_channel=fact.payment_channel or "",
        source=fact.source,
        metadata=fact.metadata,
    )
    event = RecordedEvent(event_id, "payment.recorded", timestamp, payment)
    return fact.reference_number, _encoder.encode(event)


@lru_cache(maxsize=1_024)  # all facts of a batch have one instant
def javascript_time(instant: datetime) -> str:
    """An instant in UTC as JavaScript's `toISOString` writes it."""
    return instant.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
