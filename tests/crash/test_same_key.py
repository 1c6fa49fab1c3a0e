"""64 connections over two API processes send the same wish at the same moment, 200 times.

Each wish has one effect, all 64 get the same answer, and PostgreSQL has seen no deadlock.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest

from tallystick.app import App
from tallystick.platform.clock import SystemClock
from tallystick.sandbox import Sandbox
from tests.crash.client_journal import Wish
from tests.crash.patient_clients import PatientClients
from tests.crash.wishes import TRANSFER_CODE, Wishes
from tests.servers.api_processes import ApiProcess, ApiProcesses
from tests.servers.http_client import Answer, Caller, Client
from tests.servers.served import require_proven
from tests.servers.two_books import require_same_books

pytestmark = pytest.mark.anyio

CONNECTIONS = 64
TRANSFERS = 150
PAYMENTS = 50


@dataclass(frozen=True)
class Pair:
    """Two API processes, and a client at each with half of the connections."""

    processes: tuple[ApiProcess, ...]
    clients: tuple[Client, ...]

    async def ask_everywhere(self, caller: Caller, wish: Wish) -> list[Answer]:
        """The answers of all connections to one wish, sent at one moment."""
        each = CONNECTIONS // len(self.clients)
        for client in self.clients:
            await client.warm(each)
        callers = [replace(caller, client=client) for client in self.clients for _ in range(each)]
        body = wish.body.encode()
        return await asyncio.gather(
            *[caller.post(wish.path, body, key=wish.key) for caller in callers]
        )


@pytest.fixture
async def pair(processes: ApiProcesses) -> AsyncIterator[Pair]:
    both = (await processes.start(0), await processes.start(1))
    for process in both:
        await process.ready
    clients = tuple(Client(port) for port in processes.ports)
    yield Pair(both, clients)
    for client in clients:
        client.close()


async def test_64_same_wishes_at_once_are_one(
    app: App, sandbox: Sandbox, clients: PatientClients, wishes: Wishes, pair: Pair
) -> None:
    moved = [
        await granted_once(pair, clients.operator, wishes.transfer()) for _ in range(TRANSFERS)
    ]
    paid = [await granted_once(pair, clients.till, wishes.pay()) for _ in range(PAYMENTS)]

    found = await app.database.fetchval(
        "SELECT count(*) FROM ledger_transfers WHERE code = $1", TRANSFER_CODE
    )
    assert found == len(set(moved)) == TRANSFERS
    assert await app.database.fetchval("SELECT count(*) FROM payments") == PAYMENTS
    effects = await require_same_books(app, sandbox, SystemClock().now())
    assert {effect.reference.removesuffix("-a1") for effect in effects} == set(paid)
    assert len(effects) == PAYMENTS
    for process in pair.processes:  # a server counts a session's deadlocks when it ends
        process.terminate()
        assert await process.ended == 0
    assert await deadlocks(app) == 0
    await require_proven(app)


async def granted_once(pair: Pair, caller: Caller, wish: Wish) -> str:
    """Fails unless everybody gets the same answer and exactly one was the first; its id."""
    answers = await pair.ask_everywhere(caller, wish)
    assert Counter(answer.status for answer in answers) == {201: CONNECTIONS}
    assert len({answer.raw for answer in answers}) == 1
    assert [answer.replayed for answer in answers].count(False) == 1
    return str(answers[0].json["id"])


async def deadlocks(app: App) -> int:
    found: int = await app.database.fetchval(
        "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    )
    return found
