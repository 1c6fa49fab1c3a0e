"""Commands that run on end when they are asked to, also before they have begun."""

import asyncio
import os
import signal

import pytest

from tallystick.cli.failures import INTERRUPTED, REFUSED
from tallystick.cli.running.stopping import Stop, run_until_asked
from tests.cli.terminals import place, started


@pytest.mark.parametrize("command", ["serve", "work", "sandbox"])
def test_asked_to_end_before_its_loop_runs_it_ends_well(command: str) -> None:
    with place() as at:
        settings = at.home.parent / "settings.yaml"
        os.mkfifo(settings)
        with (
            started(at, command, TALLYSTICK_CONFIG=str(settings)) as running,
            settings.open("wb"),  # returns when the command has come to read its settings
        ):
            assert running.end(signal.SIGTERM) == 0
            assert running.said() == ""


@pytest.mark.parametrize("code", [0, INTERRUPTED])
def test_what_is_ended_in_the_middle_says_whether_that_was_an_end(code: int) -> None:
    async def under_way(_: Stop) -> int:
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.Event().wait()
        return REFUSED

    assert run_until_asked(under_way, if_asked=code) == code
