"""A hundred hot accounts, moved both ways at once by two API processes: nobody waits in a circle.

Every account is locked in the order of its id, whatever the order in which a change names them.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from tallystick.app import App
from tallystick.books import PLATFORM, account_id
from tallystick.ledger import Open
from tallystick.platform.ids import parse_typeid, typeid
from tests.histories.conftest import PROCESSES
from tests.histories.observer import Observer
from tests.servers.api_processes import ApiProcesses
from tests.servers.served import require_proven

pytestmark = pytest.mark.anyio

ACCOUNTS = 100
ROUNDS = 12  # in each of them every account is in two pairs
CHAIN = 10


@pytest.fixture
async def accounts(app: App) -> list[str]:
    """A hundred that may be overdrawn without limit."""
    codes = [f"platform:pair_{number}:INR" for number in range(ACCOUNTS)]
    opens = [Open(account_id(PLATFORM, code), code, "INR", "credit", None) for code in codes]
    await app.accounts.ensure_open(opens)
    return [typeid("acc", order.account_id) for order in opens]


async def test_opposite_pairs_from_two_processes_never_deadlock(
    app: App, processes: ApiProcesses, observer: Observer, accounts: list[str]
) -> None:
    started = [await processes.start(place) for place in range(PROCESSES)]
    random, statuses = Random(1), Counter[int]()
    for number in range(ROUNDS):
        ring = random.sample(accounts, ACCOUNTS)
        pairs = list(zip(ring, [*ring[1:], ring[0]], strict=True))
        chains = [ring[start : start + CHAIN] for start in range(0, ACCOUNTS, CHAIN)]
        both = [
            *(one for pair in pairs for one in (transfer(*pair), transfer(*reversed(pair)))),
            *(one for chain in chains for one in (linked(chain), linked(chain[::-1]))),
        ]
        statuses += Counter(
            await asyncio.gather(
                # One direction at the one process, its opposite at the other.
                *(
                    send(observer, place % 2, f"{number} {place}", *one)
                    for place, one in enumerate(both)
                )
            )
        )

    assert statuses == {201: ROUNDS * 2 * ACCOUNTS, 200: ROUNDS * 2 * ACCOUNTS // CHAIN}
    for process in started:  # a server counts a session's deadlocks when it ends
        process.terminate()
        assert await process.ended == 0
    assert await deadlocks(app) == 0
    ids = [parse_typeid("acc", account) for account in accounts]
    stand = (await app.ledger.find_accounts(ids)).values()
    assert [account.posted_minor for account in stand] == [0] * ACCOUNTS  # what left came back
    assert min(account.version for account in stand) >= ROUNDS * 4
    await require_proven(app)


def transfer(debit: str, credit: str) -> tuple[str, Any]:
    return "/api/v1/transfers", order(debit, credit)


def linked(chain: Sequence[str]) -> tuple[str, Any]:
    """Along the chain, all or nothing."""
    orders = [order(debit, credit) for debit, credit in pairwise(chain)]
    return "/api/v1/transfers/bulk", {"transfers": orders, "atomic": True}


def order(debit: str, credit: str) -> dict[str, Any]:
    return {
        "debit_account_id": debit,
        "credit_account_id": credit,
        "amount": 7,
        "currency": "INR",
    }


async def send(observer: Observer, place: int, key: str, path: str, body: Any) -> int:
    return (await observer.callers[place].post(path, body, key=key)).status


async def deadlocks(app: App) -> int:
    found: int = await app.database.fetchval(
        "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    )
    return found
