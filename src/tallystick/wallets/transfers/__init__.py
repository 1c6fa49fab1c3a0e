"""Transfers between wallets: at once, at a later time, or again and again.

Promises: a client's transfer id moves money once; a missed run is caught up once; transfers that
meet head on never deadlock. Tables: `wallet_transfers`, `transfer_schedules`.
Facts: `wallet_transfer.*`, `transfer_schedule.*`.
"""

from tallystick.wallets.transfers.errors import InvalidSchedule
from tallystick.wallets.transfers.folds import TRANSFERS, TransferTerms, WalletTransferRow
from tallystick.wallets.transfers.recurrence import Recurrence
from tallystick.wallets.transfers.schedule_folds import SCHEDULES, ScheduleRow, ScheduleTerms
from tallystick.wallets.transfers.schedules import Scheduled, Schedules
from tallystick.wallets.transfers.store import CHECKS as checks
from tallystick.wallets.transfers.store import Wanted
from tallystick.wallets.transfers.transfers import WalletTransfers

projections = (TRANSFERS, SCHEDULES)

__all__ = [
    "InvalidSchedule",
    "Recurrence",
    "ScheduleRow",
    "ScheduleTerms",
    "Scheduled",
    "Schedules",
    "TransferTerms",
    "WalletTransferRow",
    "WalletTransfers",
    "Wanted",
    "checks",
    "projections",
]
