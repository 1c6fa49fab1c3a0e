"""Names for outsiders: cursors, and references that can be told by telephone."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.payments.errors import Invalid
from tallystick.payments.pages import Place, page_of, read_cursor, write_cursor
from tallystick.payments.references import parse_payment_reference, payment_reference
from tallystick.platform.ids import MalformedId, new_id

INSTANTS = st.datetimes(
    datetime(1970, 1, 2),  # noqa: DTZ001 - hypothesis wants the bounds plain
    datetime(2200, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
BUCKETS = st.integers(0, 4095)


class TestReferences:
    @given(at=INSTANTS, bucket=BUCKETS)
    def test_lead_back_to_the_payment(self, at: datetime, bucket: int) -> None:
        payment_id = new_id(at, bucket)

        assert parse_payment_reference(payment_reference(payment_id)) == payment_id

    def test_begin_with_the_day(self) -> None:
        reference = payment_reference(new_id(datetime(2025, 1, 15, 23, 59, tzinfo=UTC), 7))

        assert reference.startswith("PAY_20250115_")
        assert len(reference) == 36

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "PAY_123456",
            "PAY_20250132_00000-00000-00000-00000",
            "PAY_20250115_ZZZZZ-00000-00000-00000",
            "PAY_20250115_00000-00000-00000-0000U",
            "PAY_20250115_00000-00000-00000-00000\n",
            "pay_20250115_00000-00000-00000-00000",
            "PAY_２０250115_00000-00000-00000-00000",
        ],
    )
    def test_are_read_strictly(self, text: str) -> None:
        with pytest.raises(MalformedId):
            parse_payment_reference(text)


class TestCursors:
    @given(at=INSTANTS, bucket=BUCKETS)
    def test_lead_back_to_the_place(self, at: datetime, bucket: int) -> None:
        place = Place(at, new_id(at, bucket))

        assert read_cursor(write_cursor(place)) == place

    @pytest.mark.parametrize("text", ["", "x", "AAAA", "A" * 33, "é" * 32, "/" * 32, "-" * 32])
    def test_are_read_strictly(self, text: str) -> None:
        with pytest.raises(Invalid):
            read_cursor(text)


def test_a_page_tells_whether_another_follows() -> None:
    at = datetime(2026, 3, 2, tzinfo=UTC)
    rows = tuple(Place(at + timedelta(seconds=n), new_id(at, n)) for n in range(3))

    assert page_of(rows, 3).next_cursor is None
    assert page_of(rows, 2).rows == rows[:2]
    assert read_cursor(page_of(rows, 2).next_cursor or "") == rows[1]
