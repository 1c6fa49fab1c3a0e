"""`tallystick queue` and `tallystick events` against a database of its own."""

import pytest

from tallystick.books import PLATFORM, account_id
from tallystick.platform.ids import typeid
from tests.cli.test_commands import Terminal, logins, terminal

__all__ = ["logins", "terminal"]  # fixtures

RECEIVABLE = account_id(PLATFORM, "loans:receivable:USD")
LETTERS = """
INSERT INTO dead_letters SELECT gen_random_uuid(), 'ledger', aggregate_id, version, kind, lane,
    position, '{status}', 6, 'account_frozen', 'the account is frozen', now(), NULL, NULL
  FROM journal_facts WHERE aggregate_id = '{account}' AND version = {version}
"""


@pytest.fixture
def letter(terminal: Terminal) -> str:
    """A dead letter, and one that is held back behind it."""
    name = typeid("acc", RECEIVABLE)
    terminal.told("ledger", "freeze", name)
    terminal.tamper(
        LETTERS.format(account=RECEIVABLE, version=1, status="dead"),
        LETTERS.format(account=RECEIVABLE, version=2, status="held"),
    )
    (dead,) = terminal.told("queue", "dead", "list", "--status", "dead")
    return str(dead["id"])


def test_letters_are_listed_and_shown_with_their_fact(terminal: Terminal, letter: str) -> None:
    listed = terminal.told("queue", "dead", "list", "--consumer", "ledger")
    shown = terminal.told("queue", "dead", "show", letter)

    assert sorted(one["status"] for one in listed) == ["dead", "held"]
    assert (shown["kind"], shown["code"]) == ("account.opened", "account_frozen")
    assert '"code":"loans:receivable:USD"' in shown["data"]


def test_a_redrive_is_previewed_then_done(terminal: Terminal, letter: str) -> None:
    preview = terminal.told("queue", "dead", "redrive", letter, "--preview")
    unchanged = terminal.told("queue", "dead", "list", "--status", "dead")
    done = terminal.told("queue", "dead", "redrive", "--all")

    assert [one["id"] for one in preview["letters"]] == [letter]
    assert preview["letters"][0]["held"] == 1
    assert (preview["redriven"], len(unchanged)) == (False, 1)
    assert (done["redriven"], [one["id"] for one in done["letters"]]) == (True, [letter])
    assert terminal.told("queue", "dead", "list", "--status", "dead") == []


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("redrive",), 2, "name letters"),
        (("redrive", "--all", "--consumer", "ledger"), 2, "name letters"),
        (("list", "--status", "lost"), 2, "--status is one of"),
        (("show", "ltr_nonsense"), 1, "no letter is called ltr_nonsense"),
        (("redrive", "ltr_00000000000000000000000000"), 1, "no letter is called"),
    ],
)
def test_what_cannot_be_is_told(
    terminal: Terminal, words: tuple[str, ...], code: int, said: str
) -> None:
    ended, _, told = terminal.run("queue", "dead", *words)

    assert (ended, said in told) == (code, True), told


def test_the_history_of_an_account_is_told_in_order(terminal: Terminal, letter: str) -> None:
    del letter
    told = terminal.told("events", "history", typeid("acc", RECEIVABLE))

    assert [(one["version"], one["kind"]) for one in told] == [
        (1, "account.opened"),
        (2, "account.frozen"),
    ]


def test_a_replay_counts_and_needs_kafka_to_send(terminal: Terminal, letter: str) -> None:
    del letter
    words = ("events", "replay", "--since", "2020-01-01", "--kind", "account.frozen")

    assert terminal.told(*words, "--dry-run") == {"sent": False, "messages": 1}
    code, _, told = terminal.run(*words)
    assert (code, "Kafka is off" in told) == (3, True)


def test_events_are_listed_and_shown_as_the_bus_tells_them(terminal: Terminal, letter: str) -> None:
    del letter
    account = typeid("acc", RECEIVABLE)
    listed = terminal.told("events", "list", "--subject", account)

    assert [event["type"] for event in listed] == ["account.opened", "account.frozen"]
    assert terminal.told("events", "list", "--kind", "account.frozen") == listed[1:]
    assert terminal.told("events", "list", "--since", "2100-01-01") == []
    assert terminal.told("events", "show", listed[1]["id"]) == listed[1]
    code, _, told = terminal.run("events", "show", account)
    assert (code, "no event is called" in told) == (1, True)


def test_nothing_is_known_of_a_stranger(terminal: Terminal) -> None:
    code, _, told = terminal.run("events", "history", "acc_00000000000000000000000000")

    assert (code, "nothing is known of acc_" in told) == (1, True)
