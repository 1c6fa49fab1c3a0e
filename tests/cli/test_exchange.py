"""`tallystick exchange` against a database of its own."""

import asyncio

import pytest

from tallystick.books import PLATFORM, account_id, chart
from tallystick.cli.database import opened_app
from tallystick.ledger import Post
from tallystick.platform.ids import derived_id, typeid
from tests.cli.test_commands import Terminal, logins, terminal

__all__ = ["logins", "terminal"]  # fixtures

RATE = ("exchange", "set-rate", "USD", "INR", "83.1245")


@pytest.fixture
def purses(terminal: Terminal) -> tuple[str, str]:
    """Alice's wallet with USD 100.00, and her empty one in INR."""

    async def opened() -> tuple[str, str]:
        async with opened_app() as (app, _):
            alice = derived_id(PLATFORM, "alice")
            dollars, rupees = [
                (await app.wallets.open(alice, currency, tier="unlimited")).wallet.id
                for currency in ("USD", "INR")
            ]
            bank = account_id(PLATFORM, chart.bank_code("USD"))
            await app.transfers.post_one(Post(bank, dollars, 10_000, "USD", "fund"))
        return typeid("wal", dollars), typeid("wal", rupees)

    return asyncio.run(opened())


def test_a_rate_is_set_quoted_and_exchanged(terminal: Terminal) -> None:
    rate = terminal.told(*RATE, "--max-age", "3600", "--key", "noon")
    again = terminal.told(*RATE, "--max-age", "3600", "--key", "noon")
    quote = terminal.told("exchange", "quote", "USD", "INR", "9999")
    accounts = ("platform:bank:USD", "platform:bank:INR")
    made = terminal.told("exchange", "make", quote["id"], *accounts, "--key", "k1")
    repeat = terminal.told("exchange", "make", quote["id"], *accounts, "--key", "k1")

    assert (rate["rate"], rate["max_age_s"], rate["replayed"]) == ("83.1245", 3600, False)
    assert again == rate | {"replayed": True}
    assert terminal.told("exchange", "rates") == [
        {name: rate[name] for name in rate if name != "replayed"}
    ]
    assert (quote["paid"], quote["got"], quote["rounding"]) == (9_999, 831_161, 1)
    assert quote["status"] == "open"
    assert (made["paid"], made["got"], made["quote"]) == (9_999, 831_161, quote["id"])
    assert repeat == made | {"replayed": True}
    (listed,) = terminal.told("exchange", "list", "--account", "platform:bank:INR")
    assert listed["id"] == made["id"]
    assert terminal.told("exchange", "list", "--account", "platform:fees:INR") == []
    code, _, said = terminal.run("exchange", "make", quote["id"], *accounts)
    assert (code, "quote_used" in said) == (1, True)


def test_a_quote_is_asked_for_what_is_wanted_too(terminal: Terminal) -> None:
    terminal.told(*RATE)
    quote = terminal.told("exchange", "quote", "INR", "USD", "5000", "--target")

    assert (quote["paid"], quote["got"], quote["inverse"]) == (415_623, 5_000, True)


def test_a_wallet_pays_into_another_currency(terminal: Terminal, purses: tuple[str, str]) -> None:
    terminal.told(*RATE)
    quote = terminal.told("exchange", "quote", "USD", "INR", "9999")
    words = ("wallet-transfers", "send", *purses, "9999", "--currency", "USD", "--id", "trip")

    sent = terminal.told(*words, "--quote", quote["id"])

    assert (sent["amount"], sent["credited"], sent["credited_currency"]) == (9_999, 831_161, "INR")


def test_what_cannot_be_is_told(terminal: Terminal) -> None:
    cases = {
        ("exchange", "set-rate", "USD", "INR", "0"): (1, "invalid_rate"),
        ("exchange", "set-rate", "USD", "USD", "1"): (1, "same_currency"),
        ("exchange", "set-rate", "USD", "XXX", "1"): (1, "unknown_currency"),
        ("exchange", "set-rate", "USD", "INR", "1", "--max-age", "0"): (2, "max-age"),
        ("exchange", "set-rate", "USD", "INR", "1", "--valid-from", "noon"): (2, "noon"),
        ("exchange", "quote", "USD", "INR", "100"): (1, "rate_not_found"),
        ("exchange", "quote", "USD", "INR", "0"): (2, "amount"),
        ("exchange", "make", "nonsense", "a", "b"): (2, "no quote"),
        ("exchange", "list", "--account", "nobody"): (1, "not_there"),
    }
    for words, (code, word) in cases.items():
        found, _, said = terminal.run(*words)
        assert (found, word in said) == (code, True), (words, said)
