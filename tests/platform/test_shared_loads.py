"""Whoever comes during a load shares it."""

import asyncio

import pytest

from tallystick.platform.shared_loads import SharedLoads

pytestmark = pytest.mark.anyio


class Shelf:
    """What is loaded from; it can be held shut, and counts."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.loads = 0
        self.error: Exception | None = None

    async def load(self) -> int:
        self.loads += 1
        await self.open.wait()
        if self.error:
            raise self.error
        return self.loads


async def test_a_hundred_at_once_make_one_load_and_the_next_another() -> None:
    shelf, loads = Shelf(), SharedLoads[str, int]()
    waiting = [asyncio.create_task(loads.get("a", shelf.load)) for _ in range(100)]
    await asyncio.sleep(0)

    shelf.open.set()

    assert await asyncio.gather(*waiting) == [1] * 100
    assert await loads.get("a", shelf.load) == 2


async def test_keys_do_not_wait_for_each_other() -> None:
    shut, shelf, loads = Shelf(), Shelf(), SharedLoads[str, int]()
    shelf.open.set()
    first = asyncio.create_task(loads.get("a", shut.load))
    await asyncio.sleep(0)

    assert await loads.get("b", shelf.load) == 1

    first.cancel()


async def test_a_failure_is_everybodys_who_waited_and_is_not_remembered() -> None:
    shelf, loads = Shelf(), SharedLoads[str, int]()
    shelf.open.set()
    shelf.error = OSError("gone")

    told = await asyncio.gather(
        *(loads.get("a", shelf.load) for _ in range(3)), return_exceptions=True
    )
    shelf.error = None

    assert [type(one) for one in told] == [OSError] * 3
    assert await loads.get("a", shelf.load) == 2


async def test_one_who_gives_up_leaves_the_others_theirs() -> None:
    shelf, loads = Shelf(), SharedLoads[str, int]()
    one, other = (asyncio.create_task(loads.get("a", shelf.load)) for _ in range(2))
    await asyncio.sleep(0)

    one.cancel()
    shelf.open.set()

    assert await other == 1


async def test_after_a_change_nobody_shares_what_was_loaded_before_it() -> None:
    before, shelf, loads = Shelf(), Shelf(), SharedLoads[str, int]()
    early = asyncio.create_task(loads.get("a", before.load))
    await asyncio.sleep(0)
    loads.forget()

    late = asyncio.create_task(loads.get("a", shelf.load))
    await asyncio.sleep(0)
    before.open.set()
    await early

    shelf.open.set()
    assert await late == 1
    assert shelf.loads == 1
