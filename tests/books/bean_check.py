"""A small strict `bean-check`: beancount's grammar as far as we write it, and what it validates.

After beancount's own lexer and its validation: directives at column 0, metadata and postings
indented, accounts open before use and not after their close, transactions that sum to zero,
balances that hold at the beginning of their day.
"""

import re
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

DAY = r"\d{4}-\d{2}-\d{2}"
ACCOUNT = r"(?:Assets|Liabilities|Equity|Income|Expenses)(?::[A-Z0-9][A-Za-z0-9-]*)+"
AMOUNT = r"-?[0-9]+(?:\.[0-9]*)? [A-Z][A-Z0-9'._-]{0,22}[A-Z0-9]"
STRING = r'"[^"\\\n]*"'
LINES = {
    "option": re.compile(rf"option {STRING} {STRING}"),
    "open": re.compile(rf"({DAY}) open ({ACCOUNT}) ([A-Z]+)"),
    "close": re.compile(rf"({DAY}) close ({ACCOUNT})"),
    "balance": re.compile(rf"({DAY}) balance ({ACCOUNT}) +({AMOUNT})"),
    "transaction": re.compile(rf"({DAY}) [*!] {STRING}(?: \^[A-Za-z0-9_/.-]+)*"),
    "metadata": re.compile(rf"  [a-z][A-Za-z0-9_-]+: (?:{STRING}|{DAY})"),
    "posting": re.compile(rf"  ({ACCOUNT})  ({AMOUNT})"),
}


@dataclass
class Checked:
    """What was read, and what is wrong with it."""

    faults: list[str] = field(default_factory=list)
    opened: dict[str, tuple[date, str]] = field(default_factory=dict)
    closed: dict[str, date] = field(default_factory=dict)
    postings: list[list[tuple[date, str, Decimal, str]]] = field(default_factory=list)
    balances: list[tuple[date, str, Decimal, str]] = field(default_factory=list)


def check(text: str) -> Checked:
    """Read the text and validate it."""
    found = Checked()
    day = date.min
    for number, line in enumerate(text.splitlines(), 1):
        kind, match = _kind(line)
        if match is None:
            found.faults.append(f"{number}: syntax error: {line}")
        elif kind == "open":
            if match[2] in found.opened:
                found.faults.append(f"{number}: opened twice: {match[2]}")
            found.opened[match[2]] = (date.fromisoformat(match[1]), match[3])
        elif kind == "close":
            found.closed[match[2]] = date.fromisoformat(match[1])
        elif kind == "balance":
            found.balances.append((date.fromisoformat(match[1]), match[2], *_amount(match[3])))
        elif kind == "transaction":
            day = date.fromisoformat(match[1])
            found.postings.append([])
        elif kind == "posting":
            found.postings[-1].append((day, match[1], *_amount(match[2])))
    _validate(found)
    return found


def _kind(line: str) -> tuple[str, re.Match[str] | None]:
    for kind, pattern in LINES.items():
        if match := pattern.fullmatch(line):
            return kind, match
    return "", None


def _amount(text: str) -> tuple[Decimal, str]:
    number, currency = text.split(" ")
    return Decimal(number), currency


def _validate(found: Checked) -> None:
    sums: dict[str, list[tuple[date, Decimal]]] = defaultdict(list)
    for transaction in found.postings:
        if len(transaction) < 2 or sum(amount for _, _, amount, _ in transaction) != 0:
            found.faults.append(f"does not balance: {transaction}")
        for day, account, amount, currency in transaction:
            _require_active(found, day, account, currency)
            sums[account].append((day, amount))
    for day, account, amount, currency in found.balances:
        _require_active(found, day, account, currency)
        held = sum((moved for at, moved in sums[account] if at < day), Decimal(0))
        if held != amount:
            found.faults.append(f"balance of {account} is {held}, not {amount}")


def _require_active(found: Checked, day: date, account: str, currency: str) -> None:
    opened = found.opened.get(account)
    if opened is None or opened[0] > day or found.closed.get(account, date.max) < day:
        found.faults.append(f"inactive account: {day} {account}")
    elif opened[1] != currency:
        found.faults.append(f"wrong currency: {account} {currency}")
