"""Two running banks without latency, and a teller at each."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from tallystick.platform.clock import HandClock
from tallystick.sandbox import Pace, Sandbox, serve_sandbox
from tests.sandbox.teller import Teller


@pytest.fixture(scope="module")
def bank_clock() -> HandClock:
    """The banks' own clock: what is pending stays so until it is turned."""
    return HandClock(datetime(2026, 3, 2, 9, 30, tzinfo=UTC))


@pytest.fixture(scope="module")
async def sandbox(
    tmp_path_factory: pytest.TempPathFactory, bank_clock: HandClock
) -> AsyncIterator[Sandbox]:
    """Both banks, calm."""
    folder: Path = tmp_path_factory.mktemp("sandbox")
    pace = Pace(calm=True)
    async with serve_sandbox(folder, pace=pace, durable=False, now=bank_clock.now) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
async def session(anyio_backend: object) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def hdfc(sandbox: Sandbox, session: aiohttp.ClientSession) -> Teller:
    return Teller(session, sandbox.base_url("hdfc_bank"))


@pytest.fixture
async def icici(sandbox: Sandbox, session: aiohttp.ClientSession) -> Teller:
    return Teller(session, sandbox.base_url("icici_bank"))
