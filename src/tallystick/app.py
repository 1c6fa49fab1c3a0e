"""The hall: builds every room in the order of the floors and hands each what it needs.

It reads as the architecture. Servers, workers, the terminal and the tests all come in by
`open_app`; nothing is built by importing.
"""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from uuid import UUID

from tallystick import books, identity, intake, payments
from tallystick import wallets as wallet_room
from tallystick.books import Accounts, Check, CheckFunction, Expiry, Proof, Transfers, chart
from tallystick.identity import Keys, Merchants
from tallystick.intake import Imports, Recording, ensure_partitions
from tallystick.journal import Journal
from tallystick.ledger import Ledger, Open
from tallystick.payments import Intents, Operations, Payments, Recovery, Refunds
from tallystick.payments.customers import Customers
from tallystick.payments.disputes import Disputes
from tallystick.platform.clock import Clock, configured_clock
from tallystick.platform.postgres.address import Address, outside_login, outside_owner
from tallystick.platform.postgres.pools import Database, open_database
from tallystick.platform.settings import Settings, secret
from tallystick.platform.timetable import Job
from tallystick.rails import Rails
from tallystick.wallets import Holds, Tiers, Wallets

PROJECTIONS = (
    *(*books.projections, *identity.projections, *wallet_room.projections),
    *(*payments.projections, *intake.projections),
)
CHECKS: tuple[Check | CheckFunction, ...] = (
    *(*books.exchange.checks, *wallet_room.checks),
    *(*payments.checks, *intake.checks),
)


class NoDatabase(Exception):
    """The settings name no database: set DATABASE_URL or DB_HOST, or start with `tallystick up`."""


@dataclass(frozen=True)
class App:
    """Every room, wired."""

    settings: Settings
    clock: Clock
    database: Database
    journal: Journal
    ledger: Ledger
    accounts: Accounts
    account_bulks: books.AccountBulks
    account_metadata: books.AccountMetadata
    transfers: Transfers
    exchange: books.exchange.Exchange
    expiry: Expiry
    proofs: books.proof.Proofs
    merchants: Merchants
    keys: Keys
    rails: Rails
    wallets: Wallets
    holds: Holds
    escrows: wallet_room.escrows.Escrows
    payouts: wallet_room.payouts.Payouts
    top_ups: wallet_room.topups.TopUps
    wallet_transfers: wallet_room.transfers.WalletTransfers
    schedules: wallet_room.transfers.Schedules
    intents: Intents
    payments: Payments
    refunds: Refunds
    disputes: Disputes
    customers: Customers
    recovery: Recovery
    recording: Recording
    imports: Imports

    async def prove(
        self, *, since: datetime | None = None, account_id: UUID | None = None
    ) -> Proof:
        """Prove the books: every invariant of every room, or within limits what they allow."""
        return await self.proofs.prove(since=since, account_id=account_id)

    @property
    def jobs(self) -> tuple[Job, ...]:
        """What is done again and again, in one process or in several."""
        first_look_s = float(self.settings.recovery_schedule_s[0])
        return (
            *self.recovery.jobs(first_look_s),
            *self.expiry.jobs,
            *self.payouts.jobs(first_look_s),
            *self.disputes.jobs(self.settings),
            *self.top_ups.jobs(Payments.TOP_UP_KINDS, self.payments.top_up_of),
            *(*self.holds.jobs, *self.escrows.jobs, *self.schedules.jobs),
            *self.proofs.jobs,
            Job("claims", 60.0, self.forget_claims),
            Job("journal_heads", 60.0, partial(self.journal.publish_heads, self.heads_path)),
            Job("recorded_months", 86_400.0, self.ensure_months),
        )

    async def forget_claims(self) -> int:
        """Forget idempotency claims older than 90 days, a few at a time."""
        return await self.journal.forget_claims(self.clock.now())

    @property
    def heads_path(self) -> Path:
        """Where the journal's heads are published."""
        return self.settings.tallystick_home / "heads.jsonl"

    async def ensure_months(self) -> None:
        """Make the coming months' partitions of the recorded payments, as their owner."""
        if owner := outside_owner(self.settings):
            await ensure_partitions(owner, self.clock.now())


@asynccontextmanager
async def open_app(
    settings: Settings, *, address: Address | None = None, clock: Clock | None = None
) -> AsyncIterator[App]:
    """The whole house over one database, until the block is left.

    Raises NoDatabase, SandboxUnknown (of `rails`), Overloaded and NotMigrated.
    """
    login = address or outside_login(settings)
    if login is None:
        raise NoDatabase("no database is named: set DATABASE_URL, or start with `tallystick up`")
    clock = clock or configured_clock(settings)
    master_key = base64.b64decode(secret(settings.master_key))
    pepper = secret(settings.key_pepper).encode()
    async with (
        open_database(login, settings) as database,
        Journal.open(database, clock, projections=PROJECTIONS, master_key=master_key) as journal,
        Rails.configured(settings) as rails,
    ):
        ledger = Ledger(database)
        accounts = Accounts(journal, clock)
        purses = Wallets(journal, database, ledger, clock, Tiers(journal, database, clock))
        exchange = books.exchange.Exchange.over(
            journal, database, ledger, clock, ttl_s=settings.quote_ttl_s
        )
        sending = wallet_room.transfers.WalletTransfers(purses, exchange.quotes)
        operations = Operations.over(journal, database, rails, clock, settings)
        recording = _recording(journal, database, clock, settings)
        await accounts.ensure_open(platform_chart(settings))
        yield App(
            settings=settings,
            clock=clock,
            database=database,
            journal=journal,
            ledger=ledger,
            accounts=accounts,
            account_bulks=books.AccountBulks(journal, clock),
            account_metadata=books.AccountMetadata(journal, database, clock),
            transfers=Transfers(journal, ledger, clock),
            exchange=exchange,
            expiry=Expiry(journal, ledger, clock),
            proofs=books.proof.Proofs.over(journal, database, ledger, clock, checks=CHECKS),
            merchants=Merchants(journal, database, clock),
            keys=Keys(journal, database, clock, pepper, settings.mode == "test"),
            rails=rails,
            wallets=purses,
            holds=Holds(purses),
            escrows=wallet_room.escrows.Escrows(purses),
            payouts=wallet_room.payouts.Payouts.over(purses, rails, settings),
            top_ups=wallet_room.topups.TopUps(journal, database, ledger, purses.tiers, clock),
            wallet_transfers=sending,
            schedules=wallet_room.transfers.Schedules(purses, sending),
            intents=Intents(operations, pepper),
            payments=Payments(operations),
            refunds=Refunds(operations),
            disputes=Disputes.over(operations, settings),
            customers=Customers.over(journal, database, clock),
            recovery=Recovery(operations),
            recording=recording,
            imports=Imports(recording),
        )


def _recording(journal: Journal, database: Database, clock: Clock, settings: Settings) -> Recording:
    return Recording.over(
        journal,
        database,
        clock,
        currency=settings.intake_currency,
        timezone=settings.staging_timezone,
    )


def platform_chart(settings: Settings) -> tuple[Open, ...]:
    """The platform's own accounts for the configured routes and currencies."""
    currencies = dict.fromkeys((*settings.currencies, settings.intake_currency))
    return chart.platform_accounts([r.name for r in settings.payment_routes], tuple(currencies))
