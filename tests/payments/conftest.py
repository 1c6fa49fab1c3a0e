"""The room as `app.py` wires it: real PostgreSQL, both banks of the sandbox over real HTTP."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tallystick import books, identity, payments, wallets
from tallystick.books import PLATFORM, chart
from tallystick.identity import FeePlan, Merchant, Merchants
from tallystick.journal import Change, Journal
from tallystick.payments import Intents, Operations, Payments, Recovery, Refunds
from tallystick.payments.model import Limits
from tallystick.platform.clock import HandClock
from tallystick.platform.ids import bucket_of, new_id
from tallystick.platform.postgres.pools import Database
from tallystick.rails import Rails, Route
from tallystick.sandbox import Pace, Sandbox, serve_sandbox
from tests.payments.desk import Desk

CURRENCIES = ("INR", "JPY")
ROUTES = ("hdfc_bank", "icici_bank")
LIMITS = Limits(provider_timeout_ms=300, ask_margin_ms=0, claim_patience_ms=2_000)


@pytest.fixture(scope="session")
async def sandbox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sandbox]:
    """Both banks, calm; what is pending is decided after 5 ms."""
    folder: Path = tmp_path_factory.mktemp("banks")
    pace = Pace(calm=True, pending_ms=5, slow_ms=600)
    async with serve_sandbox(folder, pace=pace, durable=False) as sandbox:
        yield sandbox


@pytest.fixture
async def rails(sandbox: Sandbox) -> AsyncIterator[Rails]:
    limits_minor = dict.fromkeys(CURRENCIES, 10_000_000)
    routes = [
        Route(
            name=name,
            provider=name,
            base_url=sandbox.base_url(name),
            priority=place,
            max_amount_minor=limits_minor,
            fee_bp=50,
        )
        for place, name in enumerate(ROUTES, 1)
    ]
    async with Rails.open(routes, timeout_ms=LIMITS.provider_timeout_ms) as rails:
        yield rails


@pytest.fixture
async def journal(database: Database, clock: HandClock) -> AsyncIterator[Journal]:
    async with Journal.open(
        database,
        clock,
        projections=(*identity.projections, *payments.projections, *wallets.projections),
        master_key=bytes(32),
    ) as journal:
        yield journal


@pytest.fixture
async def merchant(journal: Journal, database: Database, clock: HandClock) -> Merchant:
    """A merchant at 3 % and 100 minor units, on a platform with its accounts open."""
    opened = chart.platform_accounts(ROUTES, CURRENCIES)
    await journal.record(Change(id=new_id(clock.now(), bucket_of(PLATFORM)), accounts=opened))
    merchants = Merchants(journal, database, clock)
    return await merchants.onboard("Chai & Sons", "merchant_123", CURRENCIES, FeePlan(300, 100))


@pytest.fixture
def operations(journal: Journal, database: Database, rails: Rails, clock: HandClock) -> Operations:
    return Operations(journal, database, rails, clock, LIMITS)


@pytest.fixture
def desk(operations: Operations, merchant: Merchant, sandbox: Sandbox, clock: HandClock) -> Desk:
    """Everything a test speaks to."""
    return Desk(
        merchant=merchant,
        operations=operations,
        intents=Intents(operations, b"a key for client secrets"),
        payments=Payments(operations),
        refunds=Refunds(operations),
        recovery=Recovery(operations),
        clock=clock,
        books={name: sandbox.books[name] for name in ROUTES},
    )


@pytest.fixture
async def proven(
    desk: Desk, journal: Journal, database: Database, clock: HandClock
) -> AsyncIterator[None]:
    """After the test every promise of the house is kept, however the test ended."""
    yield
    proof = await books.prove(database, journal, clock, payments.checks)
    broken = {result.name: result.findings for result in proof.checks if not result.green}
    assert broken == {}
