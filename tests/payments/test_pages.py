"""Names for outsiders: cursors, and references that can be told by telephone."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tallystick.payments.errors import Invalid
from tallystick.payments.pages import Place, page_of, read_cursor, write_cursor
from tallystick.payments.references import (
    check_character,
    parse_payment_reference,
    payment_reference,
)
from tallystick.platform.ids import MalformedId, new_id

INSTANTS = st.datetimes(
    datetime(1970, 1, 2),  # noqa: DTZ001 - hypothesis wants the bounds plain
    datetime(2200, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
BUCKETS = st.integers(0, 4095)


class TestReferences:
    @given(at=INSTANTS, bucket=BUCKETS)
    def test_lead_back_to_the_payment(self, at: datetime, bucket: int) -> None:
        payment_id = new_id(at, bucket)

        assert parse_payment_reference(payment_reference(payment_id)) == payment_id

    def test_begin_with_the_day(self) -> None:
        reference = payment_reference(new_id(datetime(2025, 1, 15, 23, 59, tzinfo=UTC), 7))

        assert reference.startswith("PAY_20250115_")
        assert len(reference) == 38

    def test_are_checked_as_the_standard_says(self) -> None:
        """The worked example of GRid, which uses ISO/IEC 7064 MOD 37,36: A1-2425G-ABC1234002-M."""
        assert check_character("A12425GABC1234002") == "M"

    @given(at=INSTANTS, place=st.integers(0, 29), other=st.sampled_from(LETTERS))
    def test_one_wrong_character_is_found_out(self, at: datetime, place: int, other: str) -> None:
        right = payment_reference(new_id(at, 7))
        places = [at for at, letter in enumerate(right) if at > 3 and letter not in "_-"]
        at_ = places[place % len(places)]
        wrong = right[:at_] + other + right[at_ + 1 :]

        assume(wrong != right)
        with pytest.raises(MalformedId):
            parse_payment_reference(wrong)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "PAY_123456",
            "PAY_20250132_00000-00000-00000-00000-3",
            "PAY_20250115_ZZZZZ-00000-00000-00000-N",
            "PAY_20250115_00000-00000-00000-0000U-3",
            "PAY_20250115_00000-00000-00000-00000",
            "PAY_20250115_00000-00000-00000-00000-4",
            "PAY_20250115_00000-00000-00000-00000-3\n",
            "pay_20250115_00000-00000-00000-00000-3",
            "PAY_２０250115_00000-00000-00000-00000-3",
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
