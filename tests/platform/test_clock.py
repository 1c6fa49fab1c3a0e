"""Clocks: the machine's, one turned by hand, one that runs from another instant."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from tallystick.platform.clock import (
    HandClock,
    KeptClock,
    ShiftedClock,
    SystemClock,
    TurnedBack,
    configured_clock,
)
from tallystick.platform.settings import load_settings

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


class TestKeptClock:
    def test_everybody_who_opens_it_reads_the_same(self, tmp_path: Path) -> None:
        mine = KeptClock(tmp_path / "home" / "test-clock", START)
        theirs = KeptClock(tmp_path / "home" / "test-clock", START + timedelta(days=1))

        assert mine.now() == theirs.now() == START
        assert mine.turn_by(timedelta(hours=1)) == theirs.now() == START + timedelta(hours=1)
        assert theirs.turn_to(START + timedelta(days=2)) == mine.now()

    def test_two_turns_at_once_both_count(self, tmp_path: Path) -> None:
        clocks = [KeptClock(tmp_path / "test-clock", START) for _ in range(8)]
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda clock: clock.turn_by(timedelta(minutes=1)), clocks))

        assert {clock.now() for clock in clocks} == {START + timedelta(minutes=8)}

    @pytest.mark.parametrize("by_file", [True, False])
    def test_it_is_never_turned_back(self, tmp_path: Path, *, by_file: bool) -> None:
        clock = KeptClock(tmp_path / "test-clock", START) if by_file else HandClock(START)

        assert clock.turn_to(START) == START
        with pytest.raises(TurnedBack):
            clock.turn_to(START - timedelta(microseconds=1))
        with pytest.raises(TurnedBack):
            clock.turn_by(timedelta(microseconds=-1))
        assert clock.now() == START

    def test_any_zone_goes_in_and_utc_comes_out(self, tmp_path: Path) -> None:
        clock = KeptClock(tmp_path / "test-clock", START.astimezone(KOLKATA))

        assert clock.turn_to(START.astimezone(KOLKATA)).tzinfo is UTC

    @pytest.mark.usefixtures("clean_environment")
    def test_the_setting_names_it(self, tmp_path: Path) -> None:
        settings = load_settings(
            env_file=None, tallystick_home=tmp_path, test_clock="hand", test_clock_at=START
        )

        clock = configured_clock(settings)
        assert isinstance(clock, KeptClock)
        assert clock.now() == START
        assert isinstance(
            configured_clock(settings.model_copy(update={"test_clock": "running"})), ShiftedClock
        )
