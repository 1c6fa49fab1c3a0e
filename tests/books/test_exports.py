"""Exports: the lines as CSV and Parquet, and the whole ledger as text that beancount takes."""

import csv
import importlib.util
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from msgspec.structs import replace

from tallystick.books import PLATFORM, account_id, chart
from tallystick.books.exports import (
    COLUMNS,
    Unwritable,
    export_beancount,
    export_csv,
    export_parquet,
)
from tallystick.ledger import Close, Open, Post, Reserve, Settle
from tests.books.bean_check import check
from tests.books.furnished import Books

pytestmark = pytest.mark.anyio
DAY = timedelta(days=1)


@pytest.fixture
async def busy(books: Books) -> Books:
    """Three days: posts, a part settled, a back-dated line, another currency, a closed account."""
    await books.accounts.ensure_open(chart.platform_accounts(["hdfc_bank"], ["INR", "JPY"]))
    await books.accounts.open(Open(books.account("spent"), "till.a", "INR", "credit"))
    await books.accounts.open(Open(books.account("other"), "till-a", "INR", "credit"))
    await books.transfers.post_one(books.post("bank", "spent", 5))
    await books.transfers.post_one(books.post("spent", "bank", 5))
    books.clock.advance(DAY)
    await books.transfers.post_one(books.post("alice", "bob", 250))
    hold = await books.transfers.reserve(
        Reserve(books.account("alice"), books.account("bob"), 100, "INR", "hold")
    )
    await books.transfers.settle(Settle(hold.transfers[0].id, "sale", 60))
    yen = (chart.bank_code("JPY"), chart.suspense_code("JPY"))
    bank, suspense = (account_id(PLATFORM, code) for code in yen)
    await books.transfers.post_one(Post(bank, suspense, 1_250, "JPY", "found"))
    books.clock.advance(DAY)
    back = replace(books.post("alice", "bob", 40), effective_at=books.clock.now() - 5 * DAY)
    await books.transfers.post_one(back)
    await books.accounts.close(Close(books.account("spent")))
    return books


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


async def test_every_line_is_in_the_csv_with_its_sign_and_its_balance(
    busy: Books, tmp_path: Path
) -> None:
    count = await export_csv(busy.ledger, tmp_path / "lines.csv")
    lines = read(tmp_path / "lines.csv")

    assert count == len(lines)
    assert list(lines[0]) == list(COLUMNS)
    for name in ("alice", "bob", "bank"):
        expected = await busy.ledger.list_entries(busy.account(name))
        told = [line for line in lines if line["account"] == name]
        told.sort(key=lambda line: int(line["account_version"]))
        assert [int(line["amount_minor"]) for line in told] == [e.amount_minor for e in expected]
        assert [int(line["balance_after_minor"]) for line in told] == [
            e.balance_after_minor for e in expected
        ]
    assert sum(int(line["amount_minor"]) for line in lines) == 0
    assert len([line for line in lines if line["effective_at"]]) == 2


async def test_a_part_is_chosen_by_prefix_and_period(busy: Books, tmp_path: Path) -> None:
    start = busy.clock.now() - DAY

    await export_csv(busy.ledger, tmp_path / "a.csv", prefix="bo", since=start, until=start + DAY)

    lines = read(tmp_path / "a.csv")
    assert {line["account"] for line in lines} == {"bob"}
    assert {line["created_at"] for line in lines} == {start.isoformat()}


async def test_the_parquet_has_the_same_lines_with_real_types(busy: Books, tmp_path: Path) -> None:
    await export_csv(busy.ledger, tmp_path / "lines.csv")
    count = await export_parquet(busy.ledger, tmp_path / "lines.parquet")
    with duckdb.connect() as connection:
        stored = connection.read_parquet(str(tmp_path / "lines.parquet"))
        types = dict(zip(stored.columns, map(str, stored.types), strict=True))
        amounts = [row[0] for row in stored.select("amount_minor").fetchall()]

    assert count == len(amounts)
    assert amounts == [int(line["amount_minor"]) for line in read(tmp_path / "lines.csv")]
    assert (types["amount_minor"], types["created_at"]) == ("BIGINT", "TIMESTAMP WITH TIME ZONE")


async def test_beancount_accepts_the_whole_ledger(busy: Books, tmp_path: Path) -> None:
    path = tmp_path / "ledger.beancount"
    count = await export_beancount(busy.ledger, path)
    found = check(path.read_text(encoding="utf-8"))

    assert found.faults == []
    assert len(found.postings) == count == 7
    assert "Assets:Rail:Hdfc-bank:Clearing:INR" in found.opened
    assert len(found.closed) == 1
    assert len(found.balances) == len(found.opened) - 1
    _require_beancount_agrees(path)


async def test_beancount_as_it_was_recorded_by_then(busy: Books, tmp_path: Path) -> None:
    path = tmp_path / "then.beancount"

    await export_beancount(busy.ledger, path, until=busy.clock.now())

    found = check(path.read_text(encoding="utf-8"))
    assert found.faults == []
    assert len(found.postings) == 6  # without the back-dated one, which came later
    assert found.closed == {}


async def test_codes_that_differ_only_in_signs_stay_two_accounts(
    busy: Books, tmp_path: Path
) -> None:
    await export_beancount(busy.ledger, tmp_path / "x.beancount")
    text = (tmp_path / "x.beancount").read_text(encoding="utf-8")

    names = [line.split()[2] for line in text.splitlines() if ":Till-a" in line and "open" in line]
    assert len(set(names)) == 2


async def test_an_empty_ledger_is_a_file_too(books: Books, tmp_path: Path) -> None:
    path = tmp_path / "empty.beancount"

    assert await export_beancount(books.ledger, path, until=books.clock.now()) == 0
    assert check(path.read_text(encoding="utf-8")).faults == []


async def test_a_file_that_cannot_be_written_is_said_and_leaves_nothing(
    books: Books, tmp_path: Path
) -> None:
    for export in (export_csv, export_parquet):
        with pytest.raises(Unwritable):
            await export(books.ledger, tmp_path / "no folder" / "lines")
    assert [path for path in tmp_path.iterdir() if path.name != ".tallystick"] == []


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        (["2026-01-01 open assets:A INR"], "syntax error"),
        (["2026-01-01 open Assets:a INR"], "syntax error"),
        (['2026-01-02 * "x"', "  Assets:A  1 INR", "  Assets:C  -1 INR"], "inactive account"),
        (["2026-01-02 balance Assets:A  1 INR"], "balance of"),
        (['2026-01-02 * "x"', "  Assets:A  1 INR", "  Assets:A  -2 INR"], "does not balance"),
        (['2026-01-02 * "x"', "  Assets:A  1 INR", "  Assets:B  -1 INR"], "wrong currency"),
    ],
)
def test_the_checker_bites(lines: list[str], fault: str) -> None:
    opened = ["2026-01-01 open Assets:A INR", "2026-01-01 open Assets:B JPY"]

    assert any(fault in found for found in check("\n".join(opened + lines)).faults)


def _require_beancount_agrees(path: Path) -> None:
    """With beancount installed, its own loader is asked as well."""
    if importlib.util.find_spec("beancount") is None:
        return
    loader: Any = importlib.import_module("beancount.loader")
    _, errors, _ = loader.load_file(str(path))
    assert errors == []
