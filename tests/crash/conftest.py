"""A site for crashes: settings with short waits, the banks, the auditor and the clients."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tallystick.app import App, open_app
from tallystick.books import PLATFORM, account_id
from tallystick.identity import FeePlan
from tallystick.ledger import Open
from tallystick.platform.clock import HandClock, SystemClock
from tallystick.platform.ids import typeid
from tallystick.platform.postgres.address import Address
from tallystick.platform.settings import Settings, secret
from tallystick.sandbox import Pace, Sandbox, serve_sandbox
from tests.crash.client_journal import ClientJournal
from tests.crash.crash_site import CrashSite
from tests.crash.patient_clients import PatientClients
from tests.crash.wishes import Wishes
from tests.crash.worker_deaths import Workers
from tests.servers.api_processes import ApiProcesses, api_processes
from tests.servers.http_client import Caller, Client


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    """Both banks, calm."""
    async with serve_sandbox(
        tmp_path / "sandbox", pace=Pace(calm=True, pending_ms=40, return_ms=40), durable=False
    ) as sandbox:
        yield sandbox


@pytest.fixture
def settings(settings: Settings, sandbox: Sandbox) -> Settings:
    """One currency, and a bank's "not found" believed after a second."""
    return settings.model_copy(
        update={
            "sandbox_port": sandbox.port,
            "currencies": ("INR",),
            "intake_currency": "INR",
            "provider_timeout_ms": 2_000,
            "provider_settle_ms": 1_000,
            "recovery_schedule_s": (1, 2, 3),
            "claim_patience_ms": 2_000,
        }
    )


@pytest.fixture
def clock() -> HandClock:
    """The auditor's; the API processes have clocks that run."""
    return HandClock(SystemClock().now())


@pytest.fixture
async def app(settings: Settings, address: Address, clock: HandClock) -> AsyncIterator[App]:
    """The auditor."""
    async with open_app(settings, address=address, clock=clock) as app:
        yield app


@pytest.fixture
async def processes(
    app: App, settings: Settings, address: Address, tmp_path: Path
) -> AsyncIterator[ApiProcesses]:
    """API processes on two sockets; none has logged a fault when the test ends."""
    async with api_processes(settings, address, tmp_path, places=2) as processes:
        yield processes
    faults = [
        line
        for line in processes.log.read_text().splitlines()
        if "request_failed" in line or "Traceback" in line
    ]
    assert not faults, faults[0]


@pytest.fixture
async def clients(
    app: App, processes: ApiProcesses, tmp_path: Path
) -> AsyncIterator[PatientClients]:
    """One of each sort, at the first socket."""
    merchant = await app.merchants.onboard("Chai & Sons", "merchant_123", ["INR"], FeePlan(300))
    _, till_key = await app.keys.create(merchant.id, "till")
    _, operator_key = await app.keys.create(None, "operator")
    client = Client(processes.ports[0])
    journal = ClientJournal(tmp_path / "clients.jsonl")
    yield PatientClients(
        till=Caller(client, till_key),
        operator=Caller(client, operator_key),
        channel=Caller(client),
        webhook_secret=secret(app.settings.webhook_auth_secret),
        journal=journal,
    )
    client.close()
    journal.close()


@pytest.fixture
async def wishes(app: App) -> Wishes:
    """Two accounts to move money between: one without limit, one that holds what it got."""
    codes = (("platform:crash_cash:INR", "debit", None), ("platform:crash_float:INR", "credit", 0))
    opens = [
        Open(account_id(PLATFORM, code), code, "INR", side, limit) for code, side, limit in codes
    ]
    await app.accounts.ensure_open(opens)
    cash, float_ = (typeid("acc", order.account_id) for order in opens)
    return Wishes(cash, float_, f"{app.clock.now():%Y-%m-%dT%H:%M:%SZ}")


@pytest.fixture
def workers(site: CrashSite, address: Address, owner_address: Address, tmp_path: Path) -> Workers:
    """The site's workers."""
    return Workers(site, address, owner_address, tmp_path)


@pytest.fixture
async def site(
    app: App,
    sandbox: Sandbox,
    processes: ApiProcesses,
    clients: PatientClients,
    wishes: Wishes,
) -> CrashSite:
    """A site with its first process."""
    site = CrashSite(app, sandbox, processes, clients, wishes)
    await site.start()
    return site
