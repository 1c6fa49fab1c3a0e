"""Rails in trouble: a line that is down, a process that freezes, a mistake of ours."""

import asyncio
from dataclasses import dataclass, field, replace

from tallystick.payments import Operations
from tallystick.rails import AuthorizeOrder, NotFound, Outcome, Rails, RefundOrder, Unanswered


class SilentProvider:
    """A provider that nobody can reach."""

    async def authorize(self, order: object) -> Outcome:
        return Unanswered("line_down")

    capture = void = refund = authorize

    async def find(self, reference: str) -> Outcome:
        return Unanswered("line_down")


def silent(operations: Operations) -> Operations:
    """The same operations while no bank answers."""
    rails = operations.rails
    down = dict.fromkeys(rails.providers, SilentProvider())
    return replace(operations, rails=Rails(rails.routes, down))


@dataclass(frozen=True)
class FrozenRails(Rails):
    """The real rails, for somebody who freezes as he is about to authorize."""

    frozen: asyncio.Event = field(default_factory=asyncio.Event)
    thawed: asyncio.Event = field(default_factory=asyncio.Event)

    async def authorize(self, order: AuthorizeOrder) -> Outcome:
        self.frozen.set()
        await self.thawed.wait()
        return await super().authorize(order)


@dataclass(frozen=True)
class FrozenRefunds(Rails):
    """The real rails, for somebody who freezes as he is about to refund."""

    frozen: asyncio.Event = field(default_factory=asyncio.Event)
    thawed: asyncio.Event = field(default_factory=asyncio.Event)

    async def refund(self, order: RefundOrder) -> Outcome:
        self.frozen.set()
        await self.thawed.wait()
        return await super().refund(order)


@dataclass(frozen=True)
class FrozenLooks(Rails):
    """The real rails, for somebody who freezes once he has heard what became of a reference."""

    frozen: asyncio.Event = field(default_factory=asyncio.Event)
    thawed: asyncio.Event = field(default_factory=asyncio.Event)

    async def find(self, route: str, reference: str) -> Outcome:
        outcome = await super().find(route, reference)
        self.frozen.set()
        await self.thawed.wait()
        return outcome


@dataclass(frozen=True)
class DeafRails(Rails):
    """The real rails, where no refund reaches its bank."""

    async def refund(self, order: RefundOrder) -> Outcome:
        return Unanswered("line_down")


@dataclass(frozen=True)
class SayingRails(Rails):
    """Rails where every bank says the same of every reference."""

    says: Outcome = field(default_factory=NotFound)

    async def find(self, route: str, reference: str) -> Outcome:
        return self.says


@dataclass(frozen=True)
class BrokenRails(Rails):
    """The real rails with a mistake in them that one reference brings to light."""

    broken: str = ""

    async def find(self, route: str, reference: str) -> Outcome:
        if reference == self.broken:
            raise ZeroDivisionError(reference)
        return await super().find(route, reference)
