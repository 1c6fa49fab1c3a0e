"""Reads by id that wait together become one statement."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import pytest

from tallystick.payments.readers import CaseReader
from tallystick.payments.steps import Case
from tests.payments.story import INTENT, PAYMENT, REFUND

pytestmark = pytest.mark.anyio


class Statements:
    """A database that can be held up, counts its statements, and knows one payment."""

    def __init__(self) -> None:
        self.asked: list[list[UUID]] = []
        self.open = asyncio.Event()
        self.error: Exception | None = None

    async def fetch(self, ids: Sequence[UUID]) -> dict[UUID, Case]:
        self.asked.append(list(ids))
        await self.open.wait()
        if self.error:
            raise self.error
        return {PAYMENT: Case()} if PAYMENT in ids else {}


async def test_whoever_comes_during_a_statement_joins_the_next_one() -> None:
    statements = Statements()
    reader = CaseReader(statements.fetch)
    first = asyncio.create_task(reader.find(PAYMENT))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    others = [asyncio.create_task(reader.find(i)) for i in (PAYMENT, INTENT, REFUND, PAYMENT)]
    await asyncio.sleep(0)

    statements.open.set()

    assert await first == Case()
    assert await asyncio.gather(*others) == [Case(), None, None, Case()]
    assert statements.asked == [[PAYMENT], [PAYMENT, INTENT, REFUND]]


async def test_a_failed_statement_fails_those_who_waited_for_it_and_nobody_else() -> None:
    statements = Statements()
    statements.open.set()
    statements.error = OSError("gone")
    reader = CaseReader(statements.fetch)

    told = await asyncio.gather(*(reader.find(PAYMENT) for _ in range(3)), return_exceptions=True)
    statements.error = None

    assert [type(one) for one in told] == [OSError] * 3
    assert await reader.find(PAYMENT) == Case()


async def test_one_who_gives_up_leaves_the_others_their_answer() -> None:
    statements = Statements()
    reader = CaseReader(statements.fetch)
    one, other = (asyncio.create_task(reader.find(PAYMENT)) for _ in range(2))
    await asyncio.sleep(0)

    one.cancel()
    statements.open.set()

    assert await other == Case()
