"""What ties a child to its supervisor, and how a process ends that has not begun yet.

The lifeline: a child dies with its supervisor, however that one ends.
"""

import os
import signal
import sys
from typing import Final

LIFELINE: Final = "TALLYSTICK_LIFELINE"
"""The environment variable that tells a child whose death is its own."""
INHERITED: Final = "--inherited"
"""The hidden option with which the supervisor hands a listening socket down."""

_PR_SET_PDEATHSIG: Final = 1
_SIGKILL: Final = 9


def hold_lifeline() -> None:
    """In a child: let the kernel kill this process when the one that started it is gone.

    A supervisor that can still act stops its children in order; this is for the one that was
    killed. What dies so is what a crash may do at any time: recovery deals with it.
    """
    holder = os.environ.pop(LIFELINE, None)
    if holder is None or sys.platform != "linux":
        return
    import ctypes

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, _SIGKILL)
    if os.getppid() != int(holder):  # it died before we asked
        os._exit(1)


def end_at_once_when_asked() -> None:
    """Until the loop listens to SIGTERM, leave with 0: there is nothing to finish yet.

    A server imports for a second or two before its loop runs.
    """
    signal.signal(signal.SIGTERM, lambda _number, _frame: os._exit(0))
