"""Tickets: changes on their way into a batch, and whoever waits for what becomes of them."""

import asyncio
from collections.abc import Sequence

from tallystick.journal.model import Change, Recorded

Outcome = Recorded | Exception


class Wait:
    """One caller's wait for what becomes of some changes; it is over with the last of them."""

    __slots__ = ("_changes", "_known", "_over")

    def __init__(self, changes: int) -> None:
        self._known: dict[int, Outcome] = {}
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._changes = changes

    async def outcomes(self) -> list[Outcome]:
        """All outcomes, in the order of the changes."""
        if self._changes:
            await self._over
        return [self._known[place] for place in range(self._changes)]

    def is_for(self, place: int) -> bool:
        """Whether the outcome of the change in this place is still waited for."""
        return place not in self._known and not self._over.done()

    def end(self, place: int, outcome: Outcome) -> None:
        """Note the outcome of the change in this place, unless it has one."""
        if self.is_for(place):
            self._known[place] = outcome
            if len(self._known) == self._changes:
                self._over.set_result(None)


class Ticket:
    """A change on its way, and its place among those its caller waits for.

    `deadline_s` is an instant of the event loop's own clock.
    """

    __slots__ = ("_place", "_wait", "change", "deadline_s", "judged")

    def __init__(self, change: Change, wait: Wait, place: int, deadline_s: float) -> None:
        self.change = change
        self.deadline_s = deadline_s
        self.judged = False
        self._wait = wait
        self._place = place

    @property
    def waits(self) -> bool:
        """False once it has its answer or is about to, or nobody waits for one any more."""
        return not self.judged and self._wait.is_for(self._place)

    def answer(self, outcome: Outcome) -> None:
        """Give the caller what became of the change; only the first answer counts."""
        self._wait.end(self._place, outcome)


def tickets_for(changes: Sequence[Change], wait: Wait, deadline_s: float) -> list[Ticket]:
    """A ticket for each change, in their order."""
    return [Ticket(change, wait, place, deadline_s) for place, change in enumerate(changes)]
