"""The lifeline: a child of the supervisor dies with it, however the supervisor ends."""

import os
import sys
from typing import Final

LIFELINE: Final = "TALLYSTICK_LIFELINE"
"""The environment variable that tells a child whose death is its own."""

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
