"""When a schedule falls due: wall clocks, short months, changes of clocks, and ends."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from tallystick.wallets.transfers.errors import InvalidSchedule
from tallystick.wallets.transfers.recurrence import (
    Frequency,
    Next,
    Recurrence,
    due_after,
    next_due,
    require_possible,
)

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def recurring(frequency: str, starts_on: str, at: str = "09:00", **terms: object) -> Recurrence:
    known: dict[str, Any] = {"timezone": "UTC"} | terms
    return Recurrence(frequency, date.fromisoformat(starts_on), time.fromisoformat(at), **known)


def dues(recurrence: Recurrence, count: int, after: datetime) -> list[str]:
    """The next so many instants, in UTC."""
    found: list[str] = []
    while len(found) < count:
        due_at = due_after(recurrence, after)
        if due_at is None:
            break
        found.append(f"{due_at:%Y-%m-%d %H:%M}")
        after = due_at
    return found


class TestEveryMonth:
    def test_the_31st_is_the_last_day_of_a_shorter_month_and_the_31st_again_after_it(self) -> None:
        monthly = recurring("monthly", "2026-01-31")

        assert dues(monthly, 5, NOW - timedelta(days=40)) == [
            "2026-01-31 09:00",
            "2026-02-28 09:00",
            "2026-03-31 09:00",
            "2026-04-30 09:00",
            "2026-05-31 09:00",
        ]

    def test_february_has_a_29th_in_leap_years(self) -> None:
        monthly = recurring("monthly", "2027-12-30")

        assert dues(monthly, 3, datetime(2027, 12, 31, tzinfo=UTC)) == [
            "2028-01-30 09:00",
            "2028-02-29 09:00",
            "2028-03-30 09:00",
        ]

    def test_it_goes_on_over_the_turn_of_the_year(self) -> None:
        assert dues(recurring("monthly", "2026-11-15"), 3, NOW)[1:] == [
            "2026-12-15 09:00",
            "2027-01-15 09:00",
        ]


def test_every_week_keeps_its_day_of_the_week() -> None:
    weekly = recurring("weekly", "2026-03-06")

    assert dues(weekly, 3, NOW) == ["2026-03-06 09:00", "2026-03-13 09:00", "2026-03-20 09:00"]


def test_once_is_once() -> None:
    once = recurring("once", "2026-03-06")

    assert dues(once, 9, NOW) == ["2026-03-06 09:00"]


class TestClocks:
    def test_a_local_time_is_that_of_its_zone(self) -> None:
        daily = recurring("daily", "2026-03-03", "00:30", timezone="Asia/Kolkata")

        assert dues(daily, 2, NOW) == ["2026-03-02 19:00", "2026-03-03 19:00"]

    def test_it_keeps_its_hour_on_the_wall_when_the_clocks_change(self) -> None:
        """Berlin goes from UTC+1 to UTC+2 on 29 March 2026."""
        daily = recurring("daily", "2026-03-28", "09:00", timezone="Europe/Berlin")

        assert dues(daily, 3, NOW) == ["2026-03-28 08:00", "2026-03-29 07:00", "2026-03-30 07:00"]

    def test_an_hour_that_is_left_out_is_read_by_the_clock_before(self) -> None:
        daily = recurring("daily", "2026-03-28", "02:30", timezone="Europe/Berlin")

        assert dues(daily, 3, NOW) == ["2026-03-28 01:30", "2026-03-29 01:30", "2026-03-30 00:30"]

    def test_an_hour_that_comes_twice_is_meant_the_first_time(self) -> None:
        daily = recurring("daily", "2026-10-25", "02:30", timezone="Europe/Berlin")

        assert dues(daily, 2, NOW) == ["2026-10-25 00:30", "2026-10-26 01:30"]


class TestAnOutage:
    def test_without_one_nothing_is_left_out(self) -> None:
        daily = recurring("daily", "2026-03-03")
        due_at = datetime(2026, 3, 3, 9, tzinfo=UTC)

        following = next_due(daily, due_at, due_at + timedelta(hours=23))

        assert (following.due_at, following.skipped) == (due_at + timedelta(days=1), 0)

    def test_what_it_delayed_is_made_up_for_once(self) -> None:
        daily = recurring("daily", "2026-03-03")
        due_at = datetime(2026, 3, 3, 9, tzinfo=UTC)

        following = next_due(daily, due_at, due_at + timedelta(days=4, hours=1))

        assert (following.due_at, following.skipped) == (due_at + timedelta(days=5), 4)

    @pytest.mark.parametrize(
        ("ends_on", "delayed", "left_out"),
        [("2026-03-05", 1, 1), ("2026-03-05", 2, 2), ("2026-03-05", 40, 2), ("2026-03-03", 40, 0)],
    )
    def test_beyond_the_last_day_leaves_out_no_more_than_there_were(
        self, ends_on: str, delayed: int, left_out: int
    ) -> None:
        daily = recurring("daily", "2026-03-03", ends_on=date.fromisoformat(ends_on))
        due_at = datetime(2026, 3, 3, 9, tzinfo=UTC)

        following = next_due(daily, due_at, due_at + timedelta(days=delayed))

        assert following.skipped == left_out
        assert (following.due_at is None) == (delayed > 1 or ends_on == "2026-03-03")

    def test_a_transfer_for_once_is_made_up_for_and_leaves_out_none(self) -> None:
        once = recurring("once", "2026-03-03")
        due_at = datetime(2026, 3, 3, 9, tzinfo=UTC)

        assert next_due(once, due_at, due_at + timedelta(days=9)) == Next(None, 0)

    def test_a_clock_that_went_back_runs_nothing_twice(self) -> None:
        daily = recurring("daily", "2026-03-03")
        due_at = datetime(2026, 3, 3, 9, tzinfo=UTC)

        following = next_due(daily, due_at, due_at - timedelta(days=3))

        assert following.due_at == due_at + timedelta(days=1)


class TestTheEnd:
    def test_the_last_day_is_one_of_its_days(self) -> None:
        daily = recurring("daily", "2026-03-03", ends_on=date(2026, 3, 4))

        assert dues(daily, 9, NOW) == ["2026-03-03 09:00", "2026-03-04 09:00"]

    def test_the_last_day_is_meant_in_its_own_zone(self) -> None:
        daily = recurring(
            "daily", "2026-03-03", "00:30", timezone="Asia/Kolkata", ends_on=date(2026, 3, 3)
        )

        assert dues(daily, 9, NOW) == ["2026-03-02 19:00"]


class TestWhatCannotBe:
    @pytest.mark.parametrize(
        ("recurrence", "field"),
        [
            (recurring("hourly", "2026-03-03"), "frequency"),
            (recurring("once", "2026-03-01"), "starts_on"),
            (recurring("once", "2026-03-02", "09:30"), "starts_on"),
            (recurring("daily", "2126-03-03"), "starts_on"),
            (recurring("daily", "1926-03-03"), "starts_on"),
            (recurring("daily", "9999-12-31"), "starts_on"),
            (recurring("daily", "2026-03-03", ends_on=date(2026, 3, 2)), "ends_on"),
            (recurring("daily", "2026-01-03", ends_on=date(2026, 2, 2)), "starts_on"),
            (recurring("daily", "2026-03-03", count=0), "count"),
            (recurring("daily", "2026-03-03", count=10_001), "count"),
            (recurring("daily", "2026-03-03", timezone="Mars/Olympus"), "timezone"),
            (recurring("daily", "2026-03-03", timezone="Europe"), "timezone"),
            (recurring("daily", "2026-03-03", timezone="../../etc/passwd"), "timezone"),
            (recurring("daily", "2026-03-03", timezone=""), "timezone"),
            (recurring("daily", "2026-03-03", timezone="\0"), "timezone"),
            (recurring("daily", "2026-03-03", timezone="x" * 5_000), "timezone"),
            (recurring("daily", "2026-03-03", "09:00:00.5"), "local_time"),
            (recurring("daily", "2026-03-03", "09:00+01:00"), "local_time"),
        ],
    )
    def test_is_refused_with_the_name_of_the_field(
        self, recurrence: Recurrence, field: str
    ) -> None:
        with pytest.raises(InvalidSchedule) as refused:
            require_possible(recurrence, NOW)

        assert refused.value.field == field

    def test_a_first_day_in_the_past_only_says_which_day_of_the_month(self) -> None:
        monthly = recurring("monthly", "2026-01-31")

        assert require_possible(monthly, NOW) == datetime(2026, 3, 31, 9, tzinfo=UTC)


@pytest.mark.parametrize("frequency", list(Frequency)[1:])
@pytest.mark.parametrize("zone", ["UTC", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Tehran"])
def test_whoever_steps_from_run_to_run_meets_each_instant_that_a_direct_look_finds(
    frequency: str, zone: str
) -> None:
    recurrence = recurring(frequency, "2026-01-31", "02:15", timezone=zone)
    due_at = require_possible(recurrence, NOW)
    for _ in range(60):
        following = next_due(recurrence, due_at, due_at)
        assert following.due_at is not None
        assert following.skipped == 0
        assert due_after(recurrence, following.due_at - timedelta(seconds=1)) == following.due_at
        assert due_after(recurrence, due_at + timedelta(seconds=1)) == following.due_at
        due_at = following.due_at
