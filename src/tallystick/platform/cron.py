"""Cron expressions: five fields as everywhere, or six with the seconds *first*.

Document 000 writes `*/30 * * * * *` for every thirty seconds. Libraries that take the sixth field
for seconds at the end would run that every second of two minutes an hour.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import CroniterError, croniter


class BadSchedule(ValueError):
    """The text is no cron expression of five or six fields, or its time zone is unknown."""


@dataclass(frozen=True, slots=True)
class Cron:
    """When a job is due: an expression, read in `timezone`. Made by `read_cron`."""

    expression: str
    timezone: tzinfo

    def next_after(self, instant: datetime) -> datetime:
        """The first occurrence after `instant`, in UTC."""
        local = instant.astimezone(self.timezone)
        found: datetime = croniter(
            self.expression, local, ret_type=datetime, second_at_beginning=True
        ).get_next()
        return found.astimezone(UTC)


def read_cron(expression: str, timezone: str = "UTC") -> Cron:
    """Raises BadSchedule."""
    fields = expression.split()
    if len(fields) not in (5, 6):
        raise BadSchedule(f"{expression!r} has {len(fields)} fields: five, or six, seconds first")
    try:
        zone: tzinfo = UTC if timezone == "UTC" else ZoneInfo(timezone)
        cron = Cron(" ".join(fields), zone)
        cron.next_after(datetime(2000, 1, 1, tzinfo=UTC))
    except (CroniterError, ZoneInfoNotFoundError, ValueError) as error:
        raise BadSchedule(f"{expression!r}: {error}") from error
    return cron
