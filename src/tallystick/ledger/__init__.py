"""The ledger: accounts, transfers, reservations and the balances they make.

Promises: a transfer is balanced by its shape; no account leaves its limits; each account row is
touched once a batch, however hot; what is written is never rewritten.
Tables: `ledger_accounts`, `ledger_transfers`, `ledger_reservations`; view `ledger_entries`.
Facts: `account.opened`, `account.frozen`, `account.limited`, `account.closed`.
Only the journal writes here, through `LedgerBatch`; everybody reads through `Ledger`.
"""

from tallystick.ledger.batch import LedgerBatch
from tallystick.ledger.model import (
    Close,
    Expire,
    Freeze,
    Limit,
    Open,
    Post,
    Reserve,
    Settle,
    TransferRow,
    Void,
)
from tallystick.ledger.reads import Ledger

__all__ = [
    "Close",
    "Expire",
    "Freeze",
    "Ledger",
    "LedgerBatch",
    "Limit",
    "Open",
    "Post",
    "Reserve",
    "Settle",
    "TransferRow",
    "Void",
]
