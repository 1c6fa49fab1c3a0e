"""Amounts of money, and the one way they are read from text and written to it."""

import re
from decimal import Decimal
from typing import Final

from msgspec import Struct

from tallystick.money.currencies import Currency

DIGITS_MAX: Final = 18
"""Digits an amount read from outside may have: always within 64 bits."""

# The shape is checked before any number is made: Decimal("1e1000000") costs seconds of CPU as int.
_DECIMAL: Final = re.compile(r"(-?)(0|[1-9][0-9]{0,17})(?:\.([0-9]{1,4}))?", re.ASCII)


class MalformedAmount(ValueError):
    """The text or number is not an amount of this currency."""

    code = "malformed_amount"


class CurrencyMismatch(TypeError):
    """Two amounts of different currencies met: convert one of them first."""

    code = "currency_mismatch"

    def __init__(self, left: Currency, right: Currency) -> None:
        super().__init__(f"{left} and {right} do not mix")


class Money(Struct, frozen=True):
    """`amount_minor` units of the smallest coin of `currency`; negative amounts are debts.

    There is no multiplication: shares are taken by `share`, with the rounding named.
    """

    amount_minor: int
    currency: Currency

    def __post_init__(self) -> None:
        if type(self.amount_minor) is not int:  # a bool is an int, and True is no amount
            raise TypeError(f"minor units are a plain int, not {self.amount_minor!r:.40}")

    @classmethod
    def parse(cls, text: str, currency: Currency) -> "Money":
        """Read plain decimal text in major units: `"12.5"` of INR is 1250 paise.

        Raises MalformedAmount for more decimals than the currency has, more than 18 digits,
        leading zeros, a plus sign, exponents, separators, spaces and digits beyond ASCII.
        """
        shape = _DECIMAL.fullmatch(text)
        if shape is None:
            raise MalformedAmount(f"{text!r:.40} is not a plain decimal number")
        sign, whole, fraction = shape[1], shape[2], shape[3] or ""
        if len(fraction) > currency.exponent:
            raise MalformedAmount(f"{currency} has {currency.exponent} decimals")
        digits = whole + fraction.ljust(currency.exponent, "0")
        if len(digits) > DIGITS_MAX:
            raise MalformedAmount(f"more than {DIGITS_MAX} digits in minor units")
        return cls(int(sign + digits), currency)

    @classmethod
    def from_major(cls, amount: Decimal, currency: Currency) -> "Money":
        """The same for a Decimal, as configuration and recorded payments carry it.

        Raises MalformedAmount, also for NaN and the infinities.
        """
        if not amount.is_finite() or abs(amount.adjusted()) >= DIGITS_MAX:
            raise MalformedAmount(f"{amount!s:.40} is not a payable amount")
        return cls.parse(f"{amount:f}", currency)

    @property
    def major(self) -> Decimal:
        """The exact amount in major units, with all the currency's decimals."""
        return Decimal(self.plain())

    def plain(self) -> str:
        """Major units with all the currency's decimals, as `parse` reads them: `"12.50"`."""
        exponent = self.currency.exponent
        digits = f"{abs(self.amount_minor):0{exponent + 1}d}"
        cut = len(digits) - exponent
        sign = "-" if self.amount_minor < 0 else ""
        return f"{sign}{digits[:cut]}.{digits[cut:]}" if exponent else sign + digits

    def __str__(self) -> str:
        return f"{self.plain()} {self.currency}"

    def __add__(self, other: "Money") -> "Money":
        return Money(self.amount_minor + self._minor_of(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.amount_minor - self._minor_of(other), self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.amount_minor, self.currency)

    def __abs__(self) -> "Money":
        return Money(abs(self.amount_minor), self.currency)

    def __lt__(self, other: "Money") -> bool:
        return self.amount_minor < self._minor_of(other)

    def __le__(self, other: "Money") -> bool:
        return self.amount_minor <= self._minor_of(other)

    def __gt__(self, other: "Money") -> bool:
        return self.amount_minor > self._minor_of(other)

    def __ge__(self, other: "Money") -> bool:
        return self.amount_minor >= self._minor_of(other)

    def _minor_of(self, other: object) -> int:
        if not isinstance(other, Money):
            raise TypeError(f"{other!r:.40} is not money")
        if other.currency != self.currency:
            raise CurrencyMismatch(self.currency, other.currency)
        return other.amount_minor
