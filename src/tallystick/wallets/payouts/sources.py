"""Where a payout's money comes from: a wallet within its limits, or what we owe a merchant."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from msgspec import Struct

from tallystick.books import account_id, chart
from tallystick.journal import Fact
from tallystick.platform.postgres.pools import Database
from tallystick.rails import payouts
from tallystick.wallets import limits, store
from tallystick.wallets.model import WalletNotFound
from tallystick.wallets.payouts.decisions import Source
from tallystick.wallets.payouts.folds import PayoutRow
from tallystick.wallets.tiers import Tiers


class Withdrawal(Struct, frozen=True, kw_only=True):
    """What somebody wants paid out: of one of his wallets, or of a merchant's payable.

    `owner_id`: whose the wallet must be; None is the operator, who pays out of any.
    """

    amount_minor: int
    destination: payouts.Destination
    wallet_id: UUID | None = None
    merchant_id: UUID | None = None
    currency: str | None = None  # of a merchant's payable; a wallet has its own
    owner_id: UUID | None = None


class Sourced(Struct, frozen=True):
    """The account the money leaves, and what the wallet's limits tell of it."""

    source: Source
    spent: Fact | None = None
    spent_on: date | None = None


@dataclass(frozen=True)
class PayoutSources:
    """Finds the account behind a withdrawal."""

    database: Database
    tiers: Tiers

    async def find(self, withdrawal: Withdrawal, now: datetime) -> Sourced:
        """Raises WalletNotFound, and what the wallet's state and limits refuse."""
        if withdrawal.wallet_id is not None:
            return await self._wallet(withdrawal, withdrawal.wallet_id, now)
        merchant_id, currency = withdrawal.merchant_id, withdrawal.currency
        if merchant_id is None or currency is None:
            raise ValueError("a payout leaves a wallet, or a merchant's account in a currency")
        code = chart.payable_code(merchant_id, currency)
        account = account_id(merchant_id, code)
        return Sourced(Source("merchant", merchant_id, account, currency))

    async def _wallet(self, withdrawal: Withdrawal, wallet_id: UUID, now: datetime) -> Sourced:
        wallet = await store.find_wallet(self.database, wallet_id)
        if wallet is None or withdrawal.owner_id not in (None, wallet.owner_id):
            raise WalletNotFound("no such wallet")
        tier = await self.tiers.get(wallet.tier, wallet.currency)
        spent = limits.outgoing(wallet, withdrawal.amount_minor, tier, now)
        source = Source("wallet", wallet.owner_id, wallet.id, wallet.currency)
        return Sourced(source, spent, limits.spending_day(wallet, now))

    async def freed(self, row: PayoutRow) -> tuple[Fact, ...]:
        """What a wallet is told when its payout failed or came back: it counts no more as spent."""
        if row.spent_on is None:
            return ()
        wallet = await store.find_wallet(self.database, row.account_id)
        return (limits.returned(wallet, row.amount_minor, row.spent_on),) if wallet else ()
