"""`tallystick payouts` against a database of its own, where no bank answers."""

import pytest

from tests.cli.test_commands import Terminal, logins, terminal
from tests.cli.test_escrows import purses

__all__ = ["logins", "purses", "terminal"]  # fixtures

ASHA = ("--upi", "asha@okbank", "--name", "Asha Rao")


def test_a_payout_is_made_once_a_key_and_read_back(
    terminal: Terminal, purses: tuple[str, str]
) -> None:
    wallet, _ = purses
    words = ("payouts", "create", wallet, "400", *ASHA, "--description", "Rent", "--key", "k1")

    made = terminal.told(*words)
    listed = terminal.told("payouts", "list", "--wallet", wallet)

    assert (made["status"], made["destination"]) == ("pending", "...a@okbank")
    assert (made["name"], made["description"], made["replayed"]) == ("Asha Rao", "Rent", False)
    assert [payout["id"] for payout in listed] == [made["id"]]
    assert terminal.told("payouts", "get", made["id"])["amount"] == 400
    assert terminal.told("payouts", "list", "--status", "paid") == []
    shown = terminal.told("wallets", "show", wallet)
    assert (shown["balance"], shown["available"]) == (1_000, 600)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("400", "--name", "Asha"), 2, "one of the two"),
        (("400", *ASHA, "--account", "123456"), 2, "one of the two"),
        (("400", "--account", "50100012345678", "--name", "A"), 1, "invalid_destination"),
        (("1001", *ASHA), 1, "insufficient_funds"),
    ],
)
def test_what_cannot_be_is_told(
    terminal: Terminal, purses: tuple[str, str], words: tuple[str, ...], code: int, said: str
) -> None:
    ended, _, told = terminal.run("payouts", "create", purses[0], *words)

    assert (ended, said in told) == (code, True), told


def test_a_payout_whose_bank_is_silent_is_not_called_off(
    terminal: Terminal, purses: tuple[str, str]
) -> None:
    made = terminal.told("payouts", "create", purses[0], "400", *ASHA)

    ended, _, told = terminal.run("payouts", "cancel", made["id"])

    assert (ended, "payout_in_doubt" in told) == (1, True), told


def test_top_ups_are_listed_and_looked_for(terminal: Terminal) -> None:
    assert terminal.told("top-ups", "list", "--status", "waiting") == []
    assert terminal.run("top-ups", "get", "top_nonsense") == (
        1,
        "",
        "tallystick: no top-up is called top_nonsense (not_there)\n",
    )


def test_a_payout_that_is_not_there_is_told(terminal: Terminal) -> None:
    assert terminal.run("payouts", "get", "pot_nonsense") == (
        1,
        "",
        "tallystick: no payout is called pot_nonsense (not_there)\n",
    )
