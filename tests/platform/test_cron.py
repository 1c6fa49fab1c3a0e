"""Document 000's three schedules mean what it says they mean."""

from datetime import UTC, datetime, timedelta

import pytest

from tallystick.platform.cron import BadSchedule, read_cron

NOW = datetime(2026, 3, 2, 9, 30, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "first", "apart"),
    [
        ("*/30 * * * * *", datetime(2026, 3, 2, 9, 30, 30, tzinfo=UTC), timedelta(seconds=30)),
        ("0 2 * * *", datetime(2026, 3, 3, 2, tzinfo=UTC), timedelta(days=1)),
        ("0 3 * * *", datetime(2026, 3, 3, 3, tzinfo=UTC), timedelta(days=1)),
        ("*/10 * * * * *", datetime(2026, 3, 2, 9, 30, 10, tzinfo=UTC), timedelta(seconds=10)),
    ],
)
def test_the_next_five_runs(expression: str, first: datetime, apart: timedelta) -> None:
    cron = read_cron(expression)
    found, at = [], NOW
    for _ in range(5):
        at = cron.next_after(at)
        found.append(at)
    assert found == [first + number * apart for number in range(5)]


def test_an_occurrence_is_not_its_own_next() -> None:
    cron = read_cron("0 2 * * *")
    at = cron.next_after(NOW)
    assert cron.next_after(at) == at + timedelta(days=1)


def test_the_time_zone_is_the_schedules_own() -> None:
    in_india = read_cron("0 2 * * *", "Asia/Kolkata")
    assert in_india.next_after(NOW) == datetime(2026, 3, 2, 20, 30, tzinfo=UTC)


def test_a_clock_change_neither_skips_nor_doubles_a_day() -> None:
    in_berlin = read_cron("30 2 * * *", "Europe/Berlin")
    at, days = datetime(2026, 3, 27, tzinfo=UTC), []
    for _ in range(4):
        at = in_berlin.next_after(at)
        days.append(at.date().day)
    assert days == sorted(set(days))


@pytest.mark.parametrize(
    ("expression", "timezone"),
    [
        ("", "UTC"),
        ("* * *", "UTC"),
        ("61 * * * *", "UTC"),
        ("x * * * *", "UTC"),
        ("* * * * * * *", "UTC"),
        ("0 2 * * *", "Mars/Olympus"),
        ("@daily", "UTC"),
    ],
)
def test_anything_else_is_refused(expression: str, timezone: str) -> None:
    with pytest.raises(BadSchedule):
        read_cron(expression, timezone)
