"""SIGTERM under load: what is inside is finished, the process ends with 0, and nobody notices."""

import asyncio

import pytest

from tests.crash.audit import require_history
from tests.crash.crash_site import CrashSite
from tests.servers.api_processes import ApiProcess

pytestmark = pytest.mark.anyio

SESSIONS = 8
UNDER_LOAD_S = 0.1


@pytest.mark.parametrize("restarts", [4, pytest.param(10, marks=pytest.mark.slow)])
async def test_restarts_under_load_cost_nobody_more_than_one_retry(
    site: CrashSite, restarts: int
) -> None:
    done = asyncio.Event()
    sessions = [asyncio.create_task(keep_paying(site, done)) for _ in range(SESSIONS)]
    for _ in range(restarts):
        await replaced(site)
        await asyncio.sleep(UNDER_LOAD_S)
    done.set()
    await asyncio.gather(*sessions)

    clients = site.clients
    assert max(clients.tries) <= 2, clients.tries
    assert set(clients.seen) <= {"cut", "replayed"}, clients.seen
    assert clients.tries.total() > restarts * SESSIONS, "there was load"
    await site.prove()
    await require_history(site.app, clients)


async def test_what_is_inside_is_answered_before_the_end(site: CrashSite) -> None:
    """A bank that takes its time: the payment's answer still comes, from the closing process."""
    process = site.process
    assert process is not None
    await process.ready
    slow = asyncio.create_task(site.clients.send(site.wishes.pay("tok_slow")))
    await asyncio.sleep(0.3)
    process.terminate()
    async with asyncio.timeout(30):
        answer = await slow

    assert (answer.status, answer.json["status"]) == (201, "pending")
    assert await process.ended == 0


async def replaced(site: CrashSite) -> None:
    """As a supervisor does it: the next one is ready before the old one is told to go."""
    old = site.process
    assert old is not None
    following: ApiProcess = await site.start()
    await following.ready
    await old.ready
    old.terminate()
    assert await old.ended == 0


async def keep_paying(site: CrashSite, done: asyncio.Event) -> None:
    ask, wishes = site.clients.ask, site.wishes
    while not done.is_set():
        paid = await ask(wishes.pay())
        await ask(wishes.refund(paid.json["id"]))
        await ask(wishes.transfer())
        await ask(wishes.webhook())
