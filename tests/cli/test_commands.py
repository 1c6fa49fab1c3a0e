"""The commands that work on a database, each against one of its own."""

import asyncio
import json
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tallystick.cli.running.environment import database_url
from tallystick.cli.running.ports import listen
from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.pools import connect
from tallystick.platform.settings import variable_of
from tests.cli.terminals import Inside

HEADER = "reference_number,loan_account_number,cif,amount,payment_date\n"


@dataclass(frozen=True)
class Terminal(Inside):
    """A terminal whose settings name this test's database."""

    owner: Address

    def tamper(self, *statements: str) -> None:
        """What only the database's owner could do, unhindered."""

        async def do() -> None:
            connection = await connect(self.owner, server_settings={"search_path": _path(self)})
            await connection.execute("SET session_replication_role = replica")
            for statement in statements:
                await connection.execute(statement)
            await connection.close()

        _run(do())


@pytest.fixture
def logins(anyio_backend: object, address: Address, owner_address: Address) -> list[Address]:
    """The servers' and the owner's at this test's database."""
    return [address, owner_address]


@pytest.fixture
def terminal(
    clean_environment: None,
    logins: list[Address],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Terminal:
    monkeypatch.chdir(tmp_path)
    chosen = {
        "database_url": database_url(logins[0]),
        "db_owner_url": database_url(logins[1]),
        "sandbox_port": "9",  # nobody is there, and nobody is asked
        "tallystick_home": str(tmp_path / "home"),
    }
    for name, value in chosen.items():
        monkeypatch.setenv(variable_of(name).upper(), value)
    return Terminal(capsys, logins[1])


def _path(terminal: Terminal) -> str:
    return f'"{terminal.owner.schema}"'


def _run(coroutine: Coroutine[Any, Any, None]) -> None:
    asyncio.run(coroutine)


class TestMerchantsAndKeys:
    def test_a_merchant_comes_on_board_once_for_its_own_name(self, terminal: Terminal) -> None:
        words = ("merchants", "onboard", "Idli House", "--external-id", "idli")
        made = terminal.told(*words, "--currency", "INR", "--currency", "KWD")
        code, _, said = terminal.run(*words)

        assert made["currencies"] == ["INR", "KWD"]
        assert terminal.told("merchants", "list") == [made]
        assert (code, said) == (
            1,
            "tallystick: another merchant goes by idli (external_id_taken)\n",
        )

    def test_a_fee_is_read_exactly(self, terminal: Terminal) -> None:
        made = terminal.told("merchants", "onboard", "Idli House", "--fee-percent", "1.75")

        assert made["fee"] == "1.75 % + 0"

    def test_a_key_is_shown_once_and_ends_when_revoked(self, terminal: Terminal) -> None:
        terminal.told("merchants", "onboard", "Idli House", "--external-id", "idli")
        made = terminal.told("keys", "create", "--merchant", "idli", "--name", "till 3")
        revoked = terminal.told("keys", "revoke", made["id"])
        (listed,) = terminal.told("keys", "list", "--merchant", "idli")

        assert made["key"].startswith("sk_test_")
        assert "key" not in listed
        assert listed["name"] == "till 3"
        assert listed["revoked_at"] == revoked["revoked_at"] is not None

    def test_nobody_is_guessed(self, terminal: Terminal) -> None:
        assert terminal.run("keys", "create")[0] == 2
        assert terminal.run("keys", "create", "--merchant", "nobody")[0] == 1


class TestLedger:
    def test_money_moved_by_hand_moves_once_for_its_key(self, terminal: Terminal) -> None:
        move = ("ledger", "transfer", "platform:bank:INR", "platform:suspense:INR", "1250")
        first = terminal.told(*move, "--key", "m1")
        again = terminal.told(*move, "--key", "m1")
        (line,) = terminal.told("ledger", "history", "platform:suspense:INR")

        assert (first["replayed"], again["replayed"]) == (False, True)
        assert first["transfer_id"] == again["transfer_id"] == line["transfer_id"]
        assert (line["credit"], line["balance"]) == (1250, 1250)
        assert terminal.told("ledger", "balance", "platform:bank:INR")["balance"] == 1250

    def test_people_read_major_units(self, terminal: Terminal) -> None:
        terminal.run(
            "ledger", "transfer", "platform:bank:INR", "platform:suspense:INR", "123456789"
        )

        _, said, _ = terminal.run("ledger", "accounts", "platform:bank:")
        assert "1,234,567.89" in said

    def test_an_account_is_opened_on_its_terms(self, terminal: Terminal) -> None:
        made = terminal.told("ledger", "open", "petty:cash:INR", "INR", "debit", "--unlimited")
        code, _, said = terminal.run("ledger", "open", "petty:cash:INR", "INR", "credit")

        assert made["overdraft_limit"] is None
        assert made["id"].startswith("acc_")
        assert (code, "account_exists" in said) == (1, True)

    def test_what_the_judge_refuses_is_exit_code_1(self, terminal: Terminal) -> None:
        terminal.told("ledger", "open", "till:INR", "INR", "credit")
        code, out, err = terminal.run("ledger", "transfer", "till:INR", "platform:bank:INR", "5")

        assert (code, out) == (1, "")
        assert "insufficient_funds" in err

    def test_programs_get_errors_as_json_too(self, terminal: Terminal) -> None:
        code, _, err = terminal.run("--output", "json", "ledger", "balance", "nowhere")

        assert code == 1
        assert json.loads(err)["error"]["code"] == "not_there"


class TestProofs:
    def test_untouched_books_are_proven(self, terminal: Terminal) -> None:
        terminal.run("ledger", "transfer", "platform:bank:INR", "platform:suspense:INR", "1250")

        proof = terminal.told("books", "prove")
        code, said, _ = terminal.run("books", "prove")
        assert proof["green"] is True
        assert code == 0
        assert "The books are proven" in said

    def test_a_changed_balance_is_red_and_says_which(self, terminal: Terminal) -> None:
        terminal.run("ledger", "transfer", "platform:bank:INR", "platform:suspense:INR", "1250")
        terminal.tamper("UPDATE ledger_accounts SET debits_posted = 7 WHERE debits_posted = 1250")

        code, said, _ = terminal.run("books", "prove")
        assert code == 1
        assert "RED  trial_balance" in said
        assert "THE BOOKS ARE NOT PROVEN" in said

    def test_a_row_that_differs_from_its_facts_is_found_and_rebuilt(
        self, terminal: Terminal
    ) -> None:
        terminal.told("merchants", "onboard", "Idli House", "--external-id", "idli")
        terminal.tamper("UPDATE merchants SET external_id = 'dosa'")

        code, said, _ = terminal.run("journal", "verify")
        (mended,) = terminal.told("journal", "rebuild", "merchants")
        assert (code, "tallystick journal rebuild merchants" in said) == (1, True)
        assert mended["mended"] == 1
        assert terminal.run("journal", "verify")[0] == 0

    def test_a_chain_that_was_forged_whole_differs_from_what_was_published(
        self, terminal: Terminal
    ) -> None:
        assert terminal.run("work", "--once")[0] == 0  # publishes the heads
        terminal.tamper(
            "UPDATE journal_batches SET head = sha256(head)",
            "UPDATE journal_lanes SET head = sha256(head) WHERE lane = 0",
        )

        found = terminal.told("journal", "verify", code=1)
        (broken,) = found["published_heads"]["breaks"]
        assert "is not the one in the log" in broken["reason"]

    def test_only_tables_that_are_made_from_facts_are_rebuilt(self, terminal: Terminal) -> None:
        assert terminal.run("journal", "rebuild")[0] == 2
        assert terminal.run("journal", "rebuild", "ledger_accounts")[0] == 2
        assert len(terminal.told("journal", "rebuild", "--all")) > 5


class TestIngest:
    def test_a_file_is_recorded_once_and_its_rejects_are_told(
        self, terminal: Terminal, tmp_path: Path
    ) -> None:
        file = tmp_path / "payments.csv"
        rows = ["R1,LA1,C1,10.50,2026-11-02", "R2,LA2,C2,not money,2026-11-02"]
        file.write_text(HEADER + "\n".join(rows) + "\n", encoding="utf-8")

        rehearsed = terminal.told("ingest", str(file), "--dry-run", code=1)
        first = terminal.told("ingest", str(file), code=1)
        again = terminal.told("ingest", str(file), code=1)
        assert (rehearsed["would_create"], rehearsed["rejected"]) == (1, 1)
        assert (first["created"], first["duplicates"]) == (1, 0)
        assert (again["created"], again["duplicates"]) == (0, 1)
        assert "not money" in Path(first["rejects"]).read_text(encoding="utf-8")

    def test_a_file_that_is_not_there_is_said(self, terminal: Terminal) -> None:
        code, _, said = terminal.run("ingest", "nowhere.csv")

        assert code == 1
        assert "nowhere.csv" in said


class TestTheMachine:
    def test_doctor_is_green_here(self, terminal: Terminal) -> None:
        found = {finding["need"]: finding for finding in terminal.told("doctor")}

        assert found["database"]["seen"].startswith("PostgreSQL 1")
        assert found["migrations"]["state"] == "ok"
        assert {finding["state"] for finding in found.values()} <= {"ok", "note"}

    def test_doctor_looks_at_the_embedded_programs_where_no_database_is_named(
        self, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("DATABASE_URL")
        found = {finding["need"]: finding for finding in terminal.told("doctor")}

        assert "PostgreSQL) 18" in found["PostgreSQL"]["seen"]
        assert not Path(found["data folder"]["seen"].split()[0]).exists()  # looking made nothing

    def test_doctor_tells_people_the_same(
        self, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with listen("127.0.0.1", 0) as taken:
            port = taken.getsockname()[1]
            monkeypatch.setenv("PORT", str(port))
            code, said, _ = terminal.run("doctor")

        assert code == 1
        assert f"broken  port         127.0.0.1:{port}" in said
        assert "mend: PORT=" in said

    def test_doctor_says_what_is_broken_and_how_to_mend_it(
        self, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DATABASE_URL", "postgresql://me:secret@127.0.0.1:1/none")
        monkeypatch.setenv("TALLYSTICK_MODE", "live")
        found = {finding["need"]: finding for finding in terminal.told("doctor", code=1)}

        assert found["database"]["state"] == found["secrets"]["state"] == "broken"
        assert all(found[need]["mend"] for need in ("database", "secrets"))
        assert "secret@" not in json.dumps(found)

    def test_a_migrated_database_is_up_to_date(self, terminal: Terminal) -> None:
        assert terminal.told("migrate", "--dry-run") == {"pending": []}
        assert terminal.told("migrate") == {"applied": []}

    def test_settings_that_cannot_be_are_exit_code_3(
        self, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PORT", "high")
        code, _, said = terminal.run("books", "prove")

        assert (code, said.startswith("tallystick: PORT: ")) == (3, True)

    def test_a_program_reads_versions_either_way(self, terminal: Terminal) -> None:
        before = terminal.run("--output", "json", "version")[1]

        assert json.loads(before) == terminal.told("version")
