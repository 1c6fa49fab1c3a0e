"""Sixty-four clients at two API processes: whatever they saw has one serial order, in real time.

A process is killed amid them, and they ask again with the same keys. In the end the books prove.
"""

import asyncio
from time import perf_counter

import pytest
from msgspec.structs import replace

from tallystick.app import App
from tallystick.books import PLATFORM, account_id
from tallystick.ledger import Open
from tallystick.platform.ids import typeid
from tests.histories.busy_clients import CLIENTS, Town
from tests.histories.checker import anomalies
from tests.histories.conftest import PROCESSES
from tests.histories.history import History, Order, Terms
from tests.histories.observer import PREFIX, Observer
from tests.histories.timelines import timelines
from tests.servers.api_processes import ApiProcesses
from tests.servers.served import require_proven

pytestmark = pytest.mark.anyio

ACCOUNTS = 8
OPENING_MINOR = 5_000
LONG_AGO = 200  # lines of one account: more than 64 clients write while one of them waits
REFUSALS = {
    "insufficient_funds",
    "account_frozen",
    "nothing_to_move",
    "reservation_not_open",
    "reservation_exceeded",
}


async def test_what_clients_see_has_one_order(
    app: App, processes: ApiProcesses, observer: Observer
) -> None:
    history = await live_and_judge(app, processes, observer, transfers=3_000)

    names = {one.name for one in anomalies(spoiled(history))}
    assert "lost-write" in names
    assert any(name.startswith("G") for name in names), names  # a circle


@pytest.mark.slow
async def test_what_clients_see_has_one_order_in_the_long_run(
    app: App, processes: ApiProcesses, observer: Observer
) -> None:
    await live_and_judge(app, processes, observer, transfers=100_000)


async def live_and_judge(
    app: App, processes: ApiProcesses, observer: Observer, *, transfers: int
) -> History:
    """Let the clients live until so many transfers were made, then judge all they saw."""
    town, openings = await found_town(app, observer, transfers)
    killed, *_ = [await processes.start(place) for place in range(PROCESSES)]
    began = perf_counter()
    await endow(town)
    async with asyncio.TaskGroup() as group:
        group.create_task(town.live(seed=1))
        await town.half_way.wait()
        await killed.kill()
        await processes.start(0)
    lived_s = perf_counter() - began

    lines = {account: await observer.lines(account) for account in town.accounts}
    began = perf_counter()
    history = History(observer.operations, lines, openings)
    found = anomalies(history)
    print(  # noqa: T201
        f"{observer.transfers} transfers in {len(observer.operations)} operations by {CLIENTS} "
        f"clients: {lived_s:.1f} s, judged in {perf_counter() - began:.1f} s; {observer.told}"
    )
    assert found == []
    assert set(observer.told) >= REFUSALS
    assert observer.told["read all"] > transfers // 50
    assert observer.told["repeated"] > transfers // 100
    await require_proven(app)
    return history


def spoiled(history: History) -> History:
    """The same with one write missing and one read much too old: the judge must not miss that."""
    account = min(history.lines)
    states = timelines(history)[account].states
    reads = [
        number
        for number, operation in enumerate(history.operations)
        for seen in operation.seen[:1]
        if seen.account == account and seen.version > LONG_AGO
    ]
    (seen, *others), version = history.operations[reads[-1]].seen, LONG_AGO // 2
    stale = replace(
        seen,
        version=version,
        balance_minor=states[version].balance_minor,
        pending_in_minor=states[version].pending_in_minor,
        pending_out_minor=states[version].pending_out_minor,
    )
    operations = list(history.operations)
    operations[reads[-1]] = replace(operations[reads[-1]], seen=[stale, *others])
    # What a settle gave back by itself is answered without a balance: nobody would miss it here.
    told = {
        moved.transfer
        for operation in operations
        for moved in operation.moved
        if account in moved.balance_of
    }
    standing = history.lines[account]
    last = max(number for number, line in enumerate(standing) if line.transfer in told)
    lines = {**history.lines, account: standing[:last]}
    return History(operations, lines, history.openings)


async def found_town(app: App, observer: Observer, goal: int) -> tuple[Town, dict[str, Terms]]:
    """Eight accounts that grow on the credit side, and one without limit that feeds them."""
    cash = f"{PREFIX.replace('history', 'feeding')}cash:INR"
    codes = [f"{PREFIX}{number}:INR" for number in range(ACCOUNTS)]
    opens = [Open(account_id(PLATFORM, code), code, "INR", "credit", 0) for code in codes]
    feeding = Open(account_id(PLATFORM, cash), cash, "INR", "debit", None)
    await app.accounts.ensure_open([feeding, *opens])
    names = [typeid("acc", order.account_id) for order in opens]
    openings = {name: Terms(name, 1, 0, "no") for name in names}
    return Town(observer, typeid("acc", feeding.account_id), names, goal), openings


async def endow(town: Town) -> None:
    """The first money."""
    for account in town.accounts:
        order = Order("post", town.cash, account, OPENING_MINOR)
        await town.send(0, f"endow {account}", order)
