"""When a scheduled transfer falls due: a wall clock in a named time zone, counted from one day.

Pure. Occurrences are counted from the first day, never from one another, so that nothing drifts:
a transfer on the 31st runs on the last day of a shorter month and on the 31st of the next one.
A local time that a change of clocks leaves out is read with the offset from before the change,
one that comes twice is meant the first time (RFC 5545, 3.3.5).
"""

from calendar import monthrange
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Struct

from tallystick.wallets.transfers.errors import InvalidSchedule

COUNT_MAX: Final = 10_000
"""The most runs a schedule may be given by number."""
FAR_DAYS: Final = 3_660
"""How far from today its first day may lie, either way: about ten years."""


class Frequency(StrEnum):
    """How often it falls due."""

    ONCE = "once"
    DAILY = "daily"
    WEEKLY = "weekly"  # on the first day's day of the week
    MONTHLY = "monthly"  # on the first day's day of the month, or the month's last


class Recurrence(Struct, frozen=True):
    """When it falls due: at `local_time` in `timezone`, first on `starts_on`.

    `ends_on` is the last day on which it may fall due, `count` how many times it runs at most;
    None is without end.
    """

    frequency: str  # Frequency
    starts_on: date
    local_time: time
    timezone: str  # IANA, as in Asia/Kolkata
    ends_on: date | None = None
    count: int | None = None


class Next(Struct, frozen=True):
    """What follows a run: when it falls due next, and how many times until now are left out.

    `due_at` None: its days are over.
    """

    due_at: datetime | None
    skipped: int = 0


def require_possible(recurrence: Recurrence, now: datetime) -> datetime:
    """When it falls due first, after `now`. Raises InvalidSchedule when it never does."""
    _require_terms(recurrence)
    zone_of(recurrence.timezone)
    if abs(recurrence.starts_on - now.date()) > timedelta(days=FAR_DAYS):
        raise InvalidSchedule("starts_on", "the first day lies too far away")
    first = due_after(recurrence, now)
    if first is None:
        raise InvalidSchedule("starts_on", "it would never fall due: its time is over")
    return first


def due_after(recurrence: Recurrence, instant: datetime) -> datetime | None:
    """When it first falls due after `instant`, in UTC; None when its days are over.

    `count` is not looked at: whoever counts the runs knows when they are enough.
    """
    index = _first_index_after(recurrence, instant)
    if _is_over(recurrence, index):
        return None
    return _instant(recurrence, _day(recurrence, index))


def next_due(recurrence: Recurrence, due_at: datetime, now: datetime) -> Next:
    """What follows the run that was due at `due_at`: after `now`, however long that is later.

    So a run that an outage delayed is made up for once, and those it delayed besides are skipped.
    """
    latest = max(due_at, now)
    first = _first_index_after(recurrence, due_at)
    following = _first_index_after(recurrence, latest)
    # An outage that lasted beyond the last day left out no more than those up to it.
    while following > first and _is_over(recurrence, following - 1):
        following -= 1
    return Next(due_after(recurrence, latest), following - first)


@lru_cache(maxsize=1_024)
def zone_of(name: str) -> ZoneInfo:
    """The time zone of this name. Raises InvalidSchedule."""
    try:
        return ZoneInfo(name)
    # A folder of zones, or a name that no file can have, is not a zone either.
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidSchedule("timezone", "this is not a time zone of the IANA database") from None


def _require_terms(recurrence: Recurrence) -> None:
    if recurrence.frequency not in tuple(Frequency):
        raise InvalidSchedule("frequency", f"a frequency is one of {', '.join(Frequency)}")
    if recurrence.local_time.tzinfo is not None or recurrence.local_time.microsecond:
        raise InvalidSchedule("local_time", "a local time has hours, minutes and seconds only")
    if recurrence.count is not None and not 1 <= recurrence.count <= COUNT_MAX:
        raise InvalidSchedule("count", f"it runs 1 to {COUNT_MAX} times, or without end")
    if recurrence.ends_on is not None and recurrence.ends_on < recurrence.starts_on:
        raise InvalidSchedule("ends_on", "its last day lies before its first")


def _is_over(recurrence: Recurrence, index: int) -> bool:
    """Whether its days end before this occurrence."""
    if recurrence.frequency == Frequency.ONCE:
        return index > 0
    return recurrence.ends_on is not None and _day(recurrence, index) > recurrence.ends_on


def _first_index_after(recurrence: Recurrence, instant: datetime) -> int:
    """The number, from 0, of the first occurrence after `instant`, as if there were no end."""
    today = instant.astimezone(zone_of(recurrence.timezone)).date()
    # The occurrence before today's is surely over or near; from there it is a step or two.
    index = max(_PERIODS[recurrence.frequency](recurrence.starts_on, today) - 1, 0)
    while _instant(recurrence, _day(recurrence, index)) <= instant:
        index += 1
        if recurrence.frequency == Frequency.ONCE:
            break
    return index


def _instant(recurrence: Recurrence, day: date) -> datetime:
    local = datetime.combine(day, recurrence.local_time, zone_of(recurrence.timezone))
    return local.astimezone(UTC)


def _day(recurrence: Recurrence, index: int) -> date:
    return _DAYS[recurrence.frequency](recurrence.starts_on, index)


def _month_later(first: date, months: int) -> date:
    years, month = divmod(first.month - 1 + months, 12)
    year, month = first.year + years, month + 1
    return date(year, month, min(first.day, monthrange(year, month)[1]))


_DAYS: Final[Mapping[str, Callable[[date, int], date]]] = {
    Frequency.ONCE: lambda first, _index: first,
    Frequency.DAILY: lambda first, index: first + timedelta(days=index),
    Frequency.WEEKLY: lambda first, index: first + timedelta(weeks=index),
    Frequency.MONTHLY: _month_later,
}
_PERIODS: Final[Mapping[str, Callable[[date, date], int]]] = {
    Frequency.ONCE: lambda _first, _today: 0,
    Frequency.DAILY: lambda first, today: (today - first).days,
    Frequency.WEEKLY: lambda first, today: (today - first).days // 7,
    Frequency.MONTHLY: lambda first, today: (
        (today.year - first.year) * 12 + today.month - first.month
    ),
}
