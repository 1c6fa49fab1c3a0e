"""How long each request may take. One look at all of them costs less than a timer for each."""

import asyncio
from time import perf_counter
from types import TracebackType
from typing import Final

LOOK_S: Final = 0.05


class TimedOut(Exception):
    """The request's time is over. What it asked for may still happen: ask with the same key."""

    code = "timed_out"


class Patience:
    """One request's, from its first byte. A handler may shorten it while the block lasts.

    `due_s` is an instant of `perf_counter`, `words` what is said when it is over.
    """

    __slots__ = ("_limits", "_others", "_task", "due_s", "expired", "words")

    def __init__(self, limits: "TimeLimits", due_s: float) -> None:
        self._limits = limits
        self.due_s = due_s
        self.words = "the time for this request is over; ask again, with the same key"
        self.expired = False

    def __enter__(self) -> None:
        self._task = self._limits.watch(self)
        self._others = self._task.cancelling()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Raises TimedOut when it was us who cancelled the block, and nobody else."""
        self._limits.forget(self)
        if not self.expired:
            return
        if self._task.uncancel() <= self._others and kind is asyncio.CancelledError:
            raise TimedOut(self.words) from error

    def expire(self) -> None:
        """Cancel the block."""
        if not self.expired:
            self.expired = True
            self._task.cancel()


class TimeLimits:
    """All requests of one process that are under way."""

    def __init__(self) -> None:
        self._watched: set[Patience] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._looks = False

    def watch(self, patience: Patience) -> "asyncio.Task[object]":
        """Look at it from now on; the task we are in."""
        # The running loop is asked for once: each time costs a system call.
        loop = self._loop = self._loop or asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        if task is None:
            raise LookupError("only a task can be cancelled")
        self._watched.add(patience)
        if not self._looks:
            self._looks = True
            loop.call_later(LOOK_S, self._look, loop)
        return task

    def forget(self, patience: Patience) -> None:
        """It has ended."""
        self._watched.discard(patience)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now_s = perf_counter()
        for patience in self._watched:
            if patience.due_s <= now_s:
                patience.expire()
        self._looks = bool(self._watched)
        if self._looks:
            loop.call_later(LOOK_S, self._look, loop)
