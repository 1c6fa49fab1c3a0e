"""Payouts as `app.py` wires them: real PostgreSQL, both banks of the sandbox over real HTTP."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tallystick import books, identity
from tallystick import wallets as room
from tallystick.books import PLATFORM, chart
from tallystick.identity import FeePlan, Merchants
from tallystick.journal import Change, Journal
from tallystick.ledger import Ledger
from tallystick.platform.clock import HandClock
from tallystick.platform.ids import bucket_of, new_id, random_bucket
from tallystick.platform.postgres.pools import Database
from tallystick.rails import Rails, Route
from tallystick.sandbox import Pace, Sandbox, serve_sandbox
from tallystick.wallets import Tiers
from tallystick.wallets.payouts import Payouts, PayoutSources, PayoutTimes
from tallystick.wallets.payouts.beats import PayoutBeats
from tallystick.wallets.topups import TopUps
from tallystick.wallets.wallets import Wallets
from tests.wallets.payouts.desk import PayoutDesk

ROUTES = ("hdfc_bank", "icici_bank")
TIMES = PayoutTimes(provider_timeout_ms=300, ask_margin_ms=0, claim_patience_ms=2_000)
FUNDS = 500_000


@pytest.fixture(scope="session")
async def sandbox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sandbox]:
    """Both banks, calm; what is pending is decided after 5 ms, what comes back does after 10."""
    folder: Path = tmp_path_factory.mktemp("banks")
    pace = Pace(calm=True, pending_ms=5, return_ms=5, slow_ms=600)
    async with serve_sandbox(folder, pace=pace, durable=False) as sandbox:
        yield sandbox


@pytest.fixture
async def rails(sandbox: Sandbox) -> AsyncIterator[Rails]:
    routes = [
        Route(
            name=name,
            provider=name,
            base_url=sandbox.base_url(name),
            priority=place,
            max_amount_minor={"INR": 10_000_000, "EUR": 10_000_000},
            fee_bp=50,
        )
        for place, name in enumerate(ROUTES, 1)
    ]
    async with Rails.open(routes, timeout_ms=TIMES.provider_timeout_ms) as rails:
        yield rails


@pytest.fixture
async def journal(database: Database, clock: HandClock) -> AsyncIterator[Journal]:
    async with Journal.open(
        database,
        clock,
        projections=(*identity.projections, *room.projections),
        master_key=bytes(32),
    ) as journal:
        yield journal


@pytest.fixture
async def payout_desk(
    journal: Journal, database: Database, rails: Rails, clock: HandClock, sandbox: Sandbox
) -> PayoutDesk:
    """A wallet and a merchant's payable, each with INR 5,000.00."""
    opened = chart.platform_accounts(ROUTES, ("INR", "EUR"))
    await journal.record(Change(id=new_id(clock.now(), bucket_of(PLATFORM)), accounts=opened))
    merchants = Merchants(journal, database, clock)
    merchant = await merchants.onboard("Chai & Sons", "merchant_123", ["INR"], FeePlan(0, 0))
    ledger, tiers = Ledger(database), Tiers(journal, database, clock)
    user_id = new_id(clock.now(), random_bucket())
    wallets = Wallets(journal, database, ledger, clock, tiers)
    seen = await wallets.open(user_id, "INR")
    sources = PayoutSources(database, tiers)
    beats = PayoutBeats(journal, database, rails, sources, clock, TIMES, wallets.turns)
    desk = PayoutDesk(
        payouts=Payouts(beats),
        top_ups=TopUps(journal, database, ledger, tiers, clock),
        merchant=merchant,
        wallets=wallets,
        wallet=seen.wallet.id,
        journal=journal,
        ledger=ledger,
        clock=clock,
        books={name: sandbox.books[name] for name in ROUTES},
    )
    await desk.fund(desk.wallet, FUNDS)
    await desk.fund(desk.payable(), FUNDS)
    return desk


@pytest.fixture
async def payouts_proven(
    payout_desk: PayoutDesk, journal: Journal, database: Database, clock: HandClock
) -> AsyncIterator[None]:
    """After the test every promise of the house is kept, however the test ended."""
    yield
    proof = await books.prove(database, journal, clock, room.checks)
    broken = {result.name: result.findings for result in proof.checks if not result.green}
    assert broken == {}
