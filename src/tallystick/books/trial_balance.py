"""The trial balance: all accounts at an instant, by currency and class; debits equal credits.

It is computed as sets from the accounts and their lines, and says itself whether it balances.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from tallystick.books.chart_classes import CLASSES, FAMILIES, OTHERS, class_of_side, likes
from tallystick.ledger import Ledger


class TrialLine(Struct, frozen=True):
    """The accounts of one kind in one currency; those with a balance are counted."""

    chart_class: str  # asset | liability | equity | income | expense
    family: str  # `merchant:{merchant}:payable:{CUR}`, or `others`
    accounts: int
    debit_minor: int
    credit_minor: int


class TrialClass(Struct, frozen=True):
    """All accounts of one class in one currency."""

    chart_class: str
    debit_minor: int
    credit_minor: int


class TrialCurrency(Struct, frozen=True):
    """One currency: its lines in the order of the chart, and both sums."""

    currency: str
    debit_minor: int
    credit_minor: int
    lines: tuple[TrialLine, ...]

    @property
    def classes(self) -> tuple[TrialClass, ...]:
        """The lines added up by class, in the order of the chart."""
        return tuple(
            _class(chart_class, [line for line in self.lines if line.chart_class == chart_class])
            for chart_class in dict.fromkeys(line.chart_class for line in self.lines)
        )

    @property
    def is_balanced(self) -> bool:
        """Whether debits equal credits."""
        return self.debit_minor == self.credit_minor


class TrialBalance(Struct, frozen=True):
    """All accounts as recorded up to `at`, or by value date up to `effective_at`."""

    at: datetime | None  # None: now
    effective_at: datetime | None  # None: by recording
    currencies: tuple[TrialCurrency, ...]

    @property
    def is_balanced(self) -> bool:
        """Whether debits equal credits in every currency."""
        return all(currency.is_balanced for currency in self.currencies)


async def draw_up_trial_balance(
    ledger: Ledger,
    *,
    at: datetime | None = None,
    effective_at: datetime | None = None,
    currency: str | None = None,
) -> TrialBalance:
    """The trial balance at an instant; None is now. Amounts are in minor units.

    Costs what `History.sums` says. Raises Overloaded when that is more than the database's
    statement time-out allows.
    """
    sums = await ledger.history.sums(likes(), at=at, effective_at=effective_at, currency=currency)
    codes = sorted({found.currency for found in sums})
    return TrialBalance(
        at,
        effective_at,
        tuple(_currency(code, [s for s in sums if s.currency == code]) for code in codes),
    )


def _currency(code: str, sums: Iterable[Any]) -> TrialCurrency:
    lines: dict[tuple[str, str], TrialLine] = {}
    for found in sums:
        line = _line(found)
        key = (line.chart_class, line.family)
        lines[key] = _together(lines[key], line) if key in lines else line
    ordered = sorted(lines.values(), key=lambda line: CLASSES.index(line.chart_class))
    return TrialCurrency(
        currency=code,
        debit_minor=sum(line.debit_minor for line in ordered),
        credit_minor=sum(line.credit_minor for line in ordered),
        lines=tuple(ordered),
    )


def _class(chart_class: str, lines: Sequence[TrialLine]) -> TrialClass:
    return TrialClass(
        chart_class,
        debit_minor=sum(line.debit_minor for line in lines),
        credit_minor=sum(line.credit_minor for line in lines),
    )


def _line(found: Any) -> TrialLine:
    if found.pattern is None:
        chart_class, family = class_of_side(found.normal_side), OTHERS
    else:
        known = FAMILIES[found.pattern]
        chart_class, family = known.chart_class, known.pattern
    return TrialLine(chart_class, family, found.accounts, found.debit_minor, found.credit_minor)


def _together(one: TrialLine, other: TrialLine) -> TrialLine:
    """Accounts of one family that differ in their normal side."""
    return replace(
        one,
        accounts=one.accounts + other.accounts,
        debit_minor=one.debit_minor + other.debit_minor,
        credit_minor=one.credit_minor + other.credit_minor,
    )
