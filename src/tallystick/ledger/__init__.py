"""The ledger: accounts, transfers, reservations and the balances they make.

Promises: a transfer is balanced by its shape; no account leaves its limits; each account row is
touched once a batch, however hot; what is written is never rewritten.
Tables: `ledger_accounts`, `ledger_transfers`, `ledger_reservations`; views `ledger_entries`
and, leaner, `ledger_account_lines`.
Facts: `account.opened`, `account.frozen`, `account.limited`, `account.closed`.
Only the journal writes here, through `LedgerBatch`; everybody reads through `Ledger`.
"""

# The journal's own entrance (`LedgerBatch`, `presume` and what they speak of): nobody else writes,
# so it is not on the plate below.
from tallystick.ledger.batch import LedgerBatch as LedgerBatch
from tallystick.ledger.bulk_store import BulkPosting as BulkPosting
from tallystick.ledger.bulk_store import NotPostable as NotPostable
from tallystick.ledger.bulk_store import Pair as Pair
from tallystick.ledger.bulk_store import lock_pair as lock_pair
from tallystick.ledger.bulk_store import post_loaded as post_loaded
from tallystick.ledger.model import (
    Close,
    Expire,
    Freeze,
    Limit,
    Open,
    Post,
    Require,
    Reserve,
    Settle,
    TransferRow,
    Void,
)
from tallystick.ledger.model import Verdict as Verdict
from tallystick.ledger.presumption import Misjudged as Misjudged
from tallystick.ledger.presumption import Presumption as Presumption
from tallystick.ledger.presumption import presume as presume
from tallystick.ledger.reads import Chosen as Chosen
from tallystick.ledger.reads import Ledger
from tallystick.ledger.store import TRANSFER_FIELDS as TRANSFER_FIELDS

__all__ = [
    "Close",
    "Expire",
    "Freeze",
    "Ledger",
    "Limit",
    "Open",
    "Post",
    "Require",
    "Reserve",
    "Settle",
    "TransferRow",
    "Void",
]
