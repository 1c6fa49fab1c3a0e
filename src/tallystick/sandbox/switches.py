"""Fault switches: how a bank goes wrong with whatever it is asked next, until they run out.

Magic amounts choose one order and say what happens to it. A switch is for orders that somebody
else makes: a shop under test, a script, a race. It works on orders the bank has not heard of
before, without magic of their own; what is repeated is answered soundly.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Final, Literal, TypeVar

from msgspec import Meta, Struct, structs

from tallystick.sandbox.magic import Behaviour, Fault
from tallystick.sandbox.payout_magic import PayoutBehaviour

OVERTAKE_S: Final = 1.0
SWITCHES_MAX: Final = 100
_APART_S: Final = 0.02


class Wrong(StrEnum):
    """What goes wrong."""

    LOST_REPLY = "lost_reply"  # done, and the connection dropped
    LATE_SUCCESS = "late_success"  # done only when the caller has long gone
    DUPLICATE = "duplicate"  # the order reaches the bank twice
    DISORDER = "disorder"  # answered only after the next such order, or a second later


class Switch(Struct, frozen=True, forbid_unknown_fields=True):
    """One switch: what goes wrong, with which kind of order (None: any), and how often yet."""

    fault: Wrong
    on: Literal["authorization", "capture", "void", "refund", "payout"] | None = None
    times: Annotated[int, Meta(ge=1, le=1_000)] = 1


Behaving = TypeVar("Behaving", Behaviour, PayoutBehaviour)

_FAULTS: Final = {
    Wrong.LOST_REPLY: Fault.CHARGE_THEN_DROP,
    Wrong.LATE_SUCCESS: Fault.LATE_CHARGE,
}


class Switches:
    """The switches of one bank, in the order in which they were set; a restart forgets them."""

    def __init__(self) -> None:
        self._set: deque[Switch] = deque(maxlen=SWITCHES_MAX)
        self._overtaken: asyncio.Event | None = None

    def put(self, switch: Switch) -> None:
        """Set one more, behind those that are set."""
        self._set.append(switch)

    def clear(self) -> None:
        """From now on the bank is sound."""
        self._set.clear()

    def standing(self) -> Sequence[Switch]:
        """What is still to go wrong."""
        return tuple(self._set)

    def take(self, kind: str) -> Wrong | None:
        """What goes wrong with an order of this kind; counts it."""
        for place, switch in enumerate(self._set):
            if switch.on in (None, kind):
                if switch.times == 1:
                    del self._set[place]
                else:
                    self._set[place] = structs.replace(switch, times=switch.times - 1)
                return switch.fault
        return None

    async def let_overtake(self) -> None:
        """Wait until the next of those that call this has gone by, but not for ever."""
        if self._overtaken is not None:
            self._overtaken.set()
            self._overtaken = None
            return
        mine = self._overtaken = asyncio.Event()
        try:
            await asyncio.wait_for(mine.wait(), OVERTAKE_S)
        except TimeoutError:
            if self._overtaken is mine:
                self._overtaken = None
        else:
            await asyncio.sleep(_APART_S)  # the other's answer is on its way before ours


def switched(wrong: Wrong | None, behaviour: Behaving) -> Behaving:
    """How the bank behaves with this switch on."""
    fault = _FAULTS.get(wrong) if wrong else None
    return structs.replace(behaviour, fault=fault) if fault else behaviour
