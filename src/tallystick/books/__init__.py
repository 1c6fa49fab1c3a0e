"""The books: the ledger's own verbs, its chart of accounts, and the proof that all is right.

Promises: a repeat is answered from the rows the first call left; a bulk answers each of its
orders; what `prove` calls green was computed from the rows themselves, not from what we believe.
Tables: `account_metadata`, `exchange_rates`, `exchange_quotes`, `exchanges`, `balance_assertions`,
`reconciliation_runs`, `proof_cursors`; it reads the ledger's and the journal's.
Facts: `transfer.posted`, `transfer.reserved`, `transfer.settled`, `transfer.voided`,
`transfer.expired`, `transfer.reversed`, `transfers.submitted`, `accounts.submitted`,
`account.described`, `exchange_rate.set`, `quote.given`, `quote.used`, `exchange.made`,
`assertion.made`, `assertion.withdrawn`, `reconciliation.requested`,
`reconciliation.started`, `reconciliation.ended`, `reconciliation.failed`, `books.proved`.
"""

from tallystick.books import chart

# What only the doors use is not on the plate below.
from tallystick.books.account_bulks import AccountBulks as AccountBulks
from tallystick.books.account_bulks import NewAccount as NewAccount
from tallystick.books.accounts import Accounts
from tallystick.books.assertions import Assertion as Assertion
from tallystick.books.assertions import InvalidAssertion as InvalidAssertion
from tallystick.books.chart import PLATFORM, account_id
from tallystick.books.checks import Check, CheckFunction, Found, Proof
from tallystick.books.exchange import Exchange as Exchange
from tallystick.books.exchange_decisions import QuoteWish as QuoteWish
from tallystick.books.exchange_decisions import require_quoted as require_quoted
from tallystick.books.exchange_decisions import require_usable as require_usable
from tallystick.books.exchange_decisions import transfers_for as transfers_for
from tallystick.books.exchange_decisions import used_by as used_by
from tallystick.books.exchange_errors import QuoteEnded as QuoteEnded
from tallystick.books.exchange_folds import PROJECTIONS as _EXCHANGE_TABLES
from tallystick.books.exchange_folds import ExchangeRow as ExchangeRow
from tallystick.books.exchange_folds import QuoteRow as QuoteRow
from tallystick.books.exchange_folds import RateRow as RateRow
from tallystick.books.exchange_rates import RateWish as RateWish
from tallystick.books.exchange_store import CHECKS as _EXCHANGE_CHECKS
from tallystick.books.exchanges import ExchangeWish as ExchangeWish
from tallystick.books.expiry import Expiry
from tallystick.books.incremental import Standing as Standing
from tallystick.books.metadata import PROJECTION as _METADATA
from tallystick.books.metadata import AccountMetadata as AccountMetadata
from tallystick.books.metadata import Metadata as Metadata
from tallystick.books.model import Answer
from tallystick.books.model import facts_of as facts_of
from tallystick.books.proof_facts import PROJECTIONS as _PROOF_TABLES
from tallystick.books.proof_facts import AssertionMade as AssertionMade
from tallystick.books.proof_facts import RunRow as RunRow
from tallystick.books.proofs import Proofs as Proofs
from tallystick.books.prove import prove
from tallystick.books.quotes import Quotes as Quotes
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

exchange_checks = _EXCHANGE_CHECKS
projections = (_METADATA, *_EXCHANGE_TABLES, *_PROOF_TABLES)
