"""Routes of money kept: wallets, holds, transfers between them, escrow, payouts."""
