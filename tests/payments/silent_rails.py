"""Rails whose line is down: nothing is sent and nothing comes back."""

from dataclasses import replace

from tallystick.payments import Operations
from tallystick.rails import Outcome, Rails, Unanswered


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
