"""`tallystick payments cases` against a database of its own."""

import pytest

from tests.cli.test_commands import Terminal, logins, terminal

__all__ = ["logins", "terminal"]  # fixtures

NOBODY = "cas_01kjpy44e0fh0r68j79jejabkn"


@pytest.mark.parametrize(
    "words", [(), ("--status", "open"), ("--kind", "payout", "--route", "hdfc_bank")]
)
def test_there_is_nothing_to_list_yet(terminal: Terminal, words: tuple[str, ...]) -> None:
    assert terminal.told("payments", "cases", "list", *words) == []


@pytest.mark.parametrize("words", [("show",), ("ask",), ("note", "Called.")])
def test_what_cannot_be_is_told(terminal: Terminal, words: tuple[str, ...]) -> None:
    verb, *more = words

    code, _, said = terminal.run("payments", "cases", verb, "cas_nonsense", *more)
    assert (code, said) == (1, "tallystick: no case is called cas_nonsense (not_there)\n")

    code, _, said = terminal.run("payments", "cases", verb, NOBODY, *more)
    assert (code, said) == (1, "tallystick: there is no such case (case_not_found)\n")


@pytest.mark.parametrize(
    ("words", "code"),
    [(("--status", "shut"), "invalid_status"), (("--kind", "prayer"), "invalid_case_kind")],
)
def test_what_there_is_not_is_refused(
    terminal: Terminal, words: tuple[str, ...], code: str
) -> None:
    ended, _, said = terminal.run("payments", "cases", "list", *words)

    assert (ended, code in said) == (1, True), said
