"""Top-ups: a payment that succeeded credits the wallet it was made for, exactly once.

Tables: `wallet_top_ups`, `journal_cursors`. Facts: `top_up.*`, `reader.moved`.
"""

from tallystick.wallets.store import find_wallet
from tallystick.wallets.topups.cursor_folds import CURSORS
from tallystick.wallets.topups.folds import TOP_UPS, TopUp, top_up_id
from tallystick.wallets.topups.store import CHECKS as checks
from tallystick.wallets.topups.topups import TopUps

projections = (TOP_UPS, CURSORS)

__all__ = ["TopUp", "TopUps", "checks", "find_wallet", "projections", "top_up_id"]
