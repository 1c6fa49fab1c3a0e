"""`tallystick ledger` against a database of its own."""

import csv
from pathlib import Path
from typing import Any

import pytest

from tests.books.bean_check import check
from tests.cli.test_commands import Terminal, logins, terminal

__all__ = ["logins", "terminal"]  # fixtures

BANK, SUSPENSE = "platform:bank:INR", "platform:suspense:INR"


def move(terminal: Terminal, amount: int, key: str) -> Any:
    return terminal.told("ledger", "transfer", BANK, SUSPENSE, str(amount), "--key", key)


def test_lines_and_balances_are_told_as_they_were(terminal: Terminal) -> None:
    first = move(terminal, 1_250, "m1")
    second = move(terminal, 50, "m2")
    newest, oldest = terminal.told("ledger", "history", SUSPENSE, "--newest")
    then = terminal.told("ledger", "balance", SUSPENSE, "--at", first["at"])
    by_value = terminal.told("ledger", "balance", SUSPENSE, "--effective-at", second["at"])

    assert (oldest["balance"], newest["balance"]) == (1_250, 1_300)
    assert (then["balance"], then["available"]) == (1_250, 1_250)
    assert (by_value["balance"], by_value["available"]) == (1_300, None)
    assert terminal.told("ledger", "balance", SUSPENSE)["balance"] == 1_300
    lines = terminal.told("ledger", "change", first["change_id"])
    assert [(line["account"], line["debit"], line["credit"]) for line in lines] == [
        (BANK, 1_250, None),
        (SUSPENSE, None, 1_250),
    ]


def test_a_statement_and_a_trial_balance_add_up(terminal: Terminal) -> None:
    at = move(terminal, 1_250, "m1")["at"]
    statement = terminal.told("ledger", "statement", SUSPENSE, "2020-01-01", "2100-01-01")
    totals = terminal.told("ledger", "trial-balance")
    before = terminal.told("ledger", "trial-balance", "--at", "2020-01-01")
    _, said, _ = terminal.run("ledger", "trial-balance", "--at", at)

    assert (statement["opening_balance"], statement["closing_balance"]) == (0, 1_250)
    assert [line["balance"] for line in statement["data"]] == [1_250]
    assert totals["balanced"] is True
    assert [(line["class"], line["debit"], line["credit"]) for line in totals["lines"]] == [
        ("asset", 1_250, 0),
        ("liability", 0, 1_250),
        ("total", 1_250, 1_250),
    ]
    assert before["lines"] == []
    assert "Debits equal credits." in said
    assert "12.50" in said


def test_an_account_is_opened_described_frozen_limited_and_closed(terminal: Terminal) -> None:
    words = ("petty:INR", "INR", "debit", "--metadata", "desk=3")
    made = terminal.told("ledger", "open", *words)
    frozen = terminal.told("ledger", "freeze", "petty:INR", "--all", "--key", "f1")
    again = terminal.told("ledger", "freeze", "petty:INR", "--all", "--key", "f1")
    thawed = terminal.told("ledger", "thaw", "petty:INR")
    limited = terminal.told("ledger", "limit", "petty:INR", "500")
    shown = terminal.told("ledger", "balance", "petty:INR")
    described = terminal.told("ledger", "describe", "petty:INR", "--metadata", "desk=4")
    closed = terminal.told("ledger", "close", "petty:INR")

    assert made["id"] == shown["id"]
    assert shown["metadata"] == {"desk": "3"}
    assert (frozen["frozen"], again["replayed"], thawed["frozen"]) == ("all", True, "no")
    assert limited["overdraft_limit"] == 500
    assert described["metadata"] == {"desk": "4"}
    assert closed["closed_at"] is not None
    assert terminal.told("ledger", "accounts", "petty", "--state", "closed")[0]["code"] == (
        "petty:INR"
    )


def test_money_is_promised_moved_in_part_and_given_back(terminal: Terminal) -> None:
    move(terminal, 1_000, "m1")
    terminal.told("ledger", "open", "till:INR", "INR", "credit")
    words = ("reserve", SUSPENSE, "till:INR", "600", "--expires-in", "900", "--key", "r1")
    made = terminal.told("ledger", *words)
    again = terminal.told("ledger", *words)
    held = terminal.told("ledger", "balance", SUSPENSE)
    part = terminal.told("ledger", "settle", made["reservation_id"], "100", "--keep")
    last = terminal.told("ledger", "settle", made["reservation_id"], "200")
    code, _, said = terminal.run("ledger", "void", made["reservation_id"])

    assert again == made | {"replayed": True}
    assert (held["balance"], held["available"], held["pending_out"]) == (1_000, 400, 600)
    assert (part["amount"], part["given_back"]) == (100, 0)
    assert (last["amount"], last["given_back"]) == (200, 300)
    assert (code, "reservation_not_open" in said) == (1, True)
    assert terminal.told("ledger", "balance", "till:INR")["balance"] == 300


