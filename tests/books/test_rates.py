"""Rates: read strictly, converted exactly, rounded against whoever exchanges, no unit lost."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.books.exchange.errors import InvalidRate, NotExchangeable
from tallystick.books.exchange.rates import (
    AMOUNT_MINOR_MAX,
    DIGITS_MAX,
    SOURCE,
    TARGET,
    Conversion,
    Rate,
    convert,
)
from tallystick.money import Currency

CURRENCIES = [Currency(code) for code in ("JPY", "INR", "USD", "KWD", "CLF")]  # 0, 2, 2, 3, 4
numbers = st.integers(1, 10**DIGITS_MAX - 1)
rates = st.builds(
    lambda number, decimals: Rate(number, 10**decimals).reduced(), numbers, st.integers(0, 12)
)
pairs = st.tuples(st.sampled_from(CURRENCIES), st.sampled_from(CURRENCIES))
amounts = st.integers(1, AMOUNT_MINOR_MAX)


def exact(rate: Rate) -> Fraction:
    return Fraction(rate.numerator, rate.denominator)


def converted(side: str, amount_minor: int, rate: Rate) -> Conversion | None:
    """The conversion, or None where there is none."""
    try:
        return convert(side, amount_minor, rate)
    except NotExchangeable:
        return None


class TestReading:
    @pytest.mark.parametrize(
        ("text", "rate"),
        [
            ("1", Rate(1, 1)),
            ("83.1245", Rate(166_249, 2_000)),
            ("0.5", Rate(1, 2)),
            ("1.50", Rate(3, 2)),
            ("0.000000000001", Rate(1, 10**12)),
            ("99999999999999", Rate(10**14 - 1, 1)),
            ("12.345678901234", Rate(12_345_678_901_234, 10**12).reduced()),
        ],
    )
    def test_takes_plain_decimals(self, text: str, rate: Rate) -> None:
        assert Rate.parse(text) == rate

    @pytest.mark.parametrize(
        "text",
        [
            *("", " ", "0", "0.0", "0.000000000000", "-1", "+1", "1e2", "1E2", ".5", "5.", "1,5"),
            *("01", "00.5", "1_000", "NaN", "Infinity", "1/2", "0x1", " 1", "1 ", "1\n", "1.\n5"),
            *("\u0661", "\uff11", "1.\u0665", "100000000000000", "1.0000000000001", "9" * 10**6),
            *("123.456789012345", "1.2.3", "--1", "1e1000000", "\x001"),
        ],
    )
    def test_refuses_everything_else(self, text: str) -> None:
        with pytest.raises(InvalidRate):
            Rate.parse(text)

    @given(numbers, st.integers(0, 12))
    def test_gives_back_what_was_written(self, number: int, decimals: int) -> None:
        digits = str(number).rjust(decimals + 1, "0")
        cut = len(digits) - decimals
        text = f"{digits[:cut]}.{digits[cut:]}" if decimals else digits

        assert exact(Rate.parse(text)) == Fraction(number, 10**decimals)


class TestBetweenCurrencies:
    @pytest.mark.parametrize(
        ("source", "target", "amount_minor", "rate", "expected_minor"),
        [
            ("USD", "INR", 10_000, "83.1245", 831_245),  # USD 100.00 is INR 8,312.45
            ("USD", "JPY", 10_000, "151.37", 15_137),  # the yen has no smaller coin
            ("JPY", "USD", 15_137, "0.0066", 9_990),
            ("KWD", "INR", 1_000, "270.5", 27_050),  # KWD 1.000
            ("INR", "KWD", 27_050, "0.0037", 1_000),
            ("CLF", "JPY", 10_000, "5000", 5_000),  # CLF 1.0000
        ],
    )
    def test_their_decimals_come_in(
        self, source: str, target: str, amount_minor: int, rate: str, expected_minor: int
    ) -> None:
        minor = Rate.parse(rate).between_minor(Currency(source), Currency(target))

        assert convert(SOURCE, amount_minor, minor).target_minor == expected_minor

    @given(rates, pairs)
    def test_every_rate_fits_into_64_bits_and_turns_over_exactly(
        self, rate: Rate, pair: tuple[Currency, Currency]
    ) -> None:
        source, target = pair
        minor = rate.between_minor(source, target)
        back = rate.inverse.between_minor(target, source)

        assert 0 < minor.numerator < 2**63
        assert 0 < minor.denominator < 2**63
        assert exact(minor) * exact(back) == 1


class TestConverting:
    @pytest.mark.parametrize(
        ("amount_minor", "target_minor", "rounding_minor"),
        [
            (4, 2, 0),  # 2.0: nothing to round
            (5, 2, 0),  # 2.5: a tie, to the even 2
            (7, 3, 1),  # 3.5: a tie, to the even 4
        ],
    )
    def test_a_source_is_rounded_down(
        self, amount_minor: int, target_minor: int, rounding_minor: int
    ) -> None:
        found = convert(SOURCE, amount_minor, Rate(1, 2))

        assert found == Conversion(SOURCE, amount_minor, target_minor, rounding_minor)

    @pytest.mark.parametrize(
        ("amount_minor", "source_minor", "rounding_minor"),
        [
            (4, 2, 0),
            (5, 3, 1),  # 2.5: nearest is 2, one more is paid
            (7, 4, 0),  # 3.5: nearest is 4, which is paid
        ],
    )
    def test_a_target_is_rounded_up(
        self, amount_minor: int, source_minor: int, rounding_minor: int
    ) -> None:
        found = convert(TARGET, amount_minor, Rate(2, 1))

        assert found == Conversion(TARGET, source_minor, amount_minor, rounding_minor)

    @given(amounts, rates)
    def test_nobody_gets_more_than_the_rate_gives_nor_loses_a_unit(
        self, amount_minor: int, rate: Rate
    ) -> None:
        if found := converted(SOURCE, amount_minor, rate):
            due = amount_minor * exact(rate)
            assert 0 <= due - found.target_minor < 1
        if found := converted(TARGET, amount_minor, rate):
            due = amount_minor / exact(rate)
            assert 0 <= found.source_minor - due < 1

    @given(amounts, rates)
    def test_the_platform_keeps_the_exact_amount_within_half_a_unit(
        self, amount_minor: int, rate: Rate
    ) -> None:
        if found := converted(SOURCE, amount_minor, rate):
            given_away = found.target_minor + found.rounding_minor
            assert abs(given_away - amount_minor * exact(rate)) <= Fraction(1, 2)
        if found := converted(TARGET, amount_minor, rate):
            kept = found.source_minor - found.rounding_minor
            assert abs(kept - amount_minor / exact(rate)) <= Fraction(1, 2)

    @given(amounts, rates, st.sampled_from([SOURCE, TARGET]))
    def test_the_difference_is_nothing_or_one_unit(
        self, amount_minor: int, rate: Rate, side: str
    ) -> None:
        if found := converted(side, amount_minor, rate):
            assert found.rounding_minor in (0, 1)

    @given(amounts, rates, st.sampled_from([SOURCE, TARGET]))
    def test_there_and_back_again_nobody_comes_out_ahead(
        self, amount_minor: int, rate: Rate, side: str
    ) -> None:
        there = converted(side, amount_minor, rate)
        back = converted(SOURCE, there.target_minor, rate.inverse) if there else None
        if there and back:
            assert back.target_minor <= there.source_minor

    @given(st.integers(), rates, st.sampled_from([SOURCE, TARGET]))
    def test_only_payable_amounts_are_exchanged(
        self, amount_minor: int, rate: Rate, side: str
    ) -> None:
        found = converted(side, amount_minor, rate)
        if found:
            assert 1 <= found.source_minor <= AMOUNT_MINOR_MAX
            assert 1 <= found.target_minor <= AMOUNT_MINOR_MAX
        elif 1 <= amount_minor <= AMOUNT_MINOR_MAX:
            factor = exact(rate) if side == SOURCE else 1 / exact(rate)
            other = amount_minor * factor
            assert other < 1 or other > AMOUNT_MINOR_MAX

    @given(st.lists(amounts, max_size=30), rates)
    def test_many_exchanges_lose_no_unit_in_either_currency(
        self, amounts_minor: list[int], rate: Rate
    ) -> None:
        """The customer's, the exchange account's and the rounding account's moves sum to zero."""
        source, target = [0, 0], [0, 0, 0]  # customer, exchange [, rounding]
        for amount_minor in amounts_minor:
            if found := converted(SOURCE, amount_minor, rate):
                source[0] -= found.source_minor
                source[1] += found.source_minor
                target[0] += found.target_minor
                target[1] -= found.target_minor + found.rounding_minor
                target[2] += found.rounding_minor
        assert sum(source) == 0
        assert sum(target) == 0
        drift = abs(target[1] + source[1] * exact(rate))
        assert drift <= Fraction(len(amounts_minor), 2)
