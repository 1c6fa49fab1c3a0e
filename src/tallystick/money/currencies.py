"""Currencies of ISO 4217 and how many decimals each has.

The exponents are ISO's own table, not CLDR's: the two differ (CLF has four decimals for ISO, none
for CLDR), and banks settle by ISO.
"""

from typing import Final

from iso4217 import Currency as IsoCurrency
from msgspec import Struct

# Metals, funds, test codes and "no currency" (XAU, XDR, XTS, XXX) have no minor unit: nobody can be
# paid in them.
_EXPONENTS: Final = {
    entry.code: entry.exponent for entry in IsoCurrency if entry.exponent is not None
}


class UnknownCurrency(ValueError):
    """The text is not the code of a currency in which an amount can be paid."""

    code = "unknown_currency"

    def __init__(self, text: object) -> None:
        super().__init__(f"{text!r:.40} is not an ISO 4217 currency with a minor unit")


class Currency(Struct, frozen=True):
    """One payable currency, such as `Currency("INR")`.

    Raises UnknownCurrency for anything but the three capital letters of ISO 4217, so an unknown
    currency cannot exist.
    """

    code: str

    def __post_init__(self) -> None:
        if self.code not in _EXPONENTS:
            raise UnknownCurrency(self.code)

    @property
    def exponent(self) -> int:
        """Decimals of the major unit: 2 for INR, 0 for JPY, 3 for KWD, 4 for CLF."""
        return _EXPONENTS[self.code]

    @classmethod
    def all(cls) -> tuple["Currency", ...]:
        """Every payable currency, by code."""
        return tuple(cls(code) for code in sorted(_EXPONENTS))

    def __str__(self) -> str:
        return self.code
