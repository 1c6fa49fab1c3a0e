"""This room's projections: which facts fold into which table."""

from typing import Final

from tallystick.journal import Projection
from tallystick.wallets.facts import HOLD_KINDS, TIER_KINDS, WALLET_KINDS
from tallystick.wallets.folds import TierRow, WalletRow, fold_hold, fold_tier, fold_wallet
from tallystick.wallets.model import Hold

WALLETS: Final = Projection("wallets", WalletRow, WALLET_KINDS, fold_wallet)
TIERS: Final = Projection("wallet_tiers", TierRow, TIER_KINDS, fold_tier)
HOLDS: Final = Projection("wallet_holds", Hold, HOLD_KINDS, fold_hold)
