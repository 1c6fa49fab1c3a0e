"""A recorded payment, and what is known of the webhook, as document 000 shows them."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

from msgspec import Meta, Raw, Struct

from tallystick.intake import PaymentRow

_NUMBER = Meta(
    description="In major units.", extra_json_schema={"type": "number", "format": "decimal"}
)
_OBJECT = Meta(extra_json_schema={"type": "object"})


class RecordedPayment(Struct, frozen=True):
    """Document 000's `Payment`, with its currency. `metadata` holds `_tallystick`, our receipt."""

    id: str
    reference_number: str
    loan_account_number: str
    cif: str
    amount: Annotated[Decimal, _NUMBER]
    currency: str
    payment_date: datetime
    payment_channel: str | None
    source: str
    metadata: Annotated[Raw, _OBJECT]
    created_at: datetime

    @classmethod
    def of(cls, row: PaymentRow) -> "RecordedPayment":
        return cls(
            id=str(row.id),
            reference_number=row.reference_number,
            loan_account_number=row.loan_account_number,
            cif=row.cif,
            amount=row.amount,
            currency=row.currency,
            payment_date=row.payment_date.replace(tzinfo=UTC),
            payment_channel=row.payment_channel,
            source=row.source,
            metadata=Raw((row.metadata or "{}").encode()),
            created_at=row.created_at.replace(tzinfo=UTC),
        )


class RecordedPaymentAnswer(Struct, frozen=True):
    """The payment of a reference."""

    success: bool
    data: RecordedPayment


class DuplicateView(Struct, frozen=True):
    """Whether a report with this reference would be a duplicate, and of which payment."""

    reference_number: str
    is_duplicate: bool
    payment_id: str | None


class DuplicateAnswer(Struct, frozen=True):
    """Whether a reference is taken."""

    success: bool
    data: DuplicateView


class LayerView(Struct, frozen=True):
    """What one layer of the deduplication was asked, and how often it knew."""

    lookups: int
    hits: int
    hit_rate: float


class DeduplicationView(Struct, frozen=True):
    """The layers, and whether Redis is `ok`, in `error` or `disabled`."""

    redis_state: str
    memory: LayerView
    redis: LayerView
    database: LayerView


class WebhookStats(Struct, frozen=True):
    """Reports since the processes of this server started, all together.

    `created` and `duplicates` were answered so; `errors` failed for no fault of the report.
    """

    received: int
    created: int
    duplicates: int
    invalid: int
    unauthenticated: int
    rate_limited: int
    errors: int
    average_processing_time_ms: float
    by_channel: dict[str, int]
    deduplication: DeduplicationView


class WebhookStatsAnswer(Struct, frozen=True):
    """What the webhook has seen."""

    success: bool
    data: WebhookStats
