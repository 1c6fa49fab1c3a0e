"""`tallystick wallets` and `tallystick holds` against a database of their own."""

import pytest

from tallystick.books import PLATFORM
from tallystick.platform.ids import derived_id, typeid
from tests.cli.test_commands import Terminal, logins, terminal

__all__ = ["logins", "terminal"]  # fixtures

ASHA = typeid("usr", derived_id(PLATFORM, "asha"))


@pytest.fixture
def wallet(terminal: Terminal, anyio_backend: object) -> str:
    """Asha's wallet with INR 10.00 in it."""
    made = terminal.told("wallets", "open", ASHA, "INR")
    words = ("ledger", "transfer", "platform:bank:INR", f"wallet:{ASHA}:INR", "1000")
    terminal.told(*words)
    return str(made["id"])


def test_a_wallet_is_opened_once_and_shown(terminal: Terminal, wallet: str) -> None:
    shown = terminal.told("wallets", "show", wallet)
    code, _, said = terminal.run("wallets", "open", ASHA, "INR")
    (line,) = terminal.told("wallets", "transactions", f"wallet:{ASHA}:INR")

    assert (shown["balance"], shown["available"], shown["tier"]) == (1_000, 1_000, "basic")
    assert (code, "wallet_exists" in said) == (1, True)
    assert (line["type"], line["amount"], line["balance_after"]) == ("CREDIT", 1_000, 1_000)
    assert terminal.told("wallets", "list", "--owner", ASHA) == [shown]
    assert terminal.run("wallets", "open", "nobody", "INR")[0] == 2


def test_a_wallet_is_frozen_thawed_and_not_closed_while_it_holds_money(
    terminal: Terminal, wallet: str
) -> None:
    assert terminal.told("wallets", "freeze", wallet, "--all")["frozen"] == "all"
    assert terminal.told("wallets", "unfreeze", wallet)["status"] == "active"
    code, _, said = terminal.run("wallets", "close", wallet)

    assert (code, "still holds money" in said) == (1, True)


def test_limits_are_set_listed_and_given(terminal: Terminal, wallet: str) -> None:
    done = terminal.told("wallets", "set-tier", "gold", "INR", "--daily", "500")

    assert done in terminal.told("wallets", "tiers")
    assert (done["daily"], done["monthly"]) == (500, None)
    assert terminal.told("wallets", "tier", wallet, "gold")["tier"] == "gold"
    code, _, said = terminal.run("holds", "place", wallet, _shop(terminal), "501")
    assert (code, "daily limit" in said) == (1, True)


def test_what_a_key_was_refused_it_is_refused_for_ever(terminal: Terminal, wallet: str) -> None:
    wish = ("holds", "place", wallet, _shop(terminal), "100")
    terminal.told("wallets", "freeze", wallet)
    first = terminal.run(*wish, "--key", "k1")
    terminal.told("wallets", "unfreeze", wallet)

    again, other = terminal.run(*wish, "--key", "k1"), terminal.run(*wish[:-1], "99", "--key", "k1")

    assert (first[0], "wallet_frozen" in first[2]) == (1, True)
    assert again == first
    assert "idempotency_key_reused" in other[2]
    assert terminal.told(*wish, "--key", "k2")["status"] == "active"


def test_a_hold_is_placed_captured_in_part_and_released(terminal: Terminal, wallet: str) -> None:
    words = ("holds", "place", wallet, _shop(terminal), "600", "--key", "h1", "--hours", "2")
    held, again = terminal.told(*words), terminal.told(*words)
    part = terminal.told("holds", "capture", held["id"], "--amount", "100")
    done = terminal.told("holds", "release", held["id"])

    assert again == held | {"replayed": True}
    assert (part["status"], part["captured"], part["remaining"]) == ("active", 100, 500)
    assert (done["status"], done["returned"]) == ("released", 500)
    assert terminal.told("holds", "list", "--wallet", wallet, "--status", "active") == []
    code, _, said = terminal.run("holds", "release", "hld_nothing")
    assert (code, "no hold is called" in said) == (1, True)


def _shop(terminal: Terminal) -> str:
    return str(terminal.told("merchants", "onboard", "Chai & Sons", "--currency", "INR")["id"])
