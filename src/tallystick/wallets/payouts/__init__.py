"""Payouts: money of a wallet or a merchant sent to a bank account or a UPI id, in three beats.

Promises: what leaves is reserved before a bank is asked; an unknown outcome is asked about and
never presumed; money that comes back goes where it came from, with its reason.
Tables: `payouts`. Facts: `payout.*`.
"""

from tallystick.wallets.payouts.decisions import PayoutTimes
from tallystick.wallets.payouts.errors import InvalidDestination
from tallystick.wallets.payouts.folds import PAYOUTS, PayoutRow
from tallystick.wallets.payouts.payouts import Payouts, PayoutShown
from tallystick.wallets.payouts.sources import PayoutSources, Withdrawal
from tallystick.wallets.payouts.store import CHECKS as checks

projections = (PAYOUTS,)

__all__ = [
    "InvalidDestination",
    "PayoutRow",
    "PayoutShown",
    "PayoutSources",
    "PayoutTimes",
    "Payouts",
    "Withdrawal",
    "checks",
    "projections",
]
