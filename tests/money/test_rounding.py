"""A share of an amount is rounded by the rule that was named, in integers."""

import decimal
from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.money import Rounding, share

IN_DECIMAL = {
    Rounding.HALF_EVEN: decimal.ROUND_HALF_EVEN,
    Rounding.HALF_UP: decimal.ROUND_HALF_UP,
    Rounding.HALF_DOWN: decimal.ROUND_HALF_DOWN,
    Rounding.UP: decimal.ROUND_UP,
    Rounding.DOWN: decimal.ROUND_DOWN,
    Rounding.CEILING: decimal.ROUND_CEILING,
    Rounding.FLOOR: decimal.ROUND_FLOOR,
}

rules = st.sampled_from(Rounding)

# Units after rounding a quarter, a half and three quarters, on either side of zero.
BY_HAND = """
rule        -1.5  -0.75  -0.5  -0.25  0.25  0.5  0.75  1.5  2.5
half_even     -2     -1     0      0     0    0     1    2    2
half_up       -2     -1    -1      0     0    1     1    2    3
half_down     -1     -1     0      0     0    0     1    1    2
up            -2     -1    -1     -1     1    1     1    2    3
down          -1      0     0      0     0    0     0    1    2
ceiling       -1      0     0      0     1    1     1    2    3
floor         -2     -1    -1     -1     0    0     0    1    2
"""


def hand_made_cases() -> list[tuple[str, str, int]]:
    head, *rows = [line.split() for line in BY_HAND.strip().splitlines()]
    return [
        (row[0], exact, int(rounded))
        for row in rows
        for exact, rounded in zip(head[1:], row[1:], strict=True)
    ]


@pytest.mark.parametrize(("rule", "exact", "rounded"), hand_made_cases())
def test_rounds_as_the_table_says(rule: str, exact: str, rounded: int) -> None:
    quarters = int(Decimal(exact) * 4)

    assert share(quarters, 1, 4, Rounding(rule)) == rounded


@given(st.integers(-(10**18), 10**18), st.integers(0, 20_000), rules)
def test_basis_points_agree_with_the_decimal_module(
    amount: int, points: int, rule: Rounding
) -> None:
    with localcontext(prec=60):
        exact = Decimal(amount * points).scaleb(-4)
        expected = int(exact.quantize(Decimal(1), rounding=IN_DECIMAL[rule]))

    assert share(amount, points, 10_000, rule) == expected


@pytest.mark.parametrize("rule", Rounding)
def test_every_small_fraction_agrees_with_the_decimal_module(rule: Rounding) -> None:
    """Thirds and sevenths too: just above and just below the middle without ever being on it."""
    for under in range(1, 12):
        for over in range(-40, 41):
            exact = Decimal(over) / under
            expected = int(exact.quantize(Decimal(1), rounding=IN_DECIMAL[rule]))
            assert share(over, 1, under, rule) == expected, (over, under)


@given(st.integers(), st.integers(), st.integers(min_value=1), rules)
def test_is_less_than_one_unit_off(amount: int, over: int, under: int, rule: Rounding) -> None:
    assert abs(share(amount, over, under, rule) * under - amount * over) < under


@given(st.integers(), st.integers(min_value=1), rules)
def test_the_whole_share_is_the_amount(amount: int, whole: int, rule: Rounding) -> None:
    assert share(amount, whole, whole, rule) == amount


@pytest.mark.parametrize("denominator", [0, -1])
def test_a_share_of_nothing_is_refused(denominator: int) -> None:
    with pytest.raises(ValueError, match=f"^a share is of a positive whole, not of {denominator}$"):
        share(100, 1, denominator, Rounding.HALF_EVEN)
