"""Money is whole minor units of one currency, read and written exactly."""

from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.money import Currency, CurrencyMismatch, MalformedAmount, Money

INR, JPY, KWD, CLF = Currency("INR"), Currency("JPY"), Currency("KWD"), Currency("CLF")

currencies = st.sampled_from(Currency.all())
minor_units = st.integers(-(10**18) + 1, 10**18 - 1)
amounts = st.builds(Money, minor_units, currencies)


@pytest.mark.parametrize(
    ("text", "currency", "amount_minor"),
    [
        ("12.50", INR, 1_250),
        ("12.5", INR, 1_250),
        ("12", INR, 1_200),
        ("0", INR, 0),
        ("-0.01", INR, -1),
        ("500", JPY, 500),
        ("1.234", KWD, 1_234),
        ("0.0001", CLF, 1),
        ("9999999999999999.99", INR, 999_999_999_999_999_999),
    ],
)
def test_plain_decimal_text_is_an_amount(text: str, currency: Currency, amount_minor: int) -> None:
    assert Money.parse(text, currency) == Money(amount_minor, currency)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "1 ", " 1", "1\n", "+1", "--1", "1-", "01", "00.1", ".5", "5.", "1.2.3"),
        *("1e2", "1E2", "1e1000000", "NaN", "Infinity", "-Infinity", "0x10", "1_000", "1,000"),
        *("\u0661\u0662", "\uff11\uff12", "\u00b2", "\u2212" + "1", "1\0", "true", "null"),
        *("1.005", "12345678901234567", "9" * 1_000),
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(MalformedAmount):
        Money.parse(text, INR)


@pytest.mark.parametrize(
    ("text", "currency"), [("1.0", JPY), ("1.00", JPY), ("1.0000", KWD), ("1.000", INR)]
)
def test_more_decimals_than_the_currency_has_are_refused(text: str, currency: Currency) -> None:
    with pytest.raises(MalformedAmount, match=f"{currency} has {currency.exponent} decimals"):
        Money.parse(text, currency)


@given(amounts)
def test_what_is_written_reads_back_as_the_same(money: Money) -> None:
    assert Money.parse(money.plain(), money.currency) == money
    assert Money.from_major(money.major, money.currency) == money


@given(amounts)
def test_text_and_decimal_carry_all_the_decimals_of_the_currency(money: Money) -> None:
    with localcontext(prec=60):
        assert money.major == Decimal(money.amount_minor) / 10**money.currency.exponent
    assert -money.major.as_tuple().exponent == money.currency.exponent  # type: ignore[operator]
    assert str(money) == f"{money.plain()} {money.currency.code}"


def test_the_decimal_context_of_the_caller_changes_nothing() -> None:
    with localcontext(prec=3):
        assert Money(123_456_789, INR).major == Decimal("1234567.89")
        assert Money.from_major(Decimal("1234567.89"), INR) == Money(123_456_789, INR)


@pytest.mark.parametrize(
    "number",
    ["NaN", "sNaN", "Infinity", "-Infinity", "1E+18", "1E+1000000", "1E-1000000", "0.001", "0E+99"],
)
def test_a_decimal_that_cannot_be_paid_is_refused(number: str) -> None:
    with pytest.raises(MalformedAmount):
        Money.from_major(Decimal(number), INR)


def test_a_decimal_in_exponent_form_is_a_number_like_any_other() -> None:
    assert Money.from_major(Decimal("2E+5"), INR) == Money(20_000_000, INR)


@pytest.mark.parametrize("amount_minor", [1.0, True, "1", None, Decimal(1)])
def test_only_a_plain_int_counts_minor_units(amount_minor: object) -> None:
    with pytest.raises(TypeError):
        Money(amount_minor, INR)  # type: ignore[arg-type]  # the refusal at run time is the point


@given(minor_units, minor_units, currencies)
def test_sums_and_comparisons_are_those_of_the_minor_units(
    left: int, right: int, currency: Currency
) -> None:
    a, b = Money(left, currency), Money(right, currency)

    assert (a + b).amount_minor == left + right
    assert (a - b).amount_minor == left - right
    assert (-a).amount_minor == -left
    assert abs(a).amount_minor == abs(left)
    assert (a < b, a <= b, a > b, a >= b) == (
        left < right,
        left <= right,
        left > right,
        left >= right,
    )
    assert (a == b) == (left == right)


@given(amounts, amounts)
def test_two_currencies_never_mix(left: Money, right: Money) -> None:
    if left.currency == right.currency:
        right = Money(right.amount_minor, JPY if left.currency != JPY else INR)

    for mix in (Money.__add__, Money.__sub__, Money.__lt__):
        with pytest.raises(CurrencyMismatch):
            mix(left, right)
    assert left != right


def test_money_does_not_add_to_a_bare_number() -> None:
    with pytest.raises(TypeError, match="not money"):
        Money(1, INR) + 1  # type: ignore[operator]  # the refusal at run time is the point


def test_money_is_not_multiplied() -> None:
    with pytest.raises(TypeError):
        Money(1, INR) * 1.5  # type: ignore[operator]  # the refusal at run time is the point


def test_money_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Money(1, INR).amount_minor = 2  # type: ignore[misc]  # the refusal at run time is the point
