"""Ending before anything was served."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import pytest

from tallystick.api import serve
from tallystick.app import App
from tallystick.platform.settings import Settings

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_while_the_house_is_being_opened_ends_it_in_good_order(
    number: signal.Signals, settings: Settings
) -> None:
    opening, closed = asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def slow_to_open() -> AsyncIterator[App]:
        opening.set()
        try:
            await asyncio.sleep(60)
            yield cast("App", None)
        finally:
            closed.set()

    serving = asyncio.create_task(serve(slow_to_open, settings, []))
    await opening.wait()
    os.kill(os.getpid(), number)

    await asyncio.wait_for(serving, 5)
    assert closed.is_set()
