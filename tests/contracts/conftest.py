"""Every provider there is, each over its real counterpart."""

from collections.abc import AsyncIterator

import pytest

from tallystick.rails import Rails, Route
from tallystick.rails.providers import PROVIDERS
from tallystick.sandbox import Pace, Sandbox, serve_sandbox
from tests.contracts.counter import Counter

TIMEOUT_MS = 250


@pytest.fixture(scope="module")
async def sandbox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sandbox]:
    """The counterpart of the sandbox's acquirers."""
    folder = tmp_path_factory.mktemp("sandbox")
    pace = Pace(calm=True, pending_ms=40)
    async with serve_sandbox(folder, pace=pace, durable=False) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
async def rails(sandbox: Sandbox) -> AsyncIterator[Rails]:
    """A route to each provider, named as the provider."""
    routes = [
        Route(
            name=provider,
            provider=provider,
            base_url=sandbox.base_url(provider),
            priority=1,
            max_amount_minor={"INR": 1_000_000_00},
            fee_bp=50,
        )
        for provider in PROVIDERS
    ]
    async with Rails.open(routes, timeout_ms=TIMEOUT_MS) as rails:
        yield rails


@pytest.fixture(params=PROVIDERS)
def counter(request: pytest.FixtureRequest, rails: Rails, sandbox: Sandbox) -> Counter:
    """One provider, and how to provoke it."""
    return Counter(rails, str(request.param), sandbox.books[str(request.param)])
