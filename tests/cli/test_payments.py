"""`tallystick payments list` and its filters, against a database of its own."""

import pytest

from tests.cli.test_commands import Terminal, logins, terminal

__all__ = ["logins", "terminal"]  # fixtures

REFERENCE = "PAY_20260302_84XKG-64268-J79JE-JABKN-B"


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--status", "captured"),
        ("--since", "2026-03-02", "--until", "2026-03-03T09:30:00Z"),
        ("--amount-from", "100", "--amount-to", "200", "--currency", "INR"),
        ("--customer", "cus_01kjpy44e0fh0r68j79jejabkn"),
        ("--reference", REFERENCE),
    ],
)
def test_a_list_may_be_narrowed(terminal: Terminal, words: tuple[str, ...]) -> None:
    assert terminal.told("payments", "list", *words) == []


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--status", "lost"), 1, "invalid_status"),
        (("--since", "yesterday"), 2, "a day such as"),
        (("--reference", REFERENCE[:-1] + "0"), 2, "last character"),
        (("--reference", "PAY_123456"), 2, "expected a payment reference"),
        (("--customer", "Asha"), 2, "Asha"),
        (("--amount-from", "0"), 2, "amount-from"),
    ],
)
def test_what_cannot_be_meant_is_told(
    terminal: Terminal, words: tuple[str, ...], code: int, said: str
) -> None:
    ended, _, told = terminal.run("payments", "list", *words)

    assert (ended, said in told) == (code, True), told
