"""A round that failed is left alone for a while, the longer the more often it failed in a row."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from tallystick.delivery.model import LeaseLost

PAUSES_S: Final = (0.5, 1.0, 5.0, 15.0)


@dataclass
class Patient:
    """The rounds of a reader that looks many times a second, but not at what is down."""

    run: Callable[[], Awaitable[int]]
    now_s: Callable[[], float] = time.monotonic
    _failures: int = 0
    _again_at_s: float = 0.0

    async def __call__(self) -> int:
        """One round, or none while it is left alone. Raises what the round raises."""
        if self.now_s() < self._again_at_s:
            return 0
        try:
            done = await self.run()
        except LeaseLost:
            return 0  # somebody else reads on
        except Exception:
            pause_s = PAUSES_S[min(self._failures, len(PAUSES_S) - 1)]
            self._failures, self._again_at_s = self._failures + 1, self.now_s() + pause_s
            raise
        self._failures = 0
        return done
