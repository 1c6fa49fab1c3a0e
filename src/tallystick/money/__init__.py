"""Money: integer minor units of one ISO 4217 currency. Pure: no clock, no chance, no I/O.

Promises: no float ever, no two currencies mixed, no unit lost by a split, every rounding named.
Owns no table and tells no fact.
"""

from tallystick.money.amounts import CurrencyMismatch, MalformedAmount, Money
from tallystick.money.currencies import Currency, UnknownCurrency
from tallystick.money.rounding import Rounding, share
from tallystick.money.splits import UnsplittableWeights, split, split_evenly

__all__ = [
    "Currency",
    "CurrencyMismatch",
    "MalformedAmount",
    "Money",
    "Rounding",
    "UnknownCurrency",
    "UnsplittableWeights",
    "share",
    "split",
    "split_evenly",
]
