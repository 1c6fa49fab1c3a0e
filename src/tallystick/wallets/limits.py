"""What a wallet's state and tier allow to leave and to arrive. Pure.

Each answer is the next fact of the wallet, and it belongs into the change that moves the money:
a fact of the same version recorded by somebody else makes that change a `Conflict`, so a limit
holds however many moves are decided at once. After a `Conflict`, load and decide again.

Read the wallet before its balance, never after: whatever arrives between the two then shows in
the version.
"""

from datetime import date, datetime

from tallystick.journal import Fact
from tallystick.wallets.facts import RECEIVED, RETURNED, SPENT, Received, Returned, Spent
from tallystick.wallets.model import LimitExceeded, NotPossible, Tier, Wallet


def outgoing(wallet: Wallet, amount_minor: int, tier: Tier, at: datetime) -> Fact:
    """The fact that this much leaves, or is promised to leave.

    A promise counts when it is made, not when it is kept. Raises NotPossible (`wallet_frozen`,
    `wallet_closed`), LimitExceeded (`daily_limit_exceeded`, `monthly_limit_exceeded`).
    """
    _require_open(wallet)
    if wallet.frozen != "no":
        raise NotPossible("nothing may leave this wallet: it is frozen", "wallet_frozen")
    day = spending_day(wallet, at)
    day_minor, month_minor = spent_by(wallet, day)
    if tier.daily_minor is not None and day_minor + amount_minor > tier.daily_minor:
        raise _exceeded("daily", tier.daily_minor - day_minor, tier)
    if tier.monthly_minor is not None and month_minor + amount_minor > tier.monthly_minor:
        raise _exceeded("monthly", tier.monthly_minor - month_minor, tier)
    return Fact(wallet.record_id, wallet.version + 1, SPENT, Spent(amount_minor, day))


def incoming(wallet: Wallet, amount_minor: int, balance_minor: int, tier: Tier) -> Fact:
    """The fact that this much arrives. `balance_minor` is what the wallet holds, pending included.

    Raises NotPossible (`wallet_frozen`, `wallet_closed`), LimitExceeded
    (`balance_limit_exceeded`).
    """
    _require_open(wallet)
    if wallet.frozen == "all":
        raise NotPossible("nothing may reach this wallet: it is frozen", "wallet_frozen")
    if tier.balance_minor is not None and balance_minor + amount_minor > tier.balance_minor:
        raise _exceeded("balance", tier.balance_minor - balance_minor, tier)
    return Fact(wallet.record_id, wallet.version + 1, RECEIVED, Received(amount_minor))


def returned(wallet: Wallet, amount_minor: int, spent_on: date) -> Fact:
    """The fact that so much of what counted as spent on `spent_on` never left, or came back.

    It always may: a promise given up frees the limits of its own day and month, if those still
    run. Not for a gift or a refund: that is `incoming`.
    """
    data = Returned(amount_minor, spent_on)
    return Fact(wallet.record_id, wallet.version + 1, RETURNED, data)


def spending_day(wallet: Wallet, at: datetime) -> date:
    """The UTC day on which a spending counts; two machines' clocks never turn a day back."""
    return max(at.date(), wallet.spent_on)


def spent_by(wallet: Wallet, day: date) -> tuple[int, int]:
    """What was spent on `day` and in its month, as far as the wallet counts: not before today."""
    month_minor = wallet.spent_month_minor if wallet.spent_month == day.replace(day=1) else 0
    return (wallet.spent_day_minor if wallet.spent_on == day else 0), month_minor


def _require_open(wallet: Wallet) -> None:
    if wallet.status == "closed":
        raise NotPossible("this wallet is closed", "wallet_closed")


def _exceeded(which: str, left_minor: int, tier: Tier) -> LimitExceeded:
    left = max(left_minor, 0)
    return LimitExceeded(
        f"tier {tier.name} leaves {left} minor units of {tier.currency} within its {which} limit",
        f"{which}_limit_exceeded",
    )
