"""What every test may ask for: a fresh database, settings of its own, a clock turned by hand."""

import asyncio
import gc
import logging
import os
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog
import uvicorn.server
from msgspec.structs import replace

from tallystick.platform.clock import HandClock
from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.pools import Database, open_database
from tallystick.platform.secrets_file import keep_secrets
from tallystick.platform.settings import Settings, load_settings, variable_of
from tests.servers.keeper import Server
from tests.servers.postgres import cloned_database, find_server

_RUN_ID = os.environ.get("PYTEST_XDIST_TESTRUNUID") or uuid.uuid4().hex
_START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


class _Impatient:
    """What uvicorn knows as asyncio: ten times a second it would look whether it may end."""

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    @staticmethod
    async def sleep(delay_s: float) -> None:
        await asyncio.sleep(delay_s / 10)


def pytest_configure() -> None:
    """Servers that end soon: hundreds do. Tracebacks in logs as Python prints them: drawn with all
    its values, one takes a second."""
    uvicorn.server.asyncio = _Impatient()  # type: ignore[assignment, attr-defined]
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure([*structlog.get_config()["processors"][:-1], plain])


def pytest_collection() -> None:
    """Thousands of tests stay to the end: looking through them for garbage takes a fifth of the
    time of finding them, and then a part of each test's."""
    gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Trace every other worker: tracing takes a third of the time, and the floor of 85 % is
    passed by any half of the tests."""
    coverage: Any = session.config.pluginmanager.getplugin("_cov")
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    if coverage and worker % 2:
        coverage.cov_controller.cov.stop()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown() -> None:
    """The logging that a test configured ends with it: to its closed stream, every line of a later
    test would be a traceback."""
    root = logging.getLogger()
    for handler in [*root.handlers]:
        if type(handler) is logging.StreamHandler:
            root.removeHandler(handler)
            root.setLevel(logging.WARNING)


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """uvloop, as in production; TEST_LOOP=asyncio runs the tests on the plain loop."""
    return "asyncio", {"use_uvloop": os.environ.get("TEST_LOOP") != "asyncio"}


@pytest.fixture(scope="session")
def server() -> Server:
    """The run's PostgreSQL server."""
    return find_server(_RUN_ID)


@pytest.fixture
async def database_name(server: Server) -> AsyncIterator[str]:
    """A migrated, empty database of this test's own."""
    async with cloned_database(server) as name:
        yield name


@pytest.fixture
def address(server: Server, database_name: str) -> Address:
    """The servers' login at this test's database."""
    return replace(server.login, database=database_name)


@pytest.fixture
def owner_address(server: Server, database_name: str) -> Address:
    """The owner's login at this test's database: for tampering and for migrations."""
    return replace(server.owner, database=database_name)


@pytest.fixture
async def database(address: Address, settings: Settings) -> AsyncIterator[Database]:
    """This test's database as the rooms see it."""
    async with open_database(address, settings) as database:
        yield database


@pytest.fixture
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the developer's own shell reaches a test."""
    for name in Settings.model_fields:
        monkeypatch.delenv(variable_of(name).upper(), raising=False)
    monkeypatch.delenv("TALLYSTICK_CONFIG", raising=False)


@pytest.fixture
def settings(clean_environment: None, tmp_path: Path) -> Settings:
    """Test mode, with secrets, a home folder of this test's own, and small pools."""
    chosen = load_settings(
        env_file=None,
        tallystick_home=tmp_path / ".tallystick",
        db_pool_min=0,
        db_pool_max=10,
        db_request_acquire_timeout=2_000,  # the test machine may be busy
        port=0,
        drain_seconds=0,
    )
    return keep_secrets(chosen)


@pytest.fixture
def clock() -> HandClock:
    """A Monday morning in March 2026, until the test turns it."""
    return HandClock(_START)
