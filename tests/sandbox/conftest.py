"""Two running banks without latency, and a teller at each."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tallystick.sandbox import Pace, Sandbox, serve_sandbox
from tests.sandbox.teller import Teller


@pytest.fixture(scope="module")
async def sandbox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sandbox]:
    """Both banks, calm; what is pending is decided after 40 ms."""
    folder: Path = tmp_path_factory.mktemp("sandbox")
    pace = Pace(calm=True, pending_ms=40)
    async with serve_sandbox(folder, pace=pace, durable=False) as sandbox:
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
