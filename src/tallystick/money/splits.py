"""Splitting an amount into parts that sum to it exactly.

The method of the largest remainder (Hamilton's): every part first gets the whole units of its exact
share, then the units left over go one each to the parts that lost most. So every part lies within
one unit of its exact share.
"""

from collections.abc import Sequence


class UnsplittableWeights(ValueError):
    """Weights are whole numbers of at least zero, and at least one of them is positive."""

    code = "unsplittable_weights"


def split(amount_minor: int, weights: Sequence[int]) -> tuple[int, ...]:
    """One part of `amount_minor` a weight, in their order; a weight of zero gets nothing.

    Equal remainders are served from the left. A negative amount splits as its opposite does, so a
    refund undoes a split part by part. Raises UnsplittableWeights.
    """
    whole = _checked_sum(weights)
    exact = [divmod(abs(amount_minor) * weight, whole) for weight in weights]
    parts = [units for units, _ in exact]
    by_loss = sorted(range(len(parts)), key=lambda index: -exact[index][1])
    for index in by_loss[: abs(amount_minor) - sum(parts)]:
        parts[index] += 1
    return tuple(-part for part in parts) if amount_minor < 0 else tuple(parts)


def split_evenly(amount_minor: int, parts: int) -> tuple[int, ...]:
    """`parts` parts that differ by at most one unit, the larger ones first."""
    if parts < 1:
        raise UnsplittableWeights(f"an amount cannot be split into {parts} parts")
    return split(amount_minor, [1] * parts)


def _checked_sum(weights: Sequence[int]) -> int:
    if any(type(weight) is not int or weight < 0 for weight in weights):
        raise UnsplittableWeights("every weight is a whole number of at least zero")
    whole = sum(weights)
    if whole == 0:
        raise UnsplittableWeights("at least one weight must be positive")
    return whole
