"""The hall: builds every room in the order of the floors and hands each what it needs.

Servers, workers, the terminal and the tests come in by `open_app`; importing builds nothing.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from tallystick import books, identity, intake, settlement
from tallystick import payments as payment_room
from tallystick import wallets as wallet_room
from tallystick.books import Accounts, Check, CheckFunction, Expiry, Proof, Transfers, chart
from tallystick.delivery import Delivery
from tallystick.identity import Keys, Merchants
from tallystick.intake import Imports, Recording
from tallystick.journal import Journal
from tallystick.ledger import Ledger, Open
from tallystick.payments import Cases, Intents, Operations, Payments, Recovery, Refunds
from tallystick.platform.clock import Clock, configured_clock
from tallystick.platform.postgres.address import Address, outside_login
from tallystick.platform.postgres.pools import Database
from tallystick.platform.postgres.replica import open_databases
from tallystick.platform.redis_link import RedisLink, open_redis
from tallystick.platform.settings import Settings, decoded_key, secret
from tallystick.platform.timetable import Job
from tallystick.rails import Rails
from tallystick.wallets import Holds, Tiers, Wallets

PROJECTIONS = (
    *(*books.projections, *identity.projections, *wallet_room.projections),
    *(*payment_room.projections, *intake.projections, *settlement.projections),
)
CHECKS: tuple[Check | CheckFunction, ...] = (
    *(*books.exchange.checks, *wallet_room.checks),
    *(*payment_room.checks, *intake.checks, *settlement.checks),
)
CONSUMERS = (*intake.consumers, *payment_room.consumers, *settlement.consumers)


class NoDatabase(Exception):
    """The settings name no database: set DATABASE_URL or DB_HOST, or start with `tallystick up`."""


@dataclass(frozen=True)
class App:
    """Every room, wired."""

    settings: Settings
    clock: Clock
    database: Database
    redis: RedisLink
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
    disputes: payment_room.disputes.Disputes
    cases: Cases
    customers: payment_room.customers.Customers
    recovery: Recovery
    delivery: Delivery
    recording: Recording
    upkeep: intake.Upkeep
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
            *(*self.payouts.jobs(first_look_s), *self.proofs.jobs, *self.delivery.jobs),
            *(*self.disputes.jobs(self.settings), *self.cases.jobs),
            *(*self.top_ups.jobs, *self.holds.jobs, *self.escrows.jobs, *self.schedules.jobs),
            *(*self.journal.jobs(self.heads_path), *self.upkeep.schedule.jobs),
        )

    @property
    def heads_path(self) -> Path:
        """Where the journal's heads are published."""
        return self.settings.tallystick_home / "heads.jsonl"


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
    master_key = decoded_key(settings.master_key)
    async with (
        open_databases(login, settings) as database,
        open_redis(settings) as redis,
        Journal.open(database, clock, projections=PROJECTIONS, master_key=master_key) as journal,
        Rails.configured(settings) as rails,
        Delivery.open(journal, database, clock, settings, CONSUMERS) as delivery,
    ):
        app = _furnished(settings, clock, database, journal, rails, redis=redis, delivery=delivery)
        await app.accounts.ensure_open(platform_chart(settings))
        yield app


def _furnished(
    settings: Settings,
    clock: Clock,
    database: Database,
    journal: Journal,
    rails: Rails,
    *,
    redis: RedisLink,
    delivery: Delivery,
) -> App:
    """Every room over its ground, in the order of the floors."""
    pepper = secret(settings.key_pepper).encode()
    ledger = Ledger(database)
    accounts = Accounts(journal, clock)
    purses = Wallets(journal, database, ledger, clock, Tiers(journal, database, clock))
    rails = rails.joined_by(wallet_room.rail.WalletRail.over(purses, settings))
    ttl_s = settings.quote_ttl_s
    exchange = books.exchange.Exchange.over(journal, database, clock, ttl_s=ttl_s)
    sending = wallet_room.transfers.WalletTransfers(purses, exchange.quotes)
    operations = Operations.over(journal, database, rails, clock, settings)
    recording = Recording.configured(journal, database, clock, settings=settings, redis=redis)
    return App(
        settings=settings,
        clock=clock,
        database=database,
        redis=redis,
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
        disputes=payment_room.disputes.Disputes.over(operations, settings),
        cases=Cases.over(operations, purses, settings),
        customers=payment_room.customers.Customers.over(journal, database, clock),
        recovery=Recovery(operations),
        delivery=delivery,
        recording=recording,
        upkeep=intake.Upkeep.over(recording, settings),
        imports=Imports.over(recording, settings),
    )


def platform_chart(settings: Settings) -> tuple[Open, ...]:
    """The platform's own accounts for the configured routes and currencies."""
    currencies = dict.fromkeys((*settings.currencies, *intake.intake_currencies(settings)))
    return chart.platform_accounts([r.name for r in settings.payment_routes], tuple(currencies))
