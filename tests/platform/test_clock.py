"""Clocks: the machine's, one turned by hand, one that runs from another instant."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from tallystick.platform.clock import HandClock, ShiftedClock, SystemClock

START = datetime(2024, 1, 15, 10, 0, tzinfo=UTC)
KOLKATA = timezone(timedelta(hours=5, minutes=30))


def test_the_system_clock_tells_utc() -> None:
    assert SystemClock().now().tzinfo is UTC
    assert abs(SystemClock().now() - datetime.now(UTC)) < timedelta(seconds=5)


def test_a_hand_clock_stands_still_until_turned() -> None:
    clock = HandClock(START)
    assert clock.now() == clock.now() == START
    assert clock.advance(timedelta(hours=1)) == START + timedelta(hours=1) == clock.now()
    clock.advance(timedelta(hours=-3))
    assert clock.now() == START - timedelta(hours=2)
    clock.set(START)
    assert clock.now() == START


def test_any_zone_goes_in_and_utc_comes_out() -> None:
    clock = HandClock(START.astimezone(KOLKATA))
    assert clock.now() == START
    assert clock.now().tzinfo is UTC


def test_an_instant_without_a_zone_is_refused() -> None:
    naive = START.replace(tzinfo=None)
    with pytest.raises(ValueError, match="timezone"):
        HandClock(naive)
    with pytest.raises(ValueError, match="timezone"):
        HandClock(START).set(naive)
    with pytest.raises(ValueError, match="timezone"):
        ShiftedClock(naive)


def test_a_shifted_clock_runs_at_the_usual_pace_from_elsewhere() -> None:
    source = HandClock(datetime(2026, 6, 1, tzinfo=UTC))
    clock = ShiftedClock(START, source)
    assert clock.now() == START
    source.advance(timedelta(minutes=5))
    assert clock.now() == START + timedelta(minutes=5)
