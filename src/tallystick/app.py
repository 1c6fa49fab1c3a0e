"""The hall: builds every room in the order of the floors and hands each what it needs.

It reads as the architecture. Servers, workers, the terminal and the tests all come in by
`open_app`; nothing is built by importing.
"""

import base64
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from pathlib import Path

from tallystick import identity, intake, payments
from tallystick.books import Accounts, Check, CheckFunction, Expiry, Proof, Transfers, chart, prove
from tallystick.identity import Keys, Merchants
from tallystick.intake import Imports, Recording, ensure_partitions
from tallystick.journal import Journal
from tallystick.ledger import Ledger, Open
from tallystick.money import Currency, Money
from tallystick.payments import Intents, Operations, Payments, Recovery, Refunds
from tallystick.platform.clock import Clock, ShiftedClock, SystemClock
from tallystick.platform.postgres.address import Address, outside_login, outside_owner
from tallystick.platform.postgres.pools import Database, open_database
from tallystick.platform.settings import RouteSettings, Settings, secret
from tallystick.platform.timetable import Job
from tallystick.rails import Rails, Route

PROJECTIONS = (*identity.projections, *payments.projections, *intake.projections)
CHECKS: tuple[Check | CheckFunction, ...] = (*payments.checks, *intake.checks)
EXPIRIES = 500  # a round


class NoDatabase(Exception):
    """The settings name no database: set DATABASE_URL or DB_HOST, or start with `tallystick up`."""


class SandboxUnknown(Exception):
    """A route has no `base_url` and SANDBOX_PORT does not say where the sandbox is."""


@dataclass(frozen=True)
class App:
    """Every room, wired."""

    settings: Settings
    clock: Clock
    database: Database
    journal: Journal
    ledger: Ledger
    accounts: Accounts
    transfers: Transfers
    expiry: Expiry
    merchants: Merchants
    keys: Keys
    rails: Rails
    intents: Intents
    payments: Payments
    refunds: Refunds
    recovery: Recovery
    recording: Recording
    imports: Imports
    checks: Sequence[Check | CheckFunction] = field(default=CHECKS, repr=False)

    async def prove(self) -> Proof:
        """Prove the books: every invariant of every room."""
        return await prove(self.database, self.journal, self.clock, self.checks)

    @property
    def jobs(self) -> tuple[Job, ...]:
        """What is done again and again, in one process or in several."""
        first_look_s = float(self.settings.recovery_schedule_s[0])
        return (
            Job("recovery", min(Recovery.EVERY_S, first_look_s), self.recovery.run_once),
            Job(
                "reservation_expiry", 5.0, partial(self.expiry.record_due, EXPIRIES), full=EXPIRIES
            ),
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

    Raises NoDatabase, SandboxUnknown, Overloaded and NotMigrated.
    """
    login = address or outside_login(settings)
    if login is None:
        raise NoDatabase("no database is named: set DATABASE_URL, or start with `tallystick up`")
    clock = clock or clock_of(settings)
    master_key = base64.b64decode(secret(settings.master_key))
    pepper = secret(settings.key_pepper).encode()
    async with (
        open_database(login, settings) as database,
        Journal.open(database, clock, projections=PROJECTIONS, master_key=master_key) as journal,
        Rails.open(routes_of(settings), timeout_ms=settings.provider_timeout_ms) as rails,
    ):
        ledger = Ledger(database)
        accounts = Accounts(journal, clock)
        operations = Operations.over(journal, database, rails, clock, settings)
        recording = Recording.over(
            journal,
            database,
            clock,
            currency=settings.intake_currency,
            timezone=settings.staging_timezone,
        )
        await accounts.ensure_open(platform_chart(settings))
        yield App(
            settings=settings,
            clock=clock,
            database=database,
            journal=journal,
            ledger=ledger,
            accounts=accounts,
            transfers=Transfers(journal, ledger, clock),
            expiry=Expiry(journal, ledger, clock),
            merchants=Merchants(journal, database, clock),
            keys=Keys(journal, database, clock, pepper, settings.mode == "test"),
            rails=rails,
            intents=Intents(operations, pepper),
            payments=Payments(operations),
            refunds=Refunds(operations),
            recovery=Recovery(operations),
            recording=recording,
            imports=Imports(recording),
        )


def clock_of(settings: Settings) -> Clock:
    """The machine's clock, or in test mode one that starts at TALLYSTICK_TEST_CLOCK_AT."""
    if settings.test_clock_at is None:
        return SystemClock()
    return ShiftedClock(settings.test_clock_at)


def platform_chart(settings: Settings) -> tuple[Open, ...]:
    """The platform's own accounts for the configured routes and currencies."""
    currencies = dict.fromkeys((*settings.currencies, settings.intake_currency))
    return chart.platform_accounts([r.name for r in settings.payment_routes], tuple(currencies))


def routes_of(settings: Settings) -> tuple[Route, ...]:
    """The configured routes; one without an address of its own leads to the sandbox."""
    return tuple(_route(settings, route) for route in settings.payment_routes)


def _route(settings: Settings, route: RouteSettings) -> Route:
    if route.base_url is None and not settings.sandbox_port:
        raise SandboxUnknown(f"route {route.name} has no base_url: set it, or SANDBOX_PORT")
    currencies = route.currencies or settings.currencies
    return Route(
        name=route.name,
        provider=route.provider,
        base_url=route.base_url or f"http://127.0.0.1:{settings.sandbox_port}/{route.provider}",
        priority=route.priority,
        max_amount_minor={
            code: Money.from_major(route.max_amount, Currency(code)).amount_minor
            for code in currencies
        },
        fee_bp=int(route.fee_percent * Decimal(100)),
    )
