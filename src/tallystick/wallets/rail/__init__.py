"""The wallet as a way to pay: what a bank is for a card, this room is for a wallet.

Promises: every order happens at most once by the payment's own reference, and is answered alike
ever after; a refused order has moved nothing. What a capture takes stands in the clearing account
of route `wallet` until the payment is recorded, and nothing stands there otherwise.
Tables: `wallet_orders`. Facts: `wallet_order.*`.
"""

from tallystick.wallets.rail.orders import WALLET_ORDERS, WalletOrderRow
from tallystick.wallets.rail.rail import ROUTE, WalletRail, find_wallet
from tallystick.wallets.rail.store import CHECKS as checks

projections = (WALLET_ORDERS,)

__all__ = [
    "ROUTE",
    "WALLET_ORDERS",
    "WalletOrderRow",
    "WalletRail",
    "checks",
    "find_wallet",
    "projections",
]