def test_accounts_are_opened_by_the_file_and_not_twice(terminal: Terminal, tmp_path: Path) -> None:
    terminal.told("merchants", "onboard", "Idli House", "--external-id", "idli")
    file = tmp_path / "accounts.csv"
    lines = ["code,currency,side,overdraft,merchant"]
    lines += [f"till:{n:03},INR,debit,unlimited," for n in range(120)]
    lines += ["merchant:float,INR,credit,100,idli"]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")

    first = terminal.told("ledger", "open-many", str(file))
    again = terminal.told("ledger", "open-many", str(file))
    file.write_text("\n".join([*lines, "till:999,INR,debit,,"]) + "\n", encoding="utf-8")
    more = terminal.told("ledger", "open-many", str(file), code=1)

    assert (first["opened"], first["refused"]) == (121, 0)
    assert again == first
    assert (more["opened"], more["refused"]) == (1, 121)
    assert more["refusals"][0] == "till:000: account_exists"
    (own,) = terminal.told("ledger", "accounts", "merchant:float", "--owner", "idli")
    assert own["overdraft_limit"] == 100


@pytest.mark.parametrize(
    "text",
    ["", "code,currency\na,INR\n", "code,currency,side\na,INR,debit,extra\n",
     "code,currency,side,overdraft\na,INR,debit,-5\n", "code,currency,side\n"],
)  # fmt: skip
def test_a_file_that_cannot_be_meant_is_wrong_usage(
    terminal: Terminal, tmp_path: Path, text: str
) -> None:
    file = tmp_path / "accounts.csv"
    file.write_text(text, encoding="utf-8")

    assert terminal.run("ledger", "open-many", str(file))[0] == 2


def test_owners_are_named_in_any_of_their_ways(terminal: Terminal) -> None:
    merchant = terminal.told("merchants", "onboard", "Idli House", "--external-id", "idli")
    by_id = terminal.told("ledger", "accounts", "--owner", merchant["id"])
    platform = terminal.told("ledger", "accounts", "--owner", "platform", "--currency", "INR")

    assert by_id == terminal.told("ledger", "accounts", "--owner", "idli")
    assert BANK in {account["code"] for account in platform}
    assert terminal.run("ledger", "accounts", "--owner", "nobody")[0] == 1


def test_the_ledger_is_written_in_every_format(terminal: Terminal, tmp_path: Path) -> None:
    move(terminal, 1_250, "m1")
    files = {end: tmp_path / f"books.{end}" for end in ("csv", "parquet", "beancount")}

    told = {end: terminal.told("ledger", "export", str(file)) for end, file in files.items()}
    part = terminal.told(
        "ledger", "export", str(tmp_path / "part.csv"), "--prefix", BANK, "--to", "2100-01-01"
    )

    assert (told["csv"]["lines"], told["parquet"]["lines"], part["lines"]) == (2, 2, 1)
    assert told["beancount"]["transactions"] == 1
    assert check(files["beancount"].read_text(encoding="utf-8")).faults == []
    with files["csv"].open(encoding="utf-8", newline="") as lines:
        assert [line["amount_minor"] for line in csv.DictReader(lines)] == ["-1250", "1250"]


@pytest.mark.parametrize(
    "words",
    [("export", "books.xls"), ("export", "b.beancount", "--from", "2026-01-01"),
     ("balance", BANK, "--at", "yesterday"), ("balance", BANK, "--at", "2026-01-01T00:00:00"),
     ("statement", BANK, "2026-01-02", "2026-01-01"), ("accounts", "--state", "shut"),
     ("describe", BANK, "--metadata", "desk")],
)  # fmt: skip
def test_what_cannot_be_meant_is_wrong_usage(terminal: Terminal, words: tuple[str, ...]) -> None:
    assert terminal.run("ledger", *words)[0] == 2


def test_what_is_not_there_is_said(terminal: Terminal, tmp_path: Path) -> None:
    for words in (
        ("change", f"chg_{'0' * 26}"),
        ("change", "chg_x"),
        ("history", "nowhere"),
        ("export", str(tmp_path / "nowhere" / "a.csv")),
        ("open-many", "nowhere.csv"),
    ):
        assert terminal.run("ledger", *words)[0] == 1, words
