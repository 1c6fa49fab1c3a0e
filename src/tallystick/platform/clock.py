"""What time it is, as a collaborator that is handed in.

Pure code takes `now` as an argument; only the doors and the journal ask a clock.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from tallystick.platform.settings import Settings

TEST_CLOCK_FILE: Final = "test-clock"
"""Where in the home folder test mode keeps the time of the hand clock."""


class TurnedBack(Exception):
    """A clock that others have read is not turned back: what they recorded would lie ahead."""

    code = "clock_turned_back"


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

    def turn_to(self, instant: datetime) -> datetime:
        """Turn it on to `instant`. Raises TurnedBack."""
        self._now = _later(self._now, instant)
        return self._now

    def turn_by(self, by: timedelta) -> datetime:
        """Turn it on by so much. Raises TurnedBack."""
        return self.turn_to(self._now + by)


class KeptClock:
    """A hand clock kept in a file: every process that opens it reads the same time.

    It stands still until it is turned, over restarts too. `start` is for a file that is not there.
    """

    def __init__(self, path: Path, start: datetime) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._locked():
            if not path.exists():
                self._write(_require_utc(start))
        self._stamp = (0, 0)
        self._now = self.now()

    def now(self) -> datetime:
        found = self._path.stat()
        stamp = (found.st_ino, found.st_mtime_ns)
        if stamp != self._stamp:
            self._now = _require_utc(datetime.fromisoformat(self._path.read_text().strip()))
            self._stamp = stamp
        return self._now

    def turn_to(self, instant: datetime) -> datetime:
        """Turn it on to `instant`, for everybody. Raises TurnedBack."""
        with self._locked():
            self._write(_later(self.now(), instant))
        return self.now()

    def turn_by(self, by: timedelta) -> datetime:
        """Turn it on by so much, for everybody; two at once both count. Raises TurnedBack."""
        with self._locked():
            now = self.now()
            self._write(_later(now, now + by))
        return self.now()

    def _write(self, now: datetime) -> None:
        new = self._path.with_suffix(".new")
        new.write_text(f"{now.isoformat()}\n")
        new.replace(self._path)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        descriptor = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


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


def _later(now: datetime, instant: datetime) -> datetime:
    if (instant := _require_utc(instant)) < now:
        raise TurnedBack(f"it is {now.isoformat()} already")
    return instant


def configured_clock(settings: "Settings") -> Clock:
    """The machine's clock; in test mode also one that starts elsewhere, or is turned by hand."""
    start = settings.test_clock_at
    if settings.test_clock == "hand":
        kept = settings.tallystick_home / TEST_CLOCK_FILE
        return KeptClock(kept, start or SystemClock().now())
    return SystemClock() if start is None else ShiftedClock(start)
