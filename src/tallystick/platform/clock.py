"""What time it is, as a collaborator that is handed in.

Pure code takes `now` as an argument; only the doors and the journal ask a clock.
"""

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the present instant, always timezone-aware and in UTC."""

    def now(self) -> datetime: ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class HandClock:
    """A clock that stands still until it is turned: for tests and for test mode."""

    def __init__(self, start: datetime) -> None:
        self._now = _require_utc(start)

    def now(self) -> datetime:
        return self._now

    def advance(self, by: timedelta) -> datetime:
        """Turn the clock by `by`; a negative amount turns it back, as a bad clock would."""
        self._now += by
        return self._now

    def set(self, instant: datetime) -> None:
        self._now = _require_utc(instant)


class ShiftedClock:
    """A clock that runs at the usual pace from another instant.

    The documents' examples of 2024 run under it.
    """

    def __init__(self, start: datetime, source: Clock | None = None) -> None:
        self._source = source or SystemClock()
        self._shift = _require_utc(start) - self._source.now()

    def now(self) -> datetime:
        return self._source.now() + self._shift


def _require_utc(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError("an instant must carry its timezone")
    return instant.astimezone(UTC)


def configured_clock(test_clock_at: datetime | None) -> Clock:
    """The machine's clock, or in test mode one that starts at TALLYSTICK_TEST_CLOCK_AT."""
    return SystemClock() if test_clock_at is None else ShiftedClock(test_clock_at)
