"""`tallystick wallet-transfers` and `transfer-schedules` against a database of their own."""

import asyncio

import pytest

from tallystick.books import PLATFORM, account_id, chart
from tallystick.cli.database import opened_app
from tallystick.ledger import Post
from tallystick.platform.ids import derived_id, typeid
from tests.cli.test_commands import Terminal, logins, terminal

__all__ = ["logins", "terminal"]  # fixtures


@pytest.fixture
def purses(terminal: Terminal) -> tuple[str, str]:
    """Alice's wallet with INR 10.00, and Bob's, which is empty."""

    async def opened() -> tuple[str, str]:
        async with opened_app() as (app, _):
            seen = [
                await app.wallets.open(derived_id(PLATFORM, name), "INR", tier="unlimited")
                for name in ("alice", "bob")
            ]
            alice, bob = (one.wallet.id for one in seen)
            bank = account_id(PLATFORM, chart.bank_code("INR"))
            await app.transfers.post_one(Post(bank, alice, 1_000, "INR", "fund"))
        return typeid("wal", alice), typeid("wal", bob)

    return asyncio.run(opened())


def test_money_is_sent_once_by_its_name(terminal: Terminal, purses: tuple[str, str]) -> None:
    words = ("wallet-transfers", "send", *purses, "300", "--id", "rent")

    sent, again = terminal.told(*words), terminal.told(*words)

    assert (sent["status"], sent["amount"], sent["replayed"]) == ("completed", 300, False)
    assert again == sent | {"replayed": True}
    (listed,) = terminal.told("wallet-transfers", "list", "--wallet", purses[1])
    assert listed["id"] == sent["id"]
    code, _, said = terminal.run("wallet-transfers", "send", *purses, "301", "--id", "rent")
    assert (code, "amount_minor" in said) == (1, True)


def test_a_wallet_goes_by_its_code_too(terminal: Terminal, purses: tuple[str, str]) -> None:
    owner = typeid("usr", derived_id(PLATFORM, "alice"))
    words = ("wallet-transfers", "send", f"wallet:{owner}:INR", purses[1], "1", "--id", "tea")

    assert terminal.told(*words)["from"] == purses[0]
    code, _, said = terminal.run("wallet-transfers", "list", "--wallet", "platform:bank:INR")
    assert (code, said) == (1, "tallystick: no wallet is called platform:bank:INR (not_there)\n")


def test_a_schedule_is_made_paused_resumed_and_cancelled(
    terminal: Terminal, purses: tuple[str, str]
) -> None:
    when = ("--frequency", "monthly", "--starts-on", "2026-01-31", "--at", "09:00")
    words = ("transfer-schedules", "create", *purses, "300", *when, "--timezone", "Asia/Kolkata")

    made = terminal.told(*words, "--key", "k1")
    again = terminal.told(*words, "--key", "k1")
    paused = terminal.told("transfer-schedules", "pause", made["id"])
    resumed = terminal.told("transfer-schedules", "resume", made["id"])
    cancelled = terminal.told("transfer-schedules", "cancel", made["id"])

    assert again == made
    states = [row["status"] for row in (made, paused, resumed, cancelled)]
    assert states == ["active", "paused", "active", "cancelled"]
    assert terminal.told("transfer-schedules", "list", "--status", "cancelled") == [cancelled]
    assert terminal.told("transfer-schedules", "list", "--status", "active") == []


def test_a_term_that_cannot_be_is_told(terminal: Terminal, purses: tuple[str, str]) -> None:
    when = ("--frequency", "daily", "--starts-on", "2026-02-30", "--at", "09:00")
    words = ("transfer-schedules", "create", *purses, "300", *when, "--timezone", "UTC")

    assert terminal.run(*words)[0] == 2
    assert terminal.run(*words[:-1], "Mars/Olympus")[0] == 2
    code, _, said = terminal.run(*words[:8], "2126-01-01", *words[9:])
    assert (code, "too far away" in said) == (1, True)
