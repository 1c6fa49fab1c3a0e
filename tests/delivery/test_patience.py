"""What is down is asked ever more rarely, and again at once when it is back."""

import pytest

from tallystick.delivery.model import LeaseLost
from tallystick.delivery.patience import PAUSES_S, Patient

pytestmark = pytest.mark.anyio


class Reader:
    """A reader whose rounds end as they are told to, at a time of its own."""

    def __init__(self) -> None:
        self.now_s, self.rounds = 100.0, 0
        self.fails: Exception | None = None
        self.patient = Patient(self.run, lambda: self.now_s)

    async def run(self) -> int:
        self.rounds += 1
        if self.fails:
            raise self.fails
        return 1


async def test_a_round_that_failed_is_left_alone_ever_longer() -> None:
    reader = Reader()
    reader.fails = OSError("away")
    for number, pause_s in enumerate([*PAUSES_S, PAUSES_S[-1]], 1):
        with pytest.raises(OSError, match="away"):
            await reader.patient()
        reader.now_s += pause_s - 0.01
        assert await reader.patient() == 0
        assert reader.rounds == number
        reader.now_s += 0.02

    reader.fails = None
    assert await reader.patient() == 1
    reader.fails = OSError("away")
    with pytest.raises(OSError, match="away"):
        await reader.patient()
    reader.now_s += PAUSES_S[0] + 0.01
    reader.fails = None
    assert await reader.patient() == 1


async def test_a_lost_lease_is_no_failure() -> None:
    reader = Reader()
    reader.fails = LeaseLost("another process")

    assert await reader.patient() == 0
    reader.fails = None
    assert await reader.patient() == 1
