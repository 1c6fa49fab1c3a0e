"""The screen: the live picture on a terminal, a plain line now and then where there is none."""

import asyncio
import sys
import termios
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

import msgspec

from tallystick.app import App
from tallystick.cli.running.supervisor import Platform
from tallystick.cli.showing.figures import Figures, read_figures
from tallystick.cli.showing.picture import View, clock, picture
from tallystick.cli.showing.traffic import Tally
from tallystick.cli.terminal import Amount, Format, as_json, console, say
from tallystick.platform.postgres.pools import Overloaded

LOOK_S: Final = 2.0
LOOK_SHARE: Final = 20  # a look may take this share of the time between two
DRAW_S: Final = 0.5
LINE_S: Final = 3.0
PACE_S: Final = 20.0
NOTICE_S: Final = 60.0
NOTICES_SHOWN: Final = 3


@dataclass
class Screen:
    """What is shown of a running platform, kept up to date until cancelled."""

    app: App
    platform: Platform
    tally: Tally
    began_s: float  # monotonic
    output: Format | None
    _figures: Figures | None = None
    _counts: deque[tuple[float, int]] = field(default_factory=deque)

    async def keep(self) -> None:
        """Look and draw, again and again."""
        self._figures = await read_figures(self.app)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._look_on())
            group.create_task(self._draw_on() if self._is_live() else self._tell_on())

    def _is_live(self) -> bool:
        terminal = console()
        return terminal.is_terminal and not terminal.is_dumb_terminal and not as_json(self.output)

    async def _look_on(self) -> None:
        pause_s = LOOK_S
        while True:
            await asyncio.sleep(pause_s)
            with suppress(Overloaded):  # the age of what is shown says it
                began_s = time.monotonic()
                self._figures = await read_figures(self.app)
                pause_s = max(LOOK_S, LOOK_SHARE * (time.monotonic() - began_s))

    async def _draw_on(self) -> None:
        from rich.live import Live

        wide = console()
        with (
            _unmarked_keys(),
            Live(console=wide, auto_refresh=False, vertical_overflow="crop") as live,
        ):
            while True:
                live.update(picture(self.view(), wide.width), refresh=True)
                await asyncio.sleep(DRAW_S)

    async def _tell_on(self) -> None:
        told_s = 0.0
        while True:
            notices = self.platform.notices
            for at_s, text in [notice for notice in notices if notice[0] > told_s]:
                told_s = at_s
                if not as_json(self.output):
                    say(f"tallystick: {text}")
            view = self.view()
            say(_json_line(view) if as_json(self.output) else _line(view))
            await asyncio.sleep(LINE_S)

    def view(self) -> View:
        """What there is to see now."""
        now_s = time.monotonic()
        figures = self._figures
        if figures is None:
            raise LookupError("nothing was looked at yet")
        first_s = self.tally.first_payment_s
        return View(
            figures=figures,
            age_s=now_s - figures.looked_at_s,
            uptime_s=now_s - self.began_s,
            per_second=self._pace(now_s),
            recovered=self.tally.outcomes["recovered"],
            processes=self._processes(),
            notices=self._recent_notices(now_s),
            first_payment_s=first_s - self.began_s if first_s else None,
        )

    def _processes(self) -> dict[str, str]:
        states = {child.name: child.state for child in self.platform.crew.everybody()}
        ended = self.platform.database_ended.is_set()
        return states | {"PostgreSQL": "stopped" if ended else "running"}

    def _recent_notices(self, now_s: float) -> list[str]:
        recent = [text for at_s, text in self.platform.notices if now_s - at_s < NOTICE_S]
        return recent[-NOTICES_SHOWN:]

    def _pace(self, now_s: float) -> float:
        """Stories a second over the last while."""
        self._counts.append((now_s, self.tally.told))
        while now_s - self._counts[0][0] > PACE_S:
            self._counts.popleft()
        since_s, told = self._counts[0]
        return (self.tally.told - told) / max(now_s - since_s, 1.0)


@contextmanager
def _unmarked_keys() -> Iterator[None]:
    """Keep the terminal from writing ^C into the picture."""
    if sys.stdin is None or not sys.stdin.isatty():
        yield
        return
    keyboard = sys.stdin.fileno()
    before = termios.tcgetattr(keyboard)
    without = [*before[:3], before[3] & ~termios.ECHOCTL, *before[4:]]
    termios.tcsetattr(keyboard, termios.TCSADRAIN, without)
    try:
        yield
    finally:
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)


def _line(view: View) -> str:
    states = " ".join(f"{state.status} {state.payments}" for state in view.figures.payments)
    owed = next((p.amounts for p in view.figures.money if p.place == "owed to merchants"), {})
    money = " ".join(f"{c} {Amount(a, c)}" for c, a in owed.items() if a)
    books = {True: "books balance", False: "BOOKS DO NOT BALANCE", None: "books not added up"}
    return (
        f"{clock(view.uptime_s)}  {states or 'no payments yet'}"
        f" | recorded {view.figures.recorded} | owed to merchants {money or 'nothing'}"
        f" | {books[view.figures.balanced]} ({view.age_s:.0f} s ago)"
    )


def _json_line(view: View) -> str:
    return msgspec.json.encode(view).decode()
