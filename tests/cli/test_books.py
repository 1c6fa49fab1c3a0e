"""`tallystick books` against a database of its own."""

from tests.cli.test_commands import Terminal, logins, terminal

__all__ = ["logins", "terminal"]  # fixtures

BANK, SUSPENSE = "platform:bank:INR", "platform:suspense:INR"


def test_one_account_is_proven_alone_and_the_rest_is_called_unproven(terminal: Terminal) -> None:
    terminal.run("ledger", "transfer", BANK, SUSPENSE, "1250")
    terminal.tamper(f"UPDATE ledger_accounts SET credits_posted = 7 WHERE code = '{SUSPENSE}'")

    code, said, _ = terminal.run("books", "prove", "--account", BANK)
    assert code == 0
    assert "Not proven: any account but this one" in said
    assert "What was looked at is proven" in said

    code, said, _ = terminal.run("books", "prove", "--account", SUSPENSE)
    assert code == 1
    assert "RED  counters" in said
    assert "THE BOOKS ARE NOT PROVEN" in said


def test_what_was_recorded_since_is_proven(terminal: Terminal) -> None:
    terminal.run("ledger", "transfer", BANK, SUSPENSE, "1250")

    proof = terminal.told("books", "prove", "--since", "2020-01-01")
    assert proof["green"] is True
    assert "slices" in [check["name"] for check in proof["checks"]]
    assert "counters" in proof["not_proven"]

    terminal.tamper("UPDATE ledger_transfers SET code = 'gift'")
    code, said, _ = terminal.run("books", "prove", "--since", "2020-01-01T00:00:00Z")
    assert code == 1
    assert "RED  slices" in said


def test_a_day_that_is_none_is_wrong_usage(terminal: Terminal) -> None:
    code, _, said = terminal.run("books", "prove", "--since", "yesterday")

    assert code == 2
    assert "2026-03-02" in said


def test_runs_are_listed(terminal: Terminal) -> None:
    assert terminal.told("books", "runs") == []
