"""Only payable ISO 4217 currencies exist, with ISO's own number of decimals."""

import pytest

from tallystick.money import Currency, UnknownCurrency


@pytest.mark.parametrize(
    ("code", "exponent"),
    [("INR", 2), ("USD", 2), ("JPY", 0), ("UGX", 0), ("KWD", 3), ("CLF", 4), ("UYW", 4)],
)
def test_a_currency_has_the_decimals_of_iso_4217(code: str, exponent: int) -> None:
    assert Currency(code).exponent == exponent


@pytest.mark.parametrize(
    "text",
    [
        *("inr", "Usd", "INR\n", " INR", "INR ", "IN", "INRR", "", "I\u0301NR", "\u0399NR"),
        *("\uff35\uff33\uff24", "US\u0405", "\u0660\u0661\u0662", "356", "INR\0"),
    ],
)
def test_a_look_alike_is_no_currency(text: str) -> None:
    with pytest.raises(UnknownCurrency):
        Currency(text)


@pytest.mark.parametrize("code", ["XXX", "XTS", "XAU", "XDR", "XSU", "XBA", "ZZZ", "DEM"])
def test_a_code_in_which_nobody_can_be_paid_is_refused(code: str) -> None:
    with pytest.raises(UnknownCurrency, match=code):
        Currency(code)


@pytest.mark.parametrize("thing", [None, 356, b"INR", ("INR",)])
def test_what_is_not_text_is_no_currency(thing: object) -> None:
    with pytest.raises(UnknownCurrency):
        Currency(thing)  # type: ignore[arg-type]  # the refusal at run time is the point


def test_all_currencies_are_listed_by_code() -> None:
    codes = [currency.code for currency in Currency.all()]

    assert codes == sorted(codes)
    assert {"INR", "USD", "EUR", "JPY", "KWD", "CLF"} <= set(codes)
    assert {currency.exponent for currency in Currency.all()} == {0, 2, 3, 4}


def test_a_currency_reads_as_its_code() -> None:
    assert str(Currency("INR")) == "INR"
