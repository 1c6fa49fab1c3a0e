"""`/api/v1/test/clock`: the time of a platform in test mode whose clock is turned by hand."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from pydantic import Field

from tallystick.api.calls import AnyCall
from tallystick.api.field_errors import FieldError, InvalidFields
from tallystick.api.fields import Body, View, example
from tallystick.api.instants import Instant, parse_instant
from tallystick.api.strict_route import StrictRoutes
from tallystick.app import App
from tallystick.identity import Permission
from tallystick.platform.clock import HandClock, KeptClock, TurnedBack
from tallystick.platform.timetable import Done, run_due

PATH: Final = "/api/v1/test/clock"
SECONDS_MAX: Final = 366 * 86_400
END: Final = datetime(3000, 1, 1, tzinfo=UTC)
"""Far beyond what anybody tests, and safely within what a database and an id can tell."""


class AdvanceClock(Body):
    """By how much, or to when: one of the two."""

    model_config = example({"seconds": 604800})

    seconds: Annotated[int | None, Field(ge=1, le=SECONDS_MAX)] = None
    to: Annotated[Instant | None, Field(description="At most a year ahead; never back.")] = None


class ClockView(View):
    """What time it is."""

    now: datetime


class JobView(View):
    """What one job did at the new time."""

    name: Annotated[str, Field(examples=["recovery"])]
    done: Annotated[int, Field(description="How much, in the job's own count.")]
    failed: bool


class AdvancedView(View):
    """The new time, and what was due by then and is done."""

    now: datetime
    jobs: list[JobView]

    @classmethod
    def of(cls, now: datetime, jobs: tuple[Done, ...]) -> "AdvancedView":
        """From the timetable's answer."""
        said = [JobView(name=job.name, done=job.done, failed=job.failed) for job in jobs]
        return cls(now=now, jobs=said)


@dataclass(frozen=True, slots=True)
class HandClockRoutes:
    """The handlers of the test clock."""

    app: App
    clock: HandClock | KeptClock

    async def get_test_clock(self, _call: AnyCall) -> ClockView:
        """What time it is."""
        return ClockView(now=self.clock.now())

    async def advance_test_clock(self, body: AdvanceClock, _call: AnyCall) -> AdvancedView:
        """Turn the clock on, and do what is due by then before answering.

        To turn it to where it stands does what is due and nothing else.
        """
        now = self._turn(body)
        return AdvancedView.of(now, await run_due(self.app.jobs))

    def _turn(self, body: AdvanceClock) -> datetime:
        if (body.seconds is None) == (body.to is None):
            raise InvalidFields((FieldError("to", "invalid", "Say either seconds or to"),))
        now = self.clock.now()
        by = timedelta(seconds=body.seconds or 0)
        to = parse_instant(body.to) if body.to else now + by
        if to - now > timedelta(seconds=SECONDS_MAX) or to > END:
            raise InvalidFields((FieldError("to", "too_large", "At most a year ahead, to 3000"),))
        try:
            return self.clock.turn_to(to) if body.to else self.clock.turn_by(by)
        except TurnedBack as error:
            raise InvalidFields((FieldError("to", "too_small", str(error)),)) from None


def add_hand_clock_routes(routes: StrictRoutes, app: App) -> None:
    """`/api/v1/test/clock`, where the clock is turned by hand."""
    settings, clock = app.settings, app.clock
    by_hand = settings.mode == "test" and settings.test_clock == "hand"
    if not by_hand or not isinstance(clock, HandClock | KeptClock):
        return
    handlers = HandClockRoutes(app, clock)
    routes.get(PATH, handlers.get_test_clock, Permission.OPERATE)
    routes.post(f"{PATH}/advance", handlers.advance_test_clock, Permission.OPERATE, status=200)
