"""The books: the ledger's own verbs, its chart of accounts, and the proof that all is right.

Promises: a repeat is answered from the rows the first call left; a bulk answers each of its
orders; what `prove` calls green was computed from the rows themselves, not from what we believe.
Tables: none of its own; it reads the ledger's and the journal's.
Facts: `transfer.posted`, `transfer.reserved`, `transfer.settled`, `transfer.voided`,
`transfer.expired`, `transfers.submitted`.
"""

from tallystick.books import chart
from tallystick.books.accounts import Accounts
from tallystick.books.chart import PLATFORM, account_id
from tallystick.books.checks import Check, CheckFunction, Found, Proof
from tallystick.books.expiry import Expiry
from tallystick.books.model import Answer
from tallystick.books.prove import prove
from tallystick.books.transfers import Transfers

__all__ = [
    "PLATFORM",
    "Accounts",
    "Answer",
    "Check",
    "CheckFunction",
    "Expiry",
    "Found",
    "Proof",
    "Transfers",
    "account_id",
    "chart",
    "prove",
]
