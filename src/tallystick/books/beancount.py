"""The ledger as beancount text (https://beancount.github.io/docs/beancount_language_syntax.html).

Pure. Debits are positive there. Each account becomes one of beancount's five roots by its class;
each transfer that moved money becomes a transaction on its value date; at the end every account's
balance is asserted, so that `bean-check` recomputes the whole ledger.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import UUID

from tallystick.books.chart_classes import CLASSES, class_of
from tallystick.money import Currency, Money
from tallystick.platform.ids import typeid

ROOTS: Final[Mapping[str, str]] = {
    "asset": "Assets",
    "liability": "Liabilities",
    "equity": "Equity",
    "income": "Income",
    "expense": "Expenses",
}
_UNFIT: Final = re.compile(r"[^A-Za-z0-9-]+")


def account_names(accounts: Iterable[Any]) -> dict[UUID, str]:
    """A beancount name for each account: `Liabilities:Wallet:Asha:INR`, each another one."""
    names: dict[UUID, str] = {}
    taken: set[str] = set()
    for account in accounts:
        name = _name(account.code, account.normal_side)
        if name in taken:  # codes may differ in what beancount has no letters for
            name = f"{name}-{typeid('acc', account.id).partition('_')[2]}"
        taken.add(name)
        names[account.id] = name
    return names


def heading(currencies: Iterable[str]) -> Iterator[str]:
    """The lines before everything else."""
    yield 'option "title" "Tallystick"'
    yield from (f'option "operating_currency" "{currency}"' for currency in currencies)


def opening(day: date, name: str, currency: str, code: str) -> Iterator[str]:
    """An account begins."""
    yield f"{day} open {name} {currency}"
    yield f'  code: "{code}"'


def transaction(written: Any, names: Mapping[UUID, str]) -> Iterator[str]:
    """A transfer that moved money, on its value date; linked with the others of its change."""
    amount = _amount(written.amount_minor, written.currency)
    link = typeid("chg", written.change_id)
    yield f'{value_day(written)} * "{written.code}" ^{link}'
    yield f'  transfer: "{typeid("tra", written.id)}"'
    if written.effective_at is not None:
        yield f'  recorded: "{written.created_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"'
    yield f"  {names[written.debit]}  {amount}"
    yield f"  {names[written.credit]}  -{amount}"


def assertion(day: date, name: str, net_minor: int, currency: str) -> str:
    """What the account holds when the day begins."""
    return f"{day} balance {name}  {_amount(net_minor, currency)}"


def closing(day: date, name: str) -> str:
    """An account ends."""
    return f"{day} close {name}"


def value_day(written: Any) -> date:
    """The day in UTC on which a transfer counts."""
    at: datetime = written.effective_at or written.created_at
    return at.astimezone(UTC).date()


def _amount(amount_minor: int, currency: str) -> str:
    return f"{Money(amount_minor, Currency(currency)).plain()} {currency}"


def _name(code: str, normal_side: str) -> str:
    chart_class = class_of(code, normal_side)
    words = code.split(":")
    if words[0] in CLASSES and len(words) > 1:
        words = words[1:]  # the root says it already
    return ":".join([ROOTS[chart_class], *map(_component, words)])


def _component(word: str) -> str:
    """A word as beancount takes it: it begins with a capital letter or a digit."""
    fit = _UNFIT.sub("-", word).strip("-") or "X"
    return fit[0].upper() + fit[1:]
