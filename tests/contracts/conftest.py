"""Every provider there is, each over its real counterpart."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from tallystick.platform.clock import HandClock
from tallystick.rails import Rails, Route
from tallystick.rails.providers import PROVIDERS
from tallystick.sandbox import Pace, Sandbox, serve_sandbox
from tests.contracts.counter import Counter

HASTY_MS, PATIENT_MS = 300, 10_000


@pytest.fixture(scope="module")
def bank_clock() -> HandClock:
    """The banks' own clock: what is pending stays so until it is turned."""
    return HandClock(datetime(2026, 3, 2, 9, 30, tzinfo=UTC))


@pytest.fixture(scope="module")
async def sandbox(
    tmp_path_factory: pytest.TempPathFactory, bank_clock: HandClock
) -> AsyncIterator[Sandbox]:
    """The counterpart of the sandbox's acquirers."""
    folder = tmp_path_factory.mktemp("sandbox")
    pace = Pace(calm=True)
    async with serve_sandbox(folder, pace=pace, durable=False, now=bank_clock.now) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
async def rails(sandbox: Sandbox) -> AsyncIterator[Rails]:
    """A route to each provider, named as the provider, with time enough for a busy machine."""
    async with Rails.open(_routes(sandbox), timeout_ms=PATIENT_MS) as rails:
        yield rails


@pytest.fixture(scope="module")
async def hasty_rails(sandbox: Sandbox) -> AsyncIterator[Rails]:
    """The same routes for whoever has to see a time-out."""
    async with Rails.open(_routes(sandbox), timeout_ms=HASTY_MS) as rails:
        yield rails


@pytest.fixture(params=PROVIDERS)
def counter(request: pytest.FixtureRequest, rails: Rails, sandbox: Sandbox) -> Counter:
    """One provider, and how to provoke it."""
    return Counter(rails, str(request.param), sandbox.books[str(request.param)])


@pytest.fixture
def hasty(counter: Counter, hasty_rails: Rails) -> Counter:
    """The same provider, asked by somebody who waits 300 ms."""
    return Counter(hasty_rails, counter.route, counter.book)


def _routes(sandbox: Sandbox) -> list[Route]:
    return [
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
