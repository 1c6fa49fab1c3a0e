"""How this process's asks on each route have gone of late."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from tallystick.rails.model import Declined, Outcome, Standing, Unanswered

LATEST_WEIGHS: Final = 0.05
"""So much of a standing is the latest ask, and the rest what was before: about twenty asks."""
FORGOTTEN_AFTER_S: Final = 300.0
"""A route that nobody asked for so long is as good as untried: it may be well again."""


class _Noted(Struct, frozen=True):
    standing: Standing
    at_s: float


class Standings:
    """Notes how asks went. Times are seconds of one clock that never goes back."""

    def __init__(self) -> None:
        self._noted: dict[str, _Noted] = {}

    def note(self, route: str, outcome: Outcome, *, began_s: float, now_s: float) -> None:
        """An ask on this route has ended so."""
        latest = Standing(delay_ms=(now_s - began_s) * 1000, answered=float(_is_answer(outcome)))
        before = self._known(route, now_s)
        self._noted[route] = _Noted(_mixed(before, latest) if before else latest, now_s)

    def at(self, now_s: float) -> Mapping[str, Standing]:
        """The standings that still hold, by route."""
        known = {route: self._known(route, now_s) for route in self._noted}
        return {route: standing for route, standing in known.items() if standing}

    def _known(self, route: str, now_s: float) -> Standing | None:
        noted = self._noted.get(route)
        if noted is None or now_s - noted.at_s > FORGOTTEN_AFTER_S:
            return None
        return noted.standing


def _is_answer(outcome: Outcome) -> bool:
    """Whether the route did its part: a payer's card may be declined on the best of routes."""
    if isinstance(outcome, Declined):
        return not outcome.retryable
    return not isinstance(outcome, Unanswered)


def _mixed(before: Standing, latest: Standing) -> Standing:
    return Standing(
        delay_ms=before.delay_ms + LATEST_WEIGHS * (latest.delay_ms - before.delay_ms),
        answered=before.answered + LATEST_WEIGHS * (latest.answered - before.answered),
    )
