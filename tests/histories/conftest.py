"""Two API processes over one database, an auditor, and an operator who talks to both of them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tallystick.app import App, open_app
from tallystick.platform.clock import SystemClock
from tallystick.platform.postgres.address import Address
from tallystick.platform.settings import Settings
from tests.histories.observer import Observer
from tests.servers.api_processes import ApiProcesses, api_processes
from tests.servers.http_client import Caller, Client

PROCESSES = 2


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """No bank is asked for anything here."""
    return settings.model_copy(update={"sandbox_port": 9})


@pytest.fixture
async def app(settings: Settings, address: Address) -> AsyncIterator[App]:
    """The auditor, in this process."""
    async with open_app(settings, address=address, clock=SystemClock()) as app:
        yield app


@pytest.fixture
async def processes(
    app: App, settings: Settings, address: Address, tmp_path: Path
) -> AsyncIterator[ApiProcesses]:
    """Two API processes over one database; none has logged a fault when the test ends."""
    quiet = settings.model_copy(update={"log_level": "warning"})
    async with api_processes(quiet, address, tmp_path, places=PROCESSES) as processes:
        yield processes
    assert "Traceback" not in processes.log.read_text()


@pytest.fixture
async def observer(app: App, processes: ApiProcesses) -> AsyncIterator[Observer]:
    """An operator at both of them."""
    _, key = await app.keys.create(None, "operator")
    clients = [Client(port) for port in processes.ports]
    yield Observer([Caller(client, key) for client in clients])
    for client in clients:
        client.close()
