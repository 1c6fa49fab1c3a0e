"""Reads by key that wait together become one statement."""

import asyncio
from collections.abc import Sequence

import pytest

from tallystick.platform.joint_reads import JointReads

pytestmark = pytest.mark.anyio


class Statements:
    """A database that can be held up, counts its statements, and knows one key."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.open = asyncio.Event()
        self.error: Exception | None = None

    async def fetch(self, keys: Sequence[str]) -> dict[str, int]:
        self.asked.append(list(keys))
        await self.open.wait()
        if self.error:
            raise self.error
        return {"a": 1} if "a" in keys else {}


async def test_whoever_comes_during_a_statement_joins_the_next_one() -> None:
    statements = Statements()
    reads = JointReads(statements.fetch)
    first = asyncio.create_task(reads.find("a"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    others = [asyncio.create_task(reads.find(key)) for key in "abca"]
    await asyncio.sleep(0)

    statements.open.set()

    assert await first == 1
    assert await asyncio.gather(*others) == [1, None, None, 1]
    assert statements.asked == [["a"], ["a", "b", "c"]]


async def test_a_statement_takes_as_many_as_it_may_and_the_next_one_the_rest() -> None:
    statements = Statements()
    statements.open.set()
    reads = JointReads(statements.fetch, keys_max=2)

    assert await asyncio.gather(*(reads.find(key) for key in "bca")) == [None, None, 1]
    assert statements.asked == [["b", "c"], ["a"]]


async def test_a_failed_statement_fails_those_who_waited_for_it_and_nobody_else() -> None:
    statements = Statements()
    statements.open.set()
    statements.error = OSError("gone")
    reads = JointReads(statements.fetch)

    told = await asyncio.gather(*(reads.find("a") for _ in range(3)), return_exceptions=True)
    statements.error = None

    assert [type(one) for one in told] == [OSError] * 3
    assert await reads.find("a") == 1


async def test_one_who_gives_up_leaves_the_others_their_answer() -> None:
    statements = Statements()
    reads = JointReads(statements.fetch)
    one, other = (asyncio.create_task(reads.find("a")) for _ in range(2))
    await asyncio.sleep(0)

    one.cancel()
    statements.open.set()

    assert await other == 1
