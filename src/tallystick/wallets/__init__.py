"""Wallets: money people keep with us, and what is set aside of it.

Promises: one wallet an owner and currency, and its balance stands in the ledger alone; no tier's
limit is ever exceeded, however many moves are decided at once; a hold and its reservation change
in one breath or not at all.
Inner rooms, with doors of their own: `transfers`, `escrows`, `payouts`, `topups`, `rail`.
Tables: `wallets`, `wallet_tiers`, `wallet_holds`, and those of the inner rooms.
Facts: `wallet.*`, `wallet_tier.*`, `hold.*` (`docs/reference/facts.md`).
"""

from tallystick.wallets import escrows, payouts, rail, store, topups, transfers
from tallystick.wallets import projections as _own
from tallystick.wallets.hold_decisions import HoldTerms as HoldTerms
from tallystick.wallets.holds import Held as Held
from tallystick.wallets.holds import HeldFor as HeldFor
from tallystick.wallets.holds import Holds
from tallystick.wallets.model import Hold as Hold
from tallystick.wallets.model import Invalid as Invalid
from tallystick.wallets.model import StaleVersion as StaleVersion
from tallystick.wallets.model import Tier as Tier
from tallystick.wallets.model import WalletsError, wallet_id
from tallystick.wallets.requests import Call as Call
from tallystick.wallets.store import HoldsWanted as HoldsWanted
from tallystick.wallets.tiers import Tiers
from tallystick.wallets.wallets import Seen as Seen
from tallystick.wallets.wallets import Transaction as Transaction
from tallystick.wallets.wallets import Wallets

_INNER = (transfers, escrows, payouts, topups, rail)

projections = (
    *(_own.WALLETS, _own.TIERS, _own.HOLDS),
    *(projection for room in _INNER for projection in room.projections),
)
checks = (*store.CHECKS, *(check for room in _INNER for check in room.checks))

# Beside this plate stand, as names re-exported above, the structs that the doors speak with.
__all__ = [
    "Holds",
    "Tiers",
    "Wallets",
    "WalletsError",
    "checks",
    "escrows",
    "payouts",
    "projections",
    "rail",
    "topups",
    "transfers",
    "wallet_id",
]
