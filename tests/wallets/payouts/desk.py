"""What the tests of payouts and top-ups speak to, and short ways to say the usual things."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

from tallystick.books import PLATFORM, account_id, chart
from tallystick.identity import Merchant
from tallystick.journal import Asked, Change, Journal
from tallystick.ledger import Ledger, Post
from tallystick.platform.clock import HandClock
from tallystick.platform.ids import new_id
from tallystick.rails import payouts as ways
from tallystick.sandbox import BankBook
from tallystick.wallets.payouts import PayoutRow, Payouts, PayoutShown, Withdrawal
from tallystick.wallets.topups import TopUps
from tallystick.wallets.wallets import Wallets

_keys = count(1)
ACCOUNT = ways.BankAccount("50100012345678", "Asha Rao", "HDFC0000123")


def a_key(key: str | None = None, body: bytes = b"{}") -> Asked:
    """A caller's idempotency key: a fresh one unless named."""
    return Asked("test", key or f"key-{next(_keys)}", body)


def upi(name: str = "asha") -> ways.UpiId:
    """A UPI id at the sandbox; its name may be one of the sandbox's table."""
    return ways.UpiId(f"{name}@sandbox", "Asha Rao")


@dataclass(frozen=True)
class PayoutDesk:
    """Payouts and top-ups, one wallet and one merchant with money, the banks' books."""

    payouts: Payouts
    top_ups: TopUps
    merchant: Merchant
    wallets: Wallets
    wallet: UUID
    journal: Journal
    ledger: Ledger
    clock: HandClock
    books: Mapping[str, BankBook] = field(repr=False)

    async def pay_out(
        self,
        amount_minor: int = 10_000,
        to: ways.Destination = ACCOUNT,
        asked: Asked | None = None,
        **source: Any,
    ) -> PayoutShown:
        """Out of the wallet, unless a merchant is named."""
        where = source or {"wallet_id": self.wallet}
        withdrawal = Withdrawal(amount_minor=amount_minor, destination=to, **where)
        return await self.payouts.create(withdrawal, asked=asked)

    async def look(self, shown: PayoutShown) -> PayoutRow:
        return (await self.payouts.get(shown.row.id)).row

    async def recover(self, after: timedelta = timedelta(seconds=61)) -> None:
        """Turn the clock and let recovery do what is due."""
        await asyncio.sleep(0.02)  # banks keep their own time: what is pending gets decided
        self.clock.advance(after)
        await self.payouts.look_at_due()

    async def fund(self, account: UUID, amount_minor: int) -> None:
        bank = account_id(PLATFORM, chart.bank_code("INR"))
        change_id = new_id(self.clock.now(), 0)
        post = Post(bank, account, amount_minor, "INR", "funding")
        await self.journal.record(Change(change_id, transfers=(post,)))

    # The books --------------------------------------------------------------------------------

    async def holds(self, account: UUID | None = None) -> tuple[int, int]:
        """What an account (the wallet) holds, and what of it is promised away."""
        found = await self.ledger.find_account(account or self.wallet)
        assert found is not None
        return found.posted_minor, found.pending_out_minor

    async def clearing(self, route: str = "hdfc_bank") -> int:
        """What the rail has paid out for us and we have not paid it."""
        found = await self.ledger.find_account(
            account_id(PLATFORM, chart.payouts_code(route, "INR"))
        )
        assert found is not None
        return -found.posted_minor

    async def suspense(self) -> int:
        found = await self.ledger.find_account(account_id(PLATFORM, chart.suspense_code("INR")))
        assert found is not None
        return found.posted_minor

    def payable(self) -> UUID:
        return account_id(self.merchant.id, chart.payable_code(self.merchant.id, "INR"))

    async def bank_paid(self, row: PayoutRow) -> list[str]:
        """What the banks' own books tell under this reference: nothing, or one word each time."""
        return [
            str(payout.status_at(max(payout.decided_at, payout.returned_at or payout.decided_at)))
            for book in self.books.values()
            for payout in await book.payouts()
            if payout.reference == row.reference
        ]
