"""How a long-running command ends: Ctrl-C, SIGTERM or a closed terminal, in order and with 0."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Final

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stop:
    """A wish to end. At first it cancels the command; within `gently` it only sets `asked`."""

    def __init__(self, task: "asyncio.Task[int]") -> None:
        self.asked = asyncio.Event()
        self.signals = 0
        self._task = task
        self._gently = False

    def ask(self) -> None:
        """Take a signal; every one after the first hurries."""
        self.signals += 1
        if self._gently and not self.asked.is_set():
            self.asked.set()
        else:
            self._task.cancel()

    @contextmanager
    def gently(self) -> Iterator[None]:
        """Within, the first signal lets the command finish by itself what it is at."""
        self._gently = True
        try:
            yield
        finally:
            self._gently = False


def run_until_asked(main: Callable[[Stop], Coroutine[Any, Any, int]], *, if_asked: int = 0) -> int:
    """Run a command to its end, or until somebody wants it to end; its exit code.

    Whatever it holds is left in order: cancelling unwinds it. The exit code is `if_asked` then.
    """
    return asyncio.run(_watched(main, if_asked))


async def _watched(main: Callable[[Stop], Coroutine[Any, Any, int]], if_asked: int) -> int:
    async def held() -> int:
        return await main(stop)

    task = asyncio.create_task(held())
    stop = Stop(task)
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, stop.ask)
    try:
        return await task
    except asyncio.CancelledError:
        if not stop.signals:
            raise
        return if_asked
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)


async def first_ended(*waits: Coroutine[Any, Any, Any]) -> None:
    """Return when one of them has ended; the others are cancelled. Raises what it raised."""
    tasks = [asyncio.create_task(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
