"""The books: the ledger's own verbs, its chart of accounts, and the proof that all is right.

Promises: a repeat is answered from the rows the first call left; a bulk answers each of its
orders; what `prove` calls green was computed from the rows themselves, not from what we believe.
Inner rooms, with doors of their own: `exchange`, `proof`.
Tables: `account_metadata`, and those of the inner rooms; it reads the ledger's.
Facts: `transfer.posted`, `transfer.reserved`, `transfer.settled`, `transfer.voided`,
`transfer.expired`, `transfer.reversed`, `transfers.submitted`, `accounts.submitted`,
`account.described`.
"""

from tallystick.books import chart, exchange, proof

# What only the doors use is not on the plate below.
from tallystick.books.account_bulks import AccountBulks as AccountBulks
from tallystick.books.account_bulks import NewAccount as NewAccount
from tallystick.books.accounts import Accounts
from tallystick.books.chart import PLATFORM, account_id
from tallystick.books.expiry import Expiry
from tallystick.books.metadata import PROJECTION as _METADATA
from tallystick.books.metadata import AccountMetadata as AccountMetadata
from tallystick.books.metadata import Metadata as Metadata
from tallystick.books.model import FACT_KINDS as FACT_KINDS
from tallystick.books.model import Answer
from tallystick.books.model import facts_of as facts_of
from tallystick.books.proof import Check, CheckFunction, Found, Proof, prove
from tallystick.books.transfers import Transfers
from tallystick.books.trial_balance import TrialBalance as TrialBalance
from tallystick.books.trial_balance import draw_up_trial_balance as draw_up_trial_balance

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

projections = (_METADATA, *exchange.projections, *proof.projections)
