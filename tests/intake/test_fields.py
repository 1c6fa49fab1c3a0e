"""Every fault of a report is found, and told together with the others."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from tallystick.intake import InvalidPayment
from tallystick.intake.fields import METADATA_BYTES_MAX, written_metadata
from tallystick.intake.model import IntakeTerms, Receipt
from tests.intake.factories import USD, make_body, make_report, read_report


def faults(body: object, terms: IntakeTerms = USD) -> dict[str, str]:
    with pytest.raises(InvalidPayment) as caught:
        read_report(body, terms)
    return {error.field: error.message for error in caught.value.errors}


def nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels):
        value = {"in": value}
    return value


def test_the_documented_example_is_good() -> None:
    payment = make_report(payment_date="2024-01-15T10:30:00Z")

    assert payment.reference_number == "PAY-2026-001"
    assert payment.amount.amount_minor == 100_050
    assert payment.payment_date == datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
    assert payment.metadata == {"transaction_id": "TXN-001", "bank_code": "VCB"}


def test_channel_and_metadata_may_be_absent_and_other_fields_are_ignored() -> None:
    payment = make_report(payment_channel=None, metadata=None, agent="A-7")

    assert payment.payment_channel is None
    assert payment.metadata == {}


def test_every_fault_is_told_at_once() -> None:
    body = {
        "reference_number": "",
        "loan_account_number": "L" * 21,
        "cif": 7,
        "amount": True,
        "payment_date": "yesterday",
        "payment_channel": "c" * 101,
        "metadata": [],
    }

    assert faults(body) == {
        "reference_number": "must have 1 to 255 characters",
        "loan_account_number": "must have 1 to 20 characters",
        "cif": "must be a string",
        "amount": "must be a number",
        "payment_date": "must be an ISO 8601 date and time, such as 2024-01-15T10:30:00Z",
        "payment_channel": "must have 0 to 100 characters",
        "metadata": "must be an object",
    }


def test_an_empty_body_lacks_the_five_required_fields() -> None:
    assert faults({}) == dict.fromkeys(
        ("reference_number", "loan_account_number", "cif", "amount", "payment_date"), "is required"
    )


@pytest.mark.parametrize("body", [None, [], "text", 7, True, [make_body()]])
def test_only_an_object_is_a_report(body: object) -> None:
    assert faults(body) == {"body": "must be an object"}


@pytest.mark.parametrize(
    ("amount", "minor"),
    [
        (Decimal("0.01"), 1),
        (1, 100),
        (Decimal("1000.5"), 100_050),
        (Decimal("1000.500"), 100_050),
        (Decimal("1E+3"), 100_000),
        (Decimal("9999999999999.99"), 999_999_999_999_999),
    ],
)
def test_amounts_keep_every_cent(amount: Decimal | int, minor: int) -> None:
    assert make_report(amount=amount).amount.amount_minor == minor


@pytest.mark.parametrize(
    "amount",
    [
        *("1000.50", True, [1], {"value": 1}, 1000.5),
        *(0, -1, Decimal("0.009"), Decimal("-0.0"), Decimal("10000000000000.00"), 10**400),
        *(Decimal("1e400"), Decimal("1e-400"), Decimal("1e999999999"), Decimal("0.001")),
        *(Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), Decimal("-Infinity")),
        *(Decimal("1000.505"), Decimal("1." + "0" * 60 + "1")),
    ],
)
def test_other_amounts_are_refused(amount: object) -> None:
    assert list(faults(make_body(amount=amount))) == ["amount"]


@pytest.mark.parametrize(
    ("currency", "good", "minor", "bad"),
    [
        ("JPY", Decimal("1000.00"), 1_000, Decimal("1000.50")),
        # The documented column has two decimals, so a third one of the dinar cannot be kept.
        ("KWD", Decimal("1.25"), 1_250, Decimal("1.255")),
        ("KWD", Decimal("999999999999.99"), 999_999_999_999_990, Decimal("1000000000000.00")),
    ],
)
def test_decimals_follow_the_currency_and_the_column(
    currency: str, good: Decimal, minor: int, bad: Decimal
) -> None:
    terms = IntakeTerms.of(currency, "UTC")

    assert read_report(make_body(amount=good), terms).amount.amount_minor == minor
    assert list(faults(make_body(amount=bad), terms)) == ["amount"]


@pytest.mark.parametrize(
    ("text", "hour_utc"),
    [
        ("2026-03-01T10:30:00Z", 10),
        ("2026-03-01T10:30:00+05:30", 5),
        ("2026-03-01T10:30:00.123456789+0530", 5),
        ("2026-03-01 10:30:00+00", 10),
        ("2026-03-01T10:30", 3),
        ("2026-03-01", 17),
    ],
)
def test_a_date_without_zone_is_in_the_staging_zone(text: str, hour_utc: int) -> None:
    terms = IntakeTerms.of("USD", "Asia/Ho_Chi_Minh")

    payment = read_report(make_body(payment_date=text), terms)

    assert payment.payment_date.hour == hour_utc
    assert payment.payment_date.utcoffset() == UTC.utcoffset(None)


@pytest.mark.parametrize(
    "date",
    [
        *(
            "",
            "2026-02-30",
            "2026-13-01T00:00:00Z",
            "2026-03-01T25:00:00Z",
            "20260301",
            "today",
        ),
        *(
            "2026-03-01T10:30:00Z\n",
            "202\u0666-03-01",
            "0001-01-01T00:00:00+14:00",
            "2026-W09-1",
            " ",
        ),
        *("2026-03-01T10:30:00+99:00", "9999-12-31T23:59:59-14:00", 1_772_361_000, {}),
    ],
)
def test_other_dates_are_refused(date: object) -> None:
    assert list(faults(make_body(payment_date=date))) == ["payment_date"]


@pytest.mark.parametrize("text", ["A\0B", "A\ud800B"])
@pytest.mark.parametrize("field", ["reference_number", "loan_account_number", "cif"])
def test_texts_the_database_cannot_hold_are_refused(field: str, text: str) -> None:
    assert list(faults(make_body(**{field: text}))) == [field]


@pytest.mark.parametrize("text", ["Zahlung № 7", "支払い", "🧾" * 255, "' OR 1=1 --"])
def test_any_other_text_is_a_reference(text: str) -> None:
    assert make_report(reference_number=text).reference_number == text


@pytest.mark.parametrize(
    "metadata",
    [
        *([], "text", 7, {"a": "\0"}, {"\0": 1}, {"a": {"b": ["\udfff"]}}, {"a": 1.5}),
        *({"a": Decimal("NaN")}, {"a": Decimal("1e400")}, {"a": Decimal("1e-400")}),
        *({"a": object()}, nested(40), {"_tallystick": {}}, {"a": "x" * METADATA_BYTES_MAX}),
    ],
)
def test_metadata_that_jsonb_cannot_hold_is_refused(metadata: object) -> None:
    assert list(faults(make_body(metadata=metadata))) == ["metadata"]


def test_metadata_keeps_its_digits_and_gains_the_receipt() -> None:
    metadata = {"rate": Decimal("1.10"), "big": 2**70, "none": None, "list": [True, "ü"]}
    receipt = Receipt(datetime(2026, 3, 2, tzinfo=UTC), "vcb", "req-7", "192.0.2.7")

    written = written_metadata(make_report(metadata=metadata).metadata, receipt)

    assert b'"rate":1.10,"big":1180591620717411303424' in written
    assert msgspec.json.decode(written)["_tallystick"] == {
        "received_at": "2026-03-02T00:00:00Z",
        "channel": "vcb",
        "request_id": "req-7",
        "client_ip": "192.0.2.7",
    }
