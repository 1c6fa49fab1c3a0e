"""The whole platform, really served in this process, and what a test says to it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from tallystick.api import create_api
from tallystick.api.server import ClosingServer
from tallystick.app import App
from tallystick.books import PLATFORM, account_id, chart
from tallystick.identity import Merchant
from tallystick.platform.clock import HandClock
from tallystick.platform.ids import typeid
from tallystick.platform.listening import listening_socket
from tallystick.sandbox import Sandbox
from tests.servers.http_client import Caller, Client
from tests.servers.two_books import require_same_books


@dataclass(frozen=True)
class Platform:
    """A merchant's till, the operator's desk, the banks, the clock, and the rooms behind it all."""

    base_url: str
    app: App
    sandbox: Sandbox
    clock: HandClock
    merchant: Merchant
    till: Caller
    operator: Caller
    anybody: Caller

    async def recover(self, after: timedelta = timedelta(seconds=61)) -> None:
        """Turn the clock and let the recovery job do what is due."""
        self.clock.advance(after)
        await self.app.recovery.run_once()

    async def balance(self, code: str) -> int:
        """What an account holds, asked over HTTP as the operator."""
        owner_id = self.merchant.id if code.startswith("merchant:") else PLATFORM
        name = typeid("acc", account_id(owner_id, code))
        answer = await self.operator.get(f"/api/v1/accounts/{name}")
        assert answer.status == 200, answer.raw
        return int(answer.json["balance"])

    async def payable(self, currency: str = "INR") -> int:
        return await self.balance(chart.payable_code(self.merchant.id, currency))

    async def fees(self, currency: str = "INR") -> int:
        return await self.balance(chart.fees_code(currency))

    async def clearing(self, route: str = "hdfc_bank", currency: str = "INR") -> int:
        return await self.balance(chart.clearing_code(route, currency))

    def payable_id(self, currency: str = "INR") -> str:
        """The merchant's account as the API names it."""
        code = chart.payable_code(self.merchant.id, currency)
        return typeid("acc", account_id(self.merchant.id, code))

    async def require_proven(self) -> None:
        """The books prove, and the banks' own books tell the same as ours."""
        await require_proven(self.app)
        await require_same_books(self.app, self.sandbox, self.clock.now())


async def require_proven(app: App) -> None:
    """Every promise of every room is kept."""
    proof = await app.prove()
    broken = {result.name: result.findings for result in proof.checks if not result.green}
    assert proof.green, broken


@asynccontextmanager
async def served(app: App) -> AsyncIterator[Client]:
    """The API of `app`, on a port of its own."""
    listener = listening_socket("127.0.0.1", 0)
    server = ClosingServer(create_api(app), drain_s=0)
    client = Client(listener.getsockname()[1])
    serving = asyncio.create_task(server.serve([listener]))
    try:
        yield client
    finally:
        client.close()
        server.close()
        await serving
