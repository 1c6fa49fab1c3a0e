"""`tallystick disputes` against a database of its own, and killed while it learns."""

import pytest

from tests.cli.test_commands import Terminal, logins, terminal

__all__ = ["logins", "terminal"]  # fixtures


def test_there_is_nothing_to_list_yet(terminal: Terminal) -> None:
    assert terminal.told("disputes", "list") == []


@pytest.mark.parametrize("verb", ["get", "submit", "accept"])
def test_what_cannot_be_is_told(terminal: Terminal, verb: str) -> None:
    code, _, said = terminal.run("disputes", verb, "dsp_nonsense")
    assert (code, said) == (1, "tallystick: no dispute is called dsp_nonsense (not_there)\n")

    code, _, said = terminal.run("disputes", verb, "dsp_01kjpy44e0fh0r68j79jejabkn")
    assert (code, said) == (1, "tallystick: there is no such dispute (dispute_not_found)\n")
