"""Top-ups: a payment that succeeded credits the wallet it was made for, exactly once.

Tables: `wallet_top_ups`. Facts: `top_up.*`.
"""

from tallystick.wallets.store import find_wallet
from tallystick.wallets.topups.errors import TopUpNotFound
from tallystick.wallets.topups.folds import TOP_UPS, TopUp, TopUpRow, top_up_id
from tallystick.wallets.topups.opening import consumer
from tallystick.wallets.topups.store import CHECKS as checks
from tallystick.wallets.topups.store import TopUpsWanted
from tallystick.wallets.topups.topups import TopUps

projections = (TOP_UPS,)

__all__ = [
    "TopUp",
    "TopUpNotFound",
    "TopUpRow",
    "TopUps",
    "TopUpsWanted",
    "checks",
    "consumer",
    "find_wallet",
    "projections",
    "top_up_id",
]
