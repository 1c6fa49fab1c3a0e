"""Customers, one after another: gently before somebody's eyes, or as many at once as is sound."""

import asyncio
import itertools
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from tallystick.cli.api_client import ApiAway, ApiClient, ApiRefused
from tallystick.cli.showing.stories import Story, UnexpectedEnd, Webhook, deal

AT_ONCE: Final = 16
TROUBLES_KEPT: Final = 20


@dataclass
class Tally:
    """What became of the stories that were told."""

    kinds: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    troubles: list[str] = field(default_factory=list)
    first_payment_s: float | None = None  # monotonic
    on_end: Callable[[], None] = field(default=lambda: None)
    on_trouble: Callable[[str], None] = field(default=lambda _: None)

    @property
    def told(self) -> int:
        return sum(self.kinds.values())

    def add(self, kind: str, outcome: str) -> None:
        self.kinds[kind] += 1
        self.outcomes[outcome] += 1
        if self.first_payment_s is None:
            self.first_payment_s = time.monotonic()
        self.on_end()

    def add_trouble(self, kind: str, error: Exception) -> None:
        self.kinds[kind] += 1
        self.outcomes["unexpected"] += 1
        trouble = f"{kind}: {error}"
        if len(self.troubles) < TROUBLES_KEPT:
            self.troubles.append(trouble)
        self.on_trouble(trouble)
        self.on_end()


@dataclass
class Traffic:
    """The demo's customers at one API."""

    api: ApiClient
    webhook: Webhook
    seed: int
    tally: Tally = field(default_factory=Tally)
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _run: str = field(default_factory=lambda: os.urandom(4).hex())

    async def take(self, stories: int) -> None:
        """Tell so many stories, several at once."""
        left = itertools.repeat(None, stories)

        async def customer() -> None:
            for _ in left:
                await self._tell_next()

        await asyncio.gather(*(customer() for _ in range(min(AT_ONCE, stories))))

    async def trickle(self, per_second: float) -> None:
        """Tell stories at this pace until cancelled; a slow one does not hold up the next."""
        pace = random.Random(self.seed)  # noqa: S311 - chance by seed
        turn = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as group:
            while True:
                await turn.acquire()
                task = group.create_task(self._tell_next())
                task.add_done_callback(lambda _: turn.release())
                await asyncio.sleep(pace.uniform(0.5, 1.5) / per_second)

    async def _tell_next(self) -> None:
        number = next(self._numbers)
        kind, chance = deal(number, self.seed)
        story = Story(kind, number, self.api, self._run, chance, self.webhook)
        try:
            outcome = await story.tell()
        except (ApiAway, ApiRefused, UnexpectedEnd) as error:
            self.tally.add_trouble(kind, error)
        else:
            self.tally.add(kind, outcome)
