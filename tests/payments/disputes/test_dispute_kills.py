"""`kill -9` of a process that learns of disputes: nothing is lost, nothing is recorded twice."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from tallystick.platform.postgres.address import Address
from tests.payments.disputes.dispute_desk import DisputeDesk
from tests.payments.disputes.learner import Plan

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("proven")]

REPOSITORY = Path(__file__).parents[3]
KILLED = -9
Run = Callable[[str], Awaitable[int]]


@pytest.fixture
def run(counter: DisputeDesk, address: Address, tmp_path: Path) -> Run:
    """A learner in a process of its own; how it ended."""

    async def start(point: str) -> int:
        path = tmp_path / "plan.json"
        plan = Plan(address, counter.bank_url, counter.desk.clock.now())
        path.write_bytes(msgspec.json.encode(plan))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.payments.disputes.learner", str(path), point),
            cwd=REPOSITORY,
        )
        async with asyncio.timeout(30):
            return await process.wait()

    return start


@pytest.mark.parametrize(
    "point", ["disputes.after_learn:1", "disputes.after_record:1", "disputes.after_record:3"]
)
async def test_killed_between_learning_and_recording(
    counter: DisputeDesk, run: Run, point: str
) -> None:
    await counter.desk.pay(50_000)
    for _ in range(3):
        await counter.desk.pay(10_000, "tok_disputed")

    assert await run(point) == KILLED
    assert await run("-") == 0
    assert await counter.learn() == 0

    assert len((await counter.disputes.list_disputes(None)).rows) == 3
    assert await counter.held() == 30_000


async def test_killed_between_the_banks_word_and_its_record(counter: DisputeDesk, run: Run) -> None:
    await counter.desk.pay(50_000)
    row = await counter.disputed()
    await counter.contested(row)
    counter.desk.clock.advance(timedelta(minutes=2))

    assert await run("disputes.after_ask:1") == KILLED
    assert (await counter.look(row)).status == "under_review"
    assert await run("-") == 0

    assert (await counter.look(row)).status == "won"
    assert await counter.held() == 0
