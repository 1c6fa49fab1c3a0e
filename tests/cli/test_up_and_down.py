"""`tallystick up` ends in order, and after any end the next start goes on."""

import signal

from tests.cli.terminals import Place, on_terminal, started, wait_until

FIRST_FIGURES = "books balance"
CTRL_C = b"\x03"
SHOW_CURSOR = "\x1b[?25h"


def test_ctrl_c_ends_it_in_order_and_the_next_start_goes_on(at: Place) -> None:
    with on_terminal(at, "up", "--rate", "20") as first:
        first.wait_for(FIRST_FIGURES, "the first after")

        assert first.type(CTRL_C) == 0
    said = first.said()
    assert said.rindex(SHOW_CURSOR) < said.index("proving the books")
    assert said.index("books proven") < said.index("stopped")
    assert at.processes() == {}
    assert not (at.home / "running.json").exists()
    with started(at, "up", "--no-traffic") as second:
        assert "captured" in second.wait_for(FIRST_FIGURES)
        assert second.end(signal.SIGTERM) == 0
    assert at.processes() == {}


def test_when_it_is_killed_everybody_goes_and_the_next_start_works(at: Place) -> None:
    with started(at, "up", "--rate", "20") as first:
        first.wait_for(FIRST_FIGURES)
        assert len(at.processes()) == 5  # supervisor, postmaster, API, worker, banks
        first.end(signal.SIGKILL)
    wait_until(lambda: at.processes() == {}, lambda: f"left behind: {at.processes()}")

    assert (at.home / "running.json").exists()  # stale, and harmless
    told = at.told("demo", "--payments", "20", "--once")
    assert told["proof"]["green"] is True
    assert told["banks"]["differences"] == []


def test_ctrl_c_in_the_middle_of_the_start_leaves_nothing(at: Place) -> None:
    with started(at, "up") as begun:
        wait_until(lambda: len(at.processes()) > 1, begun.said)
        assert begun.end(signal.SIGINT) == 0
    assert at.processes() == {}
