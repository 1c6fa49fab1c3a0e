"""Payments made elsewhere: what a sender reports, what we record of it, and how it may be wrong."""

import hashlib
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from msgspec import Raw, Struct

from tallystick.money import Currency, Money
from tallystick.platform.ids import BUCKETS

PAYMENT_RECORDED = "payment.recorded"


class IntakeError(Exception):
    """InvalidPayment | UnreadableFile | ImportInterrupted."""

    code = "intake_error"


class FieldError(Struct, frozen=True):
    """One thing wrong with one field, in words for whoever sent it."""

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field} {self.message}"


class InvalidPayment(IntakeError):
    """The report cannot be recorded; `errors` names every field that is wrong, not just one."""

    code = "invalid_payment"

    def __init__(self, errors: tuple[FieldError, ...]) -> None:
        super().__init__("; ".join(map(str, errors)))
        self.errors = errors


class UnreadableFile(IntakeError):
    """The file as a whole cannot be imported: no such file, wrong kind, columns missing."""

    code = "unreadable_file"


class ImportInterrupted(IntakeError):
    """The database stayed away. What was recorded stands; the same import again goes on there."""

    code = "import_interrupted"


class Source(StrEnum):
    """How a payment reached us."""

    WEBHOOK = "webhook"  # told by its provider, one at a time
    STAGING = "staging"  # read in bulk: the staging table, or a file


class IntakeTerms(Struct, frozen=True):
    """What a report leaves unsaid: its currency, and the zone of a date that names none."""

    currency: Currency
    timezone: tzinfo
    posts_inline: bool = True  # else the ledger consumer posts
    metadata_bytes_max: int | None = None  # less than what may be stored at all

    @classmethod
    def of(cls, currency: str, timezone: str) -> "IntakeTerms":
        """From the settings' texts. Raises UnknownCurrency and ZoneInfoNotFoundError."""
        # A machine without zone files still knows UTC.
        zone = UTC if timezone == "UTC" else ZoneInfo(timezone)
        return cls(Currency(currency), zone)


class ReportedPayment(Struct, frozen=True):
    """A payment as its sender reports it, every field found good (`read_payment`)."""

    reference_number: str
    loan_account_number: str
    cif: str
    amount: Money
    payment_date: datetime  # UTC
    payment_channel: str | None
    metadata: dict[str, object]


class Receipt(Struct, frozen=True, omit_defaults=True):
    """How a report reached us; kept under `_tallystick` in the payment's metadata."""

    received_at: datetime
    channel: str | None = None  # of the webhook's address, or "file"
    request_id: str | None = None
    client_ip: str | None = None


class Recorded(Struct, frozen=True):
    """The answer to a report: `created`, or `duplicate` of the payment that has its reference."""

    status: str
    payment_id: UUID


class PaymentRecorded(Struct, frozen=True):
    """The fact `payment.recorded`, once in the life of a recorded payment."""

    reference_number: str
    loan_account_number: str
    cif: str
    amount_minor: int
    currency: str
    payment_date: datetime
    payment_channel: str | None
    source: str
    metadata: Raw  # JSON as it was written: a number such as 1.10 keeps its digits


class PaymentRow(Struct, frozen=True):
    """One row of `recorded_payments`, in the order of its columns; its instants are UTC."""

    id: UUID
    reference_number: str
    loan_account_number: str
    cif: str
    amount: Decimal
    payment_date: datetime
    payment_channel: str | None
    source: str
    metadata: str | None
    created_at: datetime
    currency: str


class ReferenceRow(Struct, frozen=True):
    """One row of `payment_references`, in the order of its columns; its instants are UTC."""

    reference_number: str
    payment_id: UUID
    payment_date: datetime
    created_at: datetime


def loan_bucket(loan_account_number: str) -> int:
    """The bucket of everything that belongs to this loan account.

    SHA-256, because PostgreSQL has it too and makes ids of its own where it loads in bulk.
    """
    digest = hashlib.sha256(loan_account_number.encode()).digest()
    return int.from_bytes(digest[:2]) % BUCKETS
