"""Crash points kill for real, so they are tried in a process of their own."""

import signal
import subprocess
import sys

import pytest

from tallystick.platform.crash import arm, crash_point

_PROGRAM = """
import sys
from tallystick.platform.crash import arm, crash_point
arm(sys.argv[1])
for n in range(1, 6):
    crash_point("elsewhere")
    print(n, flush=True)
    crash_point("rails.after_ask")
"""


def _run(spec: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _PROGRAM, spec], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(("spec", "passes"), [("rails.after_ask", 1), ("rails.after_ask:3", 3)])
def test_the_process_dies_at_the_nth_pass(spec: str, passes: int) -> None:
    done = _run(spec)
    assert done.returncode == -signal.SIGKILL
    assert done.stdout.split() == [str(n + 1) for n in range(passes)]


def test_other_points_and_later_passes_do_nothing() -> None:
    assert _run("somewhere").returncode == 0
    assert _run("rails.after_ask:6").returncode == 0


def test_an_unarmed_point_does_nothing() -> None:
    arm("point")
    arm(None)
    crash_point("point")


@pytest.mark.parametrize("spec", ["point:0", "point:x", ":1"])
def test_a_malformed_spec_is_refused(spec: str) -> None:
    with pytest.raises(ValueError, match=r"point:n|int"):
        arm(spec)
