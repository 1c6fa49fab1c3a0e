"""Routes of the ledger: accounts, transfers, reservations, exchange, and the books."""
