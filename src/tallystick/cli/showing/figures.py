"""The figures on the screen: payments by state, money by place, and whether the books balance."""

import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from tallystick.app import App
from tallystick.books import chart

ACCOUNTS_MAX: Final = 100_000

# How the chart's accounts are called on the screen; `{}` is the route.
_PLACES: Final = (
    (re.compile(r"rail:([^:]+):clearing:"), "due from {}", "debit"),
    (re.compile(r"platform:bank:"), "at our bank", "debit"),
    (re.compile(r"channel:clearing:"), "reported by channels", "debit"),
    (re.compile(r"loans:receivable:"), "loans receivable", "debit"),
    (re.compile(r"merchant:[^:]+:payable:"), "owed to merchants", "credit"),
    (re.compile(r"platform:fees:"), "fees earned", "credit"),
    (re.compile(r"platform:suspense:"), "suspense", "credit"),
)
_ALWAYS_SHOWN: Final = frozenset({"owed to merchants", "fees earned", "suspense"})

Amounts = Mapping[str, int]  # minor units by currency


class PaymentsIn(Struct, frozen=True):
    """The payments of one state."""

    status: str
    payments: int
    amounts: Amounts


class MoneyAt(Struct, frozen=True):
    """The balance of one place, on its own side: debit is what we have or are owed."""

    place: str
    side: str
    amounts: Amounts


class Figures(Struct, frozen=True):
    """All of them, as of one look; `looked_at_s` is monotonic."""

    looked_at_s: float
    payments: tuple[PaymentsIn, ...]
    money: tuple[MoneyAt, ...]
    recorded: int
    balanced: bool | None  # None: too many accounts for a quick look
    currencies: tuple[str, ...]

    @property
    def total(self) -> int:
        return sum(state.payments for state in self.payments)

    def side(self, side: str) -> Amounts:
        """The sums of one side."""
        sums: Counter[str] = Counter()
        for place in self.money:
            if place.side == side:
                sums.update(place.amounts)
        return sums


async def read_figures(app: App) -> Figures:
    """Look once. Raises Overloaded."""
    looked_at_s = time.monotonic()
    payments = _by_status(await app.payments.list_totals())
    accounts = await app.ledger.list_accounts(limit=ACCOUNTS_MAX)  # one statement, one snapshot
    money = _by_place(accounts)
    intake = chart.intake_clearing_code(app.settings.intake_currency)
    return Figures(
        looked_at_s=looked_at_s,
        payments=payments,
        money=money,
        recorded=sum(account.version for account in accounts if account.code == intake),
        balanced=_are_balanced(accounts) if len(accounts) < ACCOUNTS_MAX else None,
        currencies=_currencies([*payments, *money], app.settings.currencies),
    )


def _by_status(totals: Iterable[Any]) -> tuple[PaymentsIn, ...]:
    counts: Counter[str] = Counter()
    amounts: dict[str, dict[str, int]] = defaultdict(dict)
    for total in totals:
        counts[total.status] += total.payments
        amounts[total.status][total.currency] = total.amount_minor
    return tuple(PaymentsIn(status, count, amounts[status]) for status, count in counts.items())


def _by_place(accounts: Iterable[Any]) -> tuple[MoneyAt, ...]:
    sums: dict[tuple[str, str], Counter[str]] = {}
    for account in sorted(accounts, key=_rank):
        place, side = _place(account.code, account.normal_side)
        balance = account.posted_minor if side == account.normal_side else -account.posted_minor
        sums.setdefault((place, side), Counter())[account.currency] += balance
    return tuple(
        MoneyAt(place, side, amounts)
        for (place, side), amounts in sums.items()
        if any(amounts.values()) or place in _ALWAYS_SHOWN
    )


def _place(code: str, normal_side: str) -> tuple[str, str]:
    for pattern, name, side in _PLACES:
        if match := pattern.match(code):
            return name.format(*match.groups()), side
    return "other accounts", normal_side


def _rank(account: Any) -> int:
    for rank, (pattern, _, _) in enumerate(_PLACES):
        if pattern.match(account.code):
            return rank
    return len(_PLACES)


def _are_balanced(accounts: Iterable[Any]) -> bool:
    """Whether debits equal credits in every currency, posted and pending."""
    sums: Counter[tuple[str, str]] = Counter()
    for account in accounts:
        sums[account.currency, "posted"] += account.debits_posted - account.credits_posted
        sums[account.currency, "pending"] += account.debits_pending - account.credits_pending
    return not any(sums.values())


def _currencies(rows: Sequence[PaymentsIn | MoneyAt], configured: Sequence[str]) -> tuple[str, ...]:
    """Those in which there is anything, in the order of the settings."""
    seen = {currency for row in rows for currency, amount in row.amounts.items() if amount}
    return tuple(sorted(seen, key=lambda c: (*configured, c).index(c)))
