"""A split loses nothing and favours nobody by more than one unit."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.money import UnsplittableWeights, split, split_evenly

amounts = st.integers(-(10**18), 10**18)
weights = st.lists(st.integers(0, 10**6), min_size=1, max_size=40).filter(any)


@pytest.mark.parametrize(
    ("amount_minor", "by", "parts"),
    [
        (100, [1, 1, 1], (34, 33, 33)),
        (-100, [1, 1, 1], (-34, -33, -33)),
        (5, [3, 7], (2, 3)),  # exact 1.5 and 3.5: the tie goes left
        (10, [1, 2, 4], (1, 3, 6)),  # exact 1.43, 2.86, 5.71
        (1, [0, 1, 0], (0, 1, 0)),
        (0, [1, 2], (0, 0)),
        (7, [5], (7,)),
    ],
)
def test_the_largest_remainder_is_served_first(
    amount_minor: int, by: list[int], parts: tuple[int, ...]
) -> None:
    assert split(amount_minor, by) == parts


@given(amounts, weights)
def test_the_parts_sum_to_the_whole(amount_minor: int, by: list[int]) -> None:
    assert sum(split(amount_minor, by)) == amount_minor


@given(amounts, weights)
def test_every_part_is_within_one_unit_of_its_exact_share(amount_minor: int, by: list[int]) -> None:
    for part, weight in zip(split(amount_minor, by), by, strict=True):
        assert abs(part - Fraction(amount_minor * weight, sum(by))) < 1


@given(amounts, weights)
def test_a_weight_of_zero_gets_nothing(amount_minor: int, by: list[int]) -> None:
    parts = split(amount_minor, [*by, 0])

    assert parts == (*split(amount_minor, by), 0)


@given(amounts, weights)
def test_a_refund_undoes_a_split_part_by_part(amount_minor: int, by: list[int]) -> None:
    assert split(-amount_minor, by) == tuple(-part for part in split(amount_minor, by))


@given(amounts, st.integers(1, 50))
def test_even_parts_differ_by_at_most_one_unit(amount_minor: int, count: int) -> None:
    parts = split_evenly(amount_minor, count)

    assert len(parts) == count
    assert sum(parts) == amount_minor
    assert max(parts) - min(parts) <= 1


NO_WHOLE = "every weight is a whole number of at least zero"
ALL_ZERO = "at least one weight must be positive"


@pytest.mark.parametrize(
    ("by", "why"),
    [
        *((by, ALL_ZERO) for by in ([], [0], [0, 0])),
        *((by, NO_WHOLE) for by in ([1, -1], [-1], [1, 0.5], [True, 1], ["1"])),
    ],
)
def test_weights_that_mean_nothing_are_refused(by: list[int], why: str) -> None:
    with pytest.raises(UnsplittableWeights, match=f"^{why}$") as caught:
        split(100, by)
    assert caught.value.code == "unsplittable_weights"


@pytest.mark.parametrize("count", [0, -1])
def test_no_parts_at_all_are_refused(count: int) -> None:
    with pytest.raises(
        UnsplittableWeights, match=f"^an amount cannot be split into {count} parts$"
    ):
        split_evenly(100, count)
