"""Rounding by a named rule, in integers only."""

from enum import StrEnum


class Rounding(StrEnum):
    """What happens to the part of a minor unit that cannot be paid."""

    HALF_EVEN = "half_even"  # to the nearest, a tie to the even neighbour: no drift over many
    HALF_UP = "half_up"  # to the nearest, a tie away from zero: what invoices expect
    HALF_DOWN = "half_down"  # to the nearest, a tie towards zero
    UP = "up"  # away from zero
    DOWN = "down"  # towards zero
    CEILING = "ceiling"  # towards plus infinity
    FLOOR = "floor"  # towards minus infinity


def share(amount_minor: int, numerator: int, denominator: int, rounding: Rounding) -> int:
    """`amount_minor * numerator / denominator` in minor units, rounded by `rounding`.

    A fee of 150 basis points is `share(amount_minor, 150, 10_000, Rounding.HALF_UP)`. The
    denominator must be positive.
    """
    if denominator <= 0:
        raise ValueError(f"a share is of a positive whole, not of {denominator}")
    product = amount_minor * numerator
    units, rest = divmod(abs(product), denominator)
    away = rest > 0 and _goes_away_from_zero(
        negative=product < 0, odd=units % 2 == 1, half=2 * rest - denominator, rounding=rounding
    )
    units += away
    return -units if product < 0 else units


def _goes_away_from_zero(*, negative: bool, odd: bool, half: int, rounding: Rounding) -> bool:
    """`half` is negative below the middle of two units, zero on it, positive above."""
    match rounding:
        case Rounding.UP:
            return True
        case Rounding.DOWN:
            return False
        case Rounding.CEILING:
            return not negative
        case Rounding.FLOOR:
            return negative
        case Rounding.HALF_UP:
            return half >= 0
        case Rounding.HALF_DOWN:
            return half > 0
        case Rounding.HALF_EVEN:
            return half > 0 or (half == 0 and odd)
