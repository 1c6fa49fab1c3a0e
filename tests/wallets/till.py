"""Wallets, tiers and holds as the hall wires them, and short ways to use them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from tallystick.books import PLATFORM, Expiry, Transfers, account_id, chart
from tallystick.books.proof import prove
from tallystick.identity import FeePlan, Merchants
from tallystick.identity import projections as identity_projections
from tallystick.journal import Asked, Change, Journal, Origin
from tallystick.ledger import Ledger, Post
from tallystick.platform.clock import HandClock
from tallystick.platform.ids import bucket_of, derived_id, new_id
from tallystick.platform.postgres.pools import Database
from tallystick.wallets import HeldFor, Hold, Holds, HoldTerms, Tier, Tiers, Wallets, rail, store
from tallystick.wallets.projections import HOLDS, TIERS, WALLETS

MASTER_KEY = bytes(32)


@dataclass(frozen=True)
class Till:
    """One process over the database; several tills are several processes."""

    database: Database
    journal: Journal
    ledger: Ledger
    clock: HandClock
    wallets: Wallets
    holds: Holds
    merchants: Merchants

    def owner(self, name: str) -> UUID:
        """The id of a user of this name."""
        return derived_id(PLATFORM, name)

    async def wallet(self, name: str, amount_minor: int = 0, **terms: Any) -> UUID:
        """A new INR wallet of this owner, with so much in it; without limits unless told."""
        terms = {"tier": "unlimited"} | terms
        seen = await self.wallets.open(self.owner(name), "INR", **terms)
        if amount_minor:
            await self.fund(seen.wallet.id, amount_minor)
        return seen.wallet.id

    async def fund(self, wallet_id: UUID, amount_minor: int) -> None:
        """Money from the bank, as an operator books it."""
        await self.move(account_id(PLATFORM, chart.bank_code("INR")), wallet_id, amount_minor)

    async def empty(self, wallet_id: UUID, amount_minor: int) -> None:
        await self.move(wallet_id, account_id(PLATFORM, chart.bank_code("INR")), amount_minor)

    async def move(self, debit: UUID, credit: UUID, amount_minor: int) -> None:
        order = Post(debit, credit, amount_minor, "INR", "fund")
        await Transfers(self.journal, self.ledger, self.clock).post_one(order)

    async def merchant(self) -> UUID:
        merchant = await self.merchants.onboard("Chai & Sons", None, ["INR"], FeePlan(0))
        return merchant.id

    async def payable_minor(self, merchant_id: UUID) -> int:
        code = chart.payable_code(merchant_id, "INR")
        account = await self.ledger.find_account(account_id(merchant_id, code))
        assert account is not None
        return account.posted_minor

    async def limit(self, **limits_minor: int) -> str:
        """A tier with these limits; its name."""
        await self.wallets.tiers.set(Tier("tested", "INR", **limits_minor), origin=Origin())
        return "tested"

    async def hold(self, wallet_id: UUID, to: HeldFor, amount_minor: int, **how: Any) -> Hold:
        """A hold that lasts an hour."""
        return (await self.holds.place(self.terms(wallet_id, amount_minor), to, **how)).hold

    def terms(self, wallet_id: UUID, amount_minor: int, **how: Any) -> HoldTerms:
        usual: dict[str, Any] = {
            "expires_at": self.clock.now() + timedelta(hours=1),
            "currency": "INR",
        }
        return HoldTerms(wallet_id=wallet_id, amount_minor=amount_minor, **(usual | how))

    async def balances(self, wallet_id: UUID) -> tuple[int, int, int]:
        """Balance, available, pending."""
        money = await self.wallets.money_of(wallet_id)
        return money.balance_minor, money.available_minor, money.pending_minor

    async def spent(self, wallet_id: UUID) -> tuple[int, int]:
        """What counts against the day's and the month's limit."""
        wallet = (await self.wallets.get(wallet_id)).wallet
        return wallet.spent_day_minor, wallet.spent_month_minor

    async def run_ledger_expiry(self) -> int:
        return await Expiry(self.journal, self.ledger, self.clock).record_due()

    async def broken(self) -> dict[str, Any]:
        """The checks that are not green, with what they found."""
        checks = (*store.CHECKS, *rail.checks)
        proof = await prove(self.database, self.journal, self.clock, checks)
        return {check.name: check.findings for check in proof.checks if not check.green}


@asynccontextmanager
async def open_till(database: Database, clock: HandClock) -> AsyncIterator[Till]:
    """A till with a journal of its own."""
    projections = (*identity_projections, WALLETS, TIERS, HOLDS, *rail.projections)
    async with Journal.open(
        database, clock, projections=projections, master_key=MASTER_KEY
    ) as journal:
        ledger = Ledger(database)
        wallets = Wallets(journal, database, ledger, clock, Tiers(journal, database, clock))
        merchants = Merchants(journal, database, clock)
        yield Till(database, journal, ledger, clock, wallets, Holds(wallets), merchants)


async def furnish(till: Till) -> None:
    """The platform's own accounts."""
    change_id = new_id(till.clock.now(), bucket_of(PLATFORM))
    opened = chart.platform_accounts((), ("INR", "USD"))
    await till.journal.record(Change(change_id, accounts=opened))


def asked(key: str, body: str = "body") -> Asked:
    return Asked("shop:wallets", key, body.encode())
