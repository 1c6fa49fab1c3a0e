"""Wallets with money in them, and those who move it: the room as the hall wires it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, time
from typing import Any
from uuid import UUID

from tallystick import books
from tallystick.books import PLATFORM, Transfers, account_id, chart
from tallystick.books.exchange import Exchange
from tallystick.books.proof import prove
from tallystick.journal import Asked, Change, Journal, Origin
from tallystick.ledger import Ledger, Post
from tallystick.platform.clock import HandClock
from tallystick.platform.ids import bucket_of, derived_id, new_id
from tallystick.platform.postgres.pools import Database
from tallystick.wallets import Tiers
from tallystick.wallets.model import Tier
from tallystick.wallets.projections import TIERS, WALLETS
from tallystick.wallets.transfers import store as transfer_store
from tallystick.wallets.transfers.folds import TRANSFERS, TransferTerms, WalletTransferRow
from tallystick.wallets.transfers.recurrence import Recurrence
from tallystick.wallets.transfers.schedule_folds import SCHEDULES, ScheduleRow, ScheduleTerms
from tallystick.wallets.transfers.schedules import Schedules
from tallystick.wallets.transfers.transfers import WalletTransfers
from tallystick.wallets.wallets import Wallets

MASTER_KEY = bytes(32)
PROJECTIONS = (*books.projections, WALLETS, TIERS, TRANSFERS, SCHEDULES)


@dataclass(frozen=True)
class Office:
    """Where money is sent from."""

    database: Database
    journal: Journal
    ledger: Ledger
    clock: HandClock
    tiers: Tiers
    wallets: Wallets
    transfers: WalletTransfers
    exchange: Exchange
    schedules: Schedules

    def owner(self, name: str) -> UUID:
        """The id of a user or merchant of this name."""
        return derived_id(PLATFORM, name)

    async def wallet(
        self, name: str, amount_minor: int = 0, currency: str = "INR", **terms: Any
    ) -> UUID:
        """A new wallet of the owner called so, with so much in it."""
        terms = {"tier": "unlimited"} | terms
        seen = await self.wallets.open(self.owner(name), currency, **terms)
        if amount_minor:
            await self.fund(seen.wallet.id, amount_minor, currency)
        return seen.wallet.id

    async def fund(self, wallet_id: UUID, amount_minor: int, currency: str = "INR") -> None:
        bank = account_id(PLATFORM, chart.bank_code(currency))
        await self.post(bank, wallet_id, amount_minor, "fund", currency)

    async def post(
        self, debit: UUID, credit: UUID, amount_minor: int, code: str, currency: str = "INR"
    ) -> None:
        """Move money past the wallets' own verbs."""
        order = Post(debit, credit, amount_minor, currency, code)
        await Transfers(self.journal, self.ledger, self.clock).post_one(order)

    async def limit(self, **limits_minor: int) -> str:
        """A tier with these limits; its name."""
        await self.tiers.set(Tier("tested", "INR", **limits_minor), origin=Origin())
        return "tested"

    async def balance(self, wallet_id: UUID) -> int:
        account = await self.ledger.find_account(wallet_id)
        assert account is not None
        return account.posted_minor

    async def send(
        self, payer: UUID, payee: UUID, amount_minor: int, name: str = "rent", **how: Any
    ) -> WalletTransferRow:
        sent = await self.transfers.send(terms(payer, payee, amount_minor, name), **how)
        return sent.row

    async def schedule(
        self, payer: UUID, payee: UUID, amount_minor: int = 100, **when: Any
    ) -> ScheduleRow:
        """Daily at 12:00 UTC from the day of the clock's start on, unless told otherwise."""
        how = {name: when.pop(name) for name in ("merchant_id", "asked") if name in when}
        stop_after = when.pop("stop_after_failures", None)
        scheduled = await self.schedules.create(
            ScheduleTerms(
                from_wallet_id=payer,
                to_wallet_id=payee,
                amount_minor=amount_minor,
                currency="INR",
                recurrence=Recurrence(**(DAILY | when)),
                stop_after_failures=stop_after,
            ),
            **how,
        )
        return scheduled.row

    async def prove(self) -> dict[str, Any]:
        """The checks that are not green, with what they found."""
        proof = await prove(self.database, self.journal, self.clock, transfer_store.CHECKS)
        return {check.name: check.findings for check in proof.checks if not check.green}


DAILY: dict[str, Any] = {
    "frequency": "daily",
    "starts_on": date(2026, 3, 2),
    "local_time": time(12),
    "timezone": "UTC",
}


@asynccontextmanager
async def open_office(database: Database, clock: HandClock) -> AsyncIterator[Office]:
    """An office with a journal of its own; several over one database are several processes."""
    async with Journal.open(
        database, clock, projections=PROJECTIONS, master_key=MASTER_KEY
    ) as journal:
        ledger = Ledger(database)
        tiers = Tiers(journal, database, clock)
        wallets = Wallets(journal, database, ledger, clock, tiers)
        exchange = Exchange.over(journal, database, clock, ttl_s=60)
        transfers = WalletTransfers(wallets, exchange.quotes)
        yield Office(
            database=database,
            journal=journal,
            ledger=ledger,
            clock=clock,
            tiers=tiers,
            wallets=wallets,
            transfers=transfers,
            exchange=exchange,
            schedules=Schedules(wallets, transfers),
        )


async def furnish(office: Office) -> None:
    """The platform's own accounts, in two currencies."""
    opened = chart.platform_accounts((), ("INR", "USD"))
    change_id = new_id(office.clock.now(), bucket_of(PLATFORM))
    await office.journal.record(Change(change_id, accounts=opened))


def terms(payer: UUID, payee: UUID, amount_minor: int, name: str = "rent") -> TransferTerms:
    return TransferTerms(
        transfer_id=name,
        from_wallet_id=payer,
        to_wallet_id=payee,
        amount_minor=amount_minor,
        currency="INR",
    )


def asked(key: str, body: str = "body") -> Asked:
    return Asked("shop:wallet_transfers", key, body.encode())
