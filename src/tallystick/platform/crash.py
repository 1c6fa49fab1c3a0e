"""Crash points: named places where a test may let this very process die as by `kill -9`.

`TALLYSTICK_CRASH_AT=point:n` (test mode only) kills at the n-th time the point is passed.
"""

import os
import signal

# Points still to be passed; a process has one, set at its start.
_countdown: dict[str, int] = {}


def arm(spec: str | None) -> None:
    """Let the process die at `point` or `point:n`; None disarms. Raises ValueError."""
    _countdown.clear()
    if spec is None:
        return
    point, _, times = spec.partition(":")
    passes = int(times or 1)
    if not point or passes < 1:
        raise ValueError("expected point:n, as in capture-sent:3")
    _countdown[point] = passes


def crash_point(name: str) -> None:
    """Die here if this is the armed point and its turn has come; otherwise nothing."""
    if name not in _countdown:
        return
    _countdown[name] -= 1
    if _countdown[name] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
