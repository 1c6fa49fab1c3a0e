"""Whoever waits for the database is not kept waiting by requests that arrived together."""

import asyncio
from itertools import pairwise

import pytest

from tallystick.api.turnstile import Turnstile

pytestmark = pytest.mark.anyio


async def test_who_comes_alone_does_not_wait() -> None:
    turnstile = Turnstile()

    entering = turnstile.enter()

    with pytest.raises(StopIteration):
        entering.send(None)  # it ends without having been suspended once


async def test_those_who_come_together_enter_one_a_turn_and_in_order() -> None:
    turnstile = Turnstile()
    entered: list[int] = []
    counts: list[int] = []

    async def come(number: int) -> None:
        await turnstile.enter()
        entered.append(number)

    crowd = [asyncio.create_task(come(number)) for number in range(20)]
    while len(entered) < len(crowd):
        counts.append(len(entered))
        await asyncio.sleep(0)

    assert entered == list(range(20))
    assert max(later - earlier for earlier, later in pairwise(counts)) == 1


async def test_who_has_gone_away_holds_nobody_up() -> None:
    turnstile = Turnstile()
    crowd = [asyncio.create_task(turnstile.enter()) for _ in range(5)]
    await asyncio.sleep(0)

    crowd[1].cancel()
    crowd[2].cancel()
    ended = await asyncio.wait_for(asyncio.gather(*crowd, return_exceptions=True), 5)

    assert [isinstance(end, asyncio.CancelledError) for end in ended] == [
        *(False, True, True, False, False)
    ]
    await asyncio.sleep(0)
    coming = turnstile.enter()
    with pytest.raises(StopIteration):  # and the next to come alone passes again
        coming.send(None)
