"""Wallets: money people keep with us, and what is set aside of it.

Promises: one wallet an owner and currency, and its balance stands in the ledger alone; no tier's
limit is ever exceeded, however many moves are decided at once; a hold and its reservation change
in one breath or not at all.
Tables: `wallets`, `wallet_tiers`, `wallet_holds`, `wallet_transfers`, `transfer_schedules`,
`escrows`, `payouts`, `wallet_top_ups`, `journal_cursors`.
Facts: `wallet.*`, `wallet_tier.*`, `hold.*`, `wallet_transfer.*`, `transfer_schedule.*`,
`escrow.*`, `payout.*`, `top_up.*`, `reader.moved` (`docs/reference/facts.md`).
"""

from tallystick.wallets import (
    escrow_store,
    escrows,
    payout_store,
    payouts,
    schedules,
    store,
    topup_store,
    topups,
    transfer_store,
    transfers,
)
from tallystick.wallets import projections as _own
from tallystick.wallets.cursor_folds import CURSORS as _CURSORS
from tallystick.wallets.escrow_folds import ESCROWS as _ESCROWS
from tallystick.wallets.hold_decisions import HoldTerms as HoldTerms
from tallystick.wallets.holds import Held as Held
from tallystick.wallets.holds import HeldFor as HeldFor
from tallystick.wallets.holds import Holds
from tallystick.wallets.model import Hold as Hold
from tallystick.wallets.model import Invalid as Invalid
from tallystick.wallets.model import StaleVersion as StaleVersion
from tallystick.wallets.model import Tier as Tier
from tallystick.wallets.model import WalletsError, wallet_id
from tallystick.wallets.payout_folds import PAYOUTS as _PAYOUTS
from tallystick.wallets.requests import Call as Call
from tallystick.wallets.schedule_folds import SCHEDULES as _SCHEDULES
from tallystick.wallets.store import HoldsWanted as HoldsWanted
from tallystick.wallets.store import Place as Place
from tallystick.wallets.tiers import Tiers
from tallystick.wallets.topup_folds import TOP_UPS as _TOP_UPS
from tallystick.wallets.transfer_folds import TRANSFERS as _TRANSFERS
from tallystick.wallets.wallets import Seen as Seen
from tallystick.wallets.wallets import Transaction as Transaction
from tallystick.wallets.wallets import Wallets

projections = (
    *(_own.WALLETS, _own.TIERS, _own.HOLDS),
    *(_TRANSFERS, _SCHEDULES, _ESCROWS),
    *(_PAYOUTS, _TOP_UPS, _CURSORS),
)
checks = (
    *store.CHECKS,
    *transfer_store.CHECKS,
    *escrow_store.CHECKS,
    *payout_store.CHECKS,
    *topup_store.CHECKS,
)

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
    "schedules",
    "topups",
    "transfers",
    "wallet_id",
]
