"""The books: the ledger's own verbs, its chart of accounts, and the proof that all is right.

Promises: what `prove` calls green was computed from the rows themselves, not from what we believe.
Tables: none of its own; it reads the ledger's and the journal's.
"""

from tallystick.books.chart import (
    PLATFORM,
    account_id,
    clearing_code,
    fees_code,
    intake_clearing_code,
    merchant_accounts,
    payable_code,
    platform_accounts,
    receivable_code,
    suspense_code,
)
from tallystick.books.checks import Check

__all__ = [
    "PLATFORM",
    "Check",
    "account_id",
    "clearing_code",
    "fees_code",
    "intake_clearing_code",
    "merchant_accounts",
    "payable_code",
    "platform_accounts",
    "receivable_code",
    "suspense_code",
]
