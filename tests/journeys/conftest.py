"""What every journey starts from: the whole platform, served; and how every journey ends."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tallystick.app import App, open_app
from tallystick.identity import FeePlan
from tallystick.platform.clock import HandClock
from tallystick.platform.postgres.address import Address
from tallystick.platform.settings import Settings
from tallystick.sandbox import Pace, Sandbox, serve_sandbox
from tests.servers.http_client import Caller
from tests.servers.served import Platform, served


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Two currencies, and short waits: what is said about time is turned by hand."""
    return settings.model_copy(
        update={
            "currencies": ("INR", "USD"),
            "provider_timeout_ms": 1_000,
            "claim_patience_ms": 3_000,
        }
    )


@pytest.fixture
async def sandbox(tmp_path: Path, clock: HandClock) -> AsyncIterator[Sandbox]:
    """Both banks, calm, by the same clock: what is pending is decided when it is turned."""
    async with serve_sandbox(
        tmp_path / "sandbox", pace=Pace(calm=True), durable=False, now=clock.now
    ) as sandbox:
        yield sandbox


@pytest.fixture
async def app(
    settings: Settings, address: Address, clock: HandClock, sandbox: Sandbox
) -> AsyncIterator[App]:
    """The whole house."""
    chosen = settings.model_copy(update={"sandbox_port": sandbox.port})
    async with open_app(chosen, address=address, clock=clock) as app:
        yield app


@pytest.fixture
async def platform(app: App, sandbox: Sandbox, clock: HandClock) -> AsyncIterator[Platform]:
    """The platform with one merchant, at 3 % and INR 1.00 a payment.

    However the journey ends, the books must prove, and the banks' books must equal ours.
    """
    merchant = await app.merchants.onboard(
        "Chai & Sons", "merchant_123", ["INR", "USD"], FeePlan(300, 100)
    )
    _, till_key = await app.keys.create(merchant.id, "till")
    _, operator_key = await app.keys.create(None, "operator")
    async with served(app) as client:
        platform = Platform(
            base_url=f"http://{client.host}:{client.port}",
            app=app,
            sandbox=sandbox,
            clock=clock,
            merchant=merchant,
            till=Caller(client, till_key),
            operator=Caller(client, operator_key),
            anybody=Caller(client),
        )
        yield platform
        await platform.require_proven()
