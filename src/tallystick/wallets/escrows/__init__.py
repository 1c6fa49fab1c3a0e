"""Escrow: money between two parties until what they agreed on has happened, or has not.

Promises: every step is a transfer, and what an escrow holds is zero when it ends; a release names
who gets what, and the parts add up. Tables: `escrows`. Facts: `escrow.*`.
"""

from tallystick.wallets.escrows.decisions import Ruling
from tallystick.wallets.escrows.escrows import Escrows, EscrowShown
from tallystick.wallets.escrows.folds import ESCROWS, EscrowRow
from tallystick.wallets.escrows.parties import EscrowWish, Payee
from tallystick.wallets.escrows.store import CHECKS as checks
from tallystick.wallets.escrows.store import EscrowsWanted
from tallystick.wallets.escrows.terms import Part

projections = (ESCROWS,)

__all__ = [
    "EscrowRow",
    "EscrowShown",
    "EscrowWish",
    "Escrows",
    "EscrowsWanted",
    "Part",
    "Payee",
    "Ruling",
    "checks",
    "projections",
]
