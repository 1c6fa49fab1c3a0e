"""Rates of exchange: exact fractions, and the one rule by which money is converted. Pure.

A rate says how many *major* units of one currency are paid for one of another. Between minor units
the currencies' decimals come in, and the fraction stays exact; nothing is rounded until an amount
is converted.

Only whole minor units can be posted. So of the exact result

- whoever exchanges gets the whole units below it, or pays the whole units above it;
- the platform's exchange account moves by the nearest whole units, a tie to the even ones;
- what lies between the two, nothing or one unit, is the rounding difference.

He never gets more than the rate gives, and loses less than one unit. What the exchange account
keeps of an exchange is within half a unit of the exact result, and does not drift over many.
"""

import re
from math import gcd
from typing import Final

from msgspec import Struct

from tallystick.books.exchange.errors import InvalidRate, NotExchangeable
from tallystick.money import Currency, Rounding, share

DIGITS_MAX: Final = 14
DECIMALS_MAX: Final = 12
AMOUNT_MINOR_MAX: Final = 10**15  # the ledger's own limit for one transfer
SOURCE: Final = "source"
TARGET: Final = "target"

# The shape is checked before any number is made of it.
_DECIMAL: Final = re.compile(r"(0|[1-9][0-9]{0,13})(?:\.([0-9]{1,12}))?", re.ASCII)


class Rate(Struct, frozen=True):
    """So many units of one currency for one of another: a reduced fraction above zero."""

    numerator: int
    denominator: int

    @classmethod
    def parse(cls, text: str) -> "Rate":
        """Read plain decimal text such as `"83.1245"`.

        Raises InvalidRate for zero, more than 14 digits, more than 12 of them decimals, leading
        zeros, signs, exponents, separators, spaces and digits beyond ASCII.
        """
        shape = _DECIMAL.fullmatch(text)
        if shape is None:
            raise InvalidRate(f"{text!r:.40} is not a plain decimal number")
        whole, decimals = shape[1], shape[2] or ""
        digits = (whole + decimals).lstrip("0")
        if not digits:
            raise InvalidRate("a rate is above zero")
        if len(digits) > DIGITS_MAX:
            raise InvalidRate(f"a rate has at most {DIGITS_MAX} digits")
        return cls(int(digits), 10 ** len(decimals)).reduced()

    @property
    def inverse(self) -> "Rate":
        """The same rate, looked at from the other currency; exact."""
        return Rate(self.denominator, self.numerator)

    def between_minor(self, source: Currency, target: Currency) -> "Rate":
        """The same between the currencies' smallest coins. Always within 64 bits."""
        return Rate(
            self.numerator * 10**target.exponent, self.denominator * 10**source.exponent
        ).reduced()

    def reduced(self) -> "Rate":
        """The same fraction in lowest terms."""
        common = gcd(self.numerator, self.denominator)
        return Rate(self.numerator // common, self.denominator // common)


class Conversion(Struct, frozen=True):
    """One amount in two currencies, in the minor units of each.

    `fixed_side` is the side whose amount was given. The other side was rounded against whoever
    exchanges; `rounding_minor`, 0 or 1, is what the platform got by that beyond the nearest whole
    units, in the currency of the side that was rounded.
    """

    fixed_side: str  # source | target
    source_minor: int
    target_minor: int
    rounding_minor: int


def convert(fixed_side: str, amount_minor: int, rate: Rate) -> Conversion:
    """What `amount_minor` makes on the other side; `rate` is that between minor units.

    Raises NotExchangeable when either side would not be between 1 and 10^15.
    """
    _require_amount(amount_minor)
    if fixed_side == SOURCE:
        found = _from_source(amount_minor, rate)
        _require_amount(found.target_minor)
    else:
        found = _from_target(amount_minor, rate)
        _require_amount(found.source_minor)
    return found


def _from_source(source_minor: int, rate: Rate) -> Conversion:
    """He gives this much, and gets the whole units below what it makes."""
    numerator, denominator = rate.numerator, rate.denominator
    below = share(source_minor, numerator, denominator, Rounding.DOWN)
    nearest = share(source_minor, numerator, denominator, Rounding.HALF_EVEN)
    return Conversion(SOURCE, source_minor, below, nearest - below)


def _from_target(target_minor: int, rate: Rate) -> Conversion:
    """He gets this much, and gives the whole units above what it costs."""
    numerator, denominator = rate.inverse.numerator, rate.inverse.denominator
    above = share(target_minor, numerator, denominator, Rounding.UP)
    nearest = share(target_minor, numerator, denominator, Rounding.HALF_EVEN)
    return Conversion(TARGET, above, target_minor, above - nearest)


def _require_amount(amount_minor: int) -> None:
    if not 1 <= amount_minor <= AMOUNT_MINOR_MAX:
        raise NotExchangeable(
            "both amounts of an exchange are 1 to 10^15 minor units, and one of them would not be"
        )
