"""`tallystick customers` against a database of its own."""

import pytest

from tests.cli.test_commands import Terminal, logins, terminal

__all__ = ["logins", "terminal"]  # fixtures


@pytest.fixture
def asha(terminal: Terminal, anyio_backend: object) -> str:
    """A customer's id."""
    shop = str(terminal.told("merchants", "onboard", "Chai & Sons", "--currency", "INR")["id"])
    words = ("customers", "create", shop, "--reference", "shop-7", "--name", "Asha Rao")
    made, again = terminal.told(*words, "--key", "c1"), terminal.told(*words, "--key", "c1")
    assert made == again
    return str(made["id"])


def test_a_customer_is_made_listed_changed_and_closed(terminal: Terminal, asha: str) -> None:
    shown = terminal.told("customers", "show", asha)
    changed = terminal.told("customers", "update", asha, "--email", "a@example.com", "--name", "")
    taken = terminal.run("customers", "create", shown["merchant"], "--reference", "shop-7")
    closed = terminal.told("customers", "close", asha)

    assert (shown["name"], shown["reference"], shown["status"]) == ("Asha Rao", "shop-7", "active")
    assert (changed["name"], changed["email"]) == (None, "a@example.com")
    assert (taken[0], "customer_reference_taken" in taken[2]) == (1, True)
    assert closed["status"] == "closed"
    assert terminal.told("customers", "list", "--merchant", shown["merchant"]) == [closed]
    code, _, said = terminal.run("customers", "show", "cus_nobody")
    assert (code, "no customer is called" in said) == (1, True)


def test_a_card_is_saved_and_taken_away_again(terminal: Terminal, asha: str) -> None:
    card = terminal.told("customers", "attach", asha, "tok_visa", "--last4", "4242")
    spare = terminal.told("customers", "attach", asha, "tok_mastercard", "--default")
    chosen = terminal.told("customers", "default", card["id"])
    gone = terminal.told("customers", "detach", spare["id"])

    assert (card["shown"], card["type"], card["status"]) == ("visa 4242", "card", "attached")
    assert (chosen["default_payment_method"], chosen["payment_methods"]) == (card["id"], 2)
    assert gone["status"] == "detached"
    listed = terminal.told("customers", "methods", asha)
    assert {one["id"]: one["status"] for one in listed} == {
        card["id"]: "attached",
        spare["id"]: "detached",
    }
    assert terminal.run("customers", "attach", asha, "tok_4111111111111111")[0] == 1
    assert terminal.run("customers", "attach", asha, "tok_x", "--last4", "41111")[0] == 2


def test_nobody_is_erased_by_accident(terminal: Terminal, asha: str) -> None:
    assert terminal.run("customers", "erase", asha)[0] == 2
    assert terminal.told("customers", "show", asha)["name"] == "Asha Rao"
    erased = terminal.told("customers", "erase", asha, "--yes")

    assert (erased["name"], erased["status"]) == (None, "closed")
