"""Reading the fields of a reported payment: every field is judged, and every fault is told at once.

The limits are document 000's, which its tables repeat: a value that passes here fits its column.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Final, TypeVar

import msgspec

from tallystick.intake.model import (
    FieldError,
    IntakeTerms,
    InvalidPayment,
    Receipt,
    ReportedPayment,
)
from tallystick.money import Currency, Money

REQUIRED: Final = ("reference_number", "loan_account_number", "cif", "amount", "payment_date")
FIELDS: Final = (*REQUIRED, "payment_channel", "metadata")
RECEIPT_KEY: Final = "_tallystick"

LENGTHS: Final = {
    "reference_number": range(1, 256),
    "loan_account_number": range(1, 21),
    "cif": range(1, 21),
    "payment_channel": range(101),
}
AMOUNT_MIN: Final = Decimal("0.01")
AMOUNT_DIGITS: Final = 15  # of the column, two of them decimals; and of a transfer, in minor units
METADATA_BYTES_MAX: Final = 32_768
METADATA_DEPTH_MAX: Final = 32
# jsonb refuses a number of more than 131,072 digits; this is the range of a double, as senders use.
EXPONENT_MAX: Final = 308

_INSTANT: Final = re.compile(
    r"\d{4}-\d\d-\d\d"
    r"(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d(?::?\d\d)?)?)?",
    re.ASCII,
)
_JSON: Final = msgspec.json.Encoder(decimal_format="number")
_QUANTA: Final = (Decimal(1), Decimal("0.1"), Decimal("0.01"))
_NOTHING: Final = Money(0, Currency("USD"))
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

T = TypeVar("T")


class _Wrong(ValueError):
    """What is wrong with the value at hand; becomes a FieldError."""


def read_payment(values: Mapping[str, object], terms: IntakeTerms) -> ReportedPayment:
    """The payment that `values` report: JSON values, their numbers int or Decimal, never float.

    Fields of other names are ignored. Raises InvalidPayment with every fault.
    """
    reading = _Reading(values)
    payment = ReportedPayment(
        reference_number=reading.text("reference_number"),
        loan_account_number=reading.text("loan_account_number"),
        cif=reading.text("cif"),
        amount=reading.take("amount", lambda amount: _money(amount, terms.currency), _NOTHING),
        payment_date=reading.take("payment_date", lambda date: _instant(date, terms), _EPOCH),
        payment_channel=reading.text("payment_channel") if "payment_channel" in values else None,
        metadata=reading.metadata(terms) if "metadata" in values else {},
    )
    if reading.errors:
        raise InvalidPayment(tuple(reading.errors))
    return payment


def written_metadata(metadata: Mapping[str, object], receipt: Receipt) -> bytes:
    """The JSON that is recorded: the sender's keys untouched, our receipt beside them."""
    return _JSON.encode({**metadata, RECEIPT_KEY: receipt})


class _Reading:
    """Takes one value after another; after a fault it goes on with a stand-in."""

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = values
        self.errors: list[FieldError] = []

    def take(self, field: str, read: Callable[[object], T], stand_in: T) -> T:
        try:
            return read(self._values[field])
        except KeyError:
            wrong = "is required"
        except _Wrong as error:
            wrong = str(error)
        self.errors.append(FieldError(field, wrong))
        return stand_in

    def text(self, field: str) -> str:
        value = self._values.get(field)
        if isinstance(value, str) and len(value) in LENGTHS[field] and _is_plain(value):
            return value  # nearly all are
        return self.take(field, lambda value: _text(value, LENGTHS[field]), "")

    def metadata(self, terms: IntakeTerms) -> dict[str, object]:
        bytes_max = terms.metadata_bytes_max or METADATA_BYTES_MAX
        return self.take("metadata", lambda value: _metadata(value, bytes_max), {})


def _text(value: object, lengths: range) -> str:
    if not isinstance(value, str):
        raise _Wrong("must be a string")
    if len(value) not in lengths:
        raise _Wrong(f"must have {lengths.start} to {lengths.stop - 1} characters")
    _check_storable(value)
    return value


def _money(value: object, currency: Currency) -> Money:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise _Wrong("must be a number")
    amount = Decimal(value)
    largest = largest_amount(currency)
    if not (amount.is_finite() and AMOUNT_MIN <= amount <= largest):
        raise _Wrong(f"must be from {AMOUNT_MIN} to {largest}")
    decimals = min(currency.exponent, 2)
    written = amount.quantize(_QUANTA[decimals])
    if written != amount:
        raise _Wrong(f"in {currency} must have at most {decimals} decimals")
    return Money(int(written.scaleb(currency.exponent)), currency)


@cache
def largest_amount(currency: Currency) -> Decimal:
    """The most that may be reported at once, in major units."""
    return Decimal(10**AMOUNT_DIGITS - 1).scaleb(-max(2, currency.exponent))


def _instant(value: object, terms: IntakeTerms) -> datetime:
    """ISO 8601: a date alone is its midnight, an instant without zone is in the terms' zone."""
    if not (isinstance(value, str) and _INSTANT.fullmatch(value)):
        raise _Wrong("must be an ISO 8601 date and time, such as 2024-01-15T10:30:00Z")
    try:
        instant = datetime.fromisoformat(value)
        if instant.tzinfo is None:
            instant = instant.replace(tzinfo=terms.timezone)
        return instant if instant.tzinfo is UTC else instant.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _Wrong(f"is no date of the calendar: {value}") from error


def _metadata(value: object, bytes_max: int) -> dict[str, object]:
    if not isinstance(value, dict):
        raise _Wrong("must be an object")
    if RECEIPT_KEY in value:
        raise _Wrong(f"must not have the key {RECEIPT_KEY}, which is ours")
    _check_json(value, METADATA_DEPTH_MAX)
    if len(_JSON.encode(value)) > bytes_max:
        raise _Wrong(f"must be at most {bytes_max} bytes")
    return value


def _check_json(value: object, depth: int) -> None:
    """Refuses what jsonb cannot hold, before it can spoil a batch of other people's payments."""
    if depth < 0:
        raise _Wrong(f"must be at most {METADATA_DEPTH_MAX} levels deep")
    match value:
        case str():
            _check_storable(value)
        case dict():
            for key, member in value.items():
                _check_storable(key)
                if depth and type(member) is str:  # nearly all are
                    _check_storable(member)
                else:
                    _check_json(member, depth - 1)
        case list():
            for member in value:
                _check_json(member, depth - 1)
        case int() | Decimal():
            _check_number(Decimal(value))
        case None:
            pass
        case _:
            raise _Wrong(f"holds a {type(value).__name__}, which JSON does not have")


def _check_number(number: Decimal) -> None:
    lowest = number.as_tuple().exponent
    if not isinstance(lowest, int) or number.adjusted() > EXPONENT_MAX or lowest < -EXPONENT_MAX:
        raise _Wrong(f"holds a number beyond 1e{EXPONENT_MAX} or finer than 1e-{EXPONENT_MAX}")


def _is_plain(text: str) -> bool:
    return text.isascii() and "\0" not in text


def _check_storable(text: str) -> None:
    if "\0" in text:
        raise _Wrong("must not hold a NUL character")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise _Wrong("must be valid Unicode text") from error
