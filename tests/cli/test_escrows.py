"""`tallystick escrows` against a database of its own."""

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
    """Asha's wallet with INR 10.00, and the carpenter's, which is empty."""

    async def opened() -> tuple[str, str]:
        async with opened_app() as (app, _):
            seen = [
                await app.wallets.open(derived_id(PLATFORM, name), "INR", tier="unlimited")
                for name in ("asha", "carpenter")
            ]
            asha, carpenter = (one.wallet.id for one in seen)
            bank = account_id(PLATFORM, chart.bank_code("INR"))
            await app.transfers.post_one(Post(bank, asha, 1_000, "INR", "fund"))
        return typeid("wal", asha), typeid("wal", carpenter)

    return asyncio.run(opened())


def test_an_escrow_from_opening_to_its_end(terminal: Terminal, purses: tuple[str, str]) -> None:
    opened = terminal.told("escrows", "open", *purses, "1000", "--fee-bp", "100", "--key", "k1")
    again = terminal.told("escrows", "open", *purses, "1000", "--fee-bp", "100", "--key", "k1")
    name = opened["id"]
    assert again == opened | {"replayed": True}

    assert terminal.told("escrows", "fund", name)["status"] == "funded"
    assert terminal.told("escrows", "release", name, "--amount", "300")["held"] == 700
    assert terminal.told("escrows", "return", name, "--amount", "100")["held"] == 600
    assert terminal.told("escrows", "dispute", name, "--reason", "broken")["status"] == "disputed"
    ended = terminal.told("escrows", "resolve", name, "200")

    assert (ended["status"], ended["released"], ended["returned"]) == ("completed", 500, 500)
    assert ended["fee"] == 5
    (listed,) = terminal.told("escrows", "list", "--status", "completed")
    assert listed["id"] == name
    events = [event["event"] for event in terminal.told("escrows", "events", name)]
    assert events[0] == "escrow.opened"
    assert events[-1] == "escrow.resolved"
    assert len(events) == 6


def test_what_cannot_be_is_told(terminal: Terminal, purses: tuple[str, str]) -> None:
    code, _, said = terminal.run("escrows", "fund", "esc_nonsense")
    assert (code, said) == (1, "tallystick: no escrow is called esc_nonsense (not_there)\n")

    name = terminal.told("escrows", "open", *purses, "1000")["id"]
    code, _, said = terminal.run("escrows", "release", name)

    assert (code, "escrow_not_funded" in said) == (1, True)
