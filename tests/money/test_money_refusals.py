"""What money says when it refuses, word for word, and what it never loses on the way."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from tallystick.money import Currency, CurrencyMismatch, MalformedAmount, Money, UnknownCurrency

INR, USD, JPY = Currency("INR"), Currency("USD"), Currency("JPY")


@pytest.mark.parametrize(
    ("text", "currency", "why"),
    [
        ("1e3", INR, "'1e3' is not a plain decimal number"),
        ("1.234", INR, "INR has 2 decimals"),
        ("1.5", JPY, "JPY has 0 decimals"),
        ("1" * 18, INR, "more than 18 digits in minor units"),
        ("x" * 99, INR, f"'{'x' * 39} is not a plain decimal number"),
    ],
)
def test_a_text_that_is_no_amount(text: str, currency: Currency, why: str) -> None:
    with pytest.raises(MalformedAmount) as caught:
        Money.parse(text, currency)

    assert (str(caught.value), caught.value.code) == (why, "malformed_amount")


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1E+18", "1E-18", "-1E+18"])
def test_a_decimal_that_cannot_be_paid(text: str) -> None:
    with pytest.raises(MalformedAmount) as caught:
        Money.from_major(Decimal(text), JPY)

    assert str(caught.value) == f"{text} is not a payable amount"


def test_eighteen_digits_are_payable() -> None:
    assert Money.from_major(Decimal("1E+17"), JPY).amount_minor == 10**17


def test_two_currencies_do_not_mix() -> None:
    with pytest.raises(CurrencyMismatch) as caught:
        Money(1, INR) + Money(1, USD)

    assert (str(caught.value), caught.value.code) == ("INR and USD do not mix", "currency_mismatch")


def test_money_meets_only_money() -> None:
    with pytest.raises(TypeError, match=r"^7 is not money$"):
        Money(1, INR) + 7  # type: ignore[operator]


@pytest.mark.parametrize("amount", [True, 1.0, "1"])
def test_minor_units_are_a_plain_int(amount: int) -> None:
    with pytest.raises(TypeError, match=f"^minor units are a plain int, not {amount!r}$"):
        Money(amount, INR)


def test_an_unknown_currency() -> None:
    with pytest.raises(UnknownCurrency) as caught:
        Currency("XXX")

    assert str(caught.value) == "'XXX' is not an ISO 4217 currency with a minor unit"
    assert caught.value.code == "unknown_currency"


@pytest.mark.parametrize(
    ("reckoned", "amount_minor"),
    [
        (lambda: Money(7, INR) + Money(5, INR), 12),
        (lambda: Money(7, INR) - Money(9, INR), -2),
        (lambda: -Money(7, INR), -7),
        (lambda: abs(Money(-7, INR)), 7),
    ],
)
def test_what_is_reckoned_stays_in_its_currency(
    reckoned: Callable[[], Money], amount_minor: int
) -> None:
    assert reckoned() == Money(amount_minor, INR)


def test_nothing_has_no_sign() -> None:
    assert (Money(0, INR).plain(), Money(0, JPY).plain()) == ("0.00", "0")
    assert (Money(-1, INR).plain(), Money(1, JPY).plain()) == ("-0.01", "1")


def test_a_currency_and_an_amount_never_change() -> None:
    for thing, field in ((INR, "code"), (Money(1, INR), "amount_minor")):
        with pytest.raises(AttributeError):
            setattr(thing, field, 2)
