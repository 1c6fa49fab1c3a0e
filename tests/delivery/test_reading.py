"""A reader sees every committed fact, in the order of commits, and skips none that commits late."""

import asyncio
from contextlib import AsyncExitStack
from random import Random

import pytest

from tallystick.app import PROJECTIONS, App
from tallystick.journal import Journal
from tests.delivery.senders import Senders
from tests.delivery.watchers import Watcher, consumption, drain

pytestmark = pytest.mark.anyio
RECORDED = frozenset({"payment.recorded"})


async def test_facts_of_several_lanes_that_commit_slowly_are_each_read_once(
    app: App, senders: Senders
) -> None:
    watcher, random = Watcher(RECORDED), Random(7)
    changes = [senders.change() for _ in range(300)]
    async with AsyncExitStack() as stack:
        journals = [
            await stack.enter_async_context(
                Journal.open(
                    app.database,
                    app.clock,
                    projections=PROJECTIONS,
                    master_key=bytes(32),
                    lane=lane,
                )
            )
            for lane in (1, 2, 3)
        ]
        reading = await stack.enter_async_context(consumption(app, watcher.consumer, batch=7))

        async def record(number: int) -> None:
            await asyncio.sleep(random.random() / 10)
            await journals[number % 3].record(changes[number])

        recording = asyncio.gather(*map(record, range(len(changes))))
        while not recording.done():
            await reading.run_once()
            await asyncio.sleep(0)
        await drain(reading)

    assert sorted(watcher.seen) == sorted((change.id, 1) for change in changes)
    committed = await app.database.fetch(
        "SELECT lane, aggregate_id FROM journal_facts WHERE kind = 'payment.recorded'"
        " ORDER BY lane, position"
    )
    places = {name: place for place, (name, _) in enumerate(watcher.seen)}
    for lane in (1, 2, 3):
        order = [places[row[1]] for row in committed if row[0] == lane]
        assert order == sorted(order)


async def test_a_fact_is_not_passed_over_while_its_lane_is_locked(
    app: App, senders: Senders
) -> None:
    watcher = Watcher(RECORDED)
    async with (
        consumption(app, watcher.consumer) as reading,
        Journal.open(
            app.database, app.clock, projections=PROJECTIONS, master_key=bytes(32), lane=1
        ) as bulk,
        senders.as_owner() as owner,
    ):
        late = senders.change()
        async with owner.transaction():
            await owner.execute("SELECT FROM journal_lanes WHERE lane = 1 FOR UPDATE")
            recording = asyncio.create_task(bulk.record(late))
            (early,) = await senders.report()
            await drain(reading)
            assert watcher.seen == [(early, 1)]
        await recording
        await drain(reading)

    assert watcher.seen == [(early, 1), (late.id, 1)]


async def test_a_lane_that_is_new_is_read_from_its_beginning(app: App, senders: Senders) -> None:
    watcher = Watcher(RECORDED)
    async with consumption(app, watcher.consumer) as reading:
        await drain(reading)
        async with senders.as_owner() as owner:
            await owner.execute("INSERT INTO journal_lanes (lane) VALUES (40)")
        change = senders.change()
        async with Journal.open(
            app.database, app.clock, projections=PROJECTIONS, master_key=bytes(32), lane=40
        ) as journal:
            await journal.record(change)
        await drain(reading)

    assert watcher.seen == [(change.id, 1)]


async def test_a_position_that_was_noted_is_gone_on_from(app: App, senders: Senders) -> None:
    watcher = Watcher(RECORDED)
    await senders.report(5)
    async with consumption(app, watcher.consumer) as reading:
        await drain(reading)
    later = await senders.report(2)

    again = Watcher(RECORDED)
    async with consumption(app, again.consumer) as reading:
        await drain(reading)

    assert sorted(again.seen) == sorted((payment, 1) for payment in later)
