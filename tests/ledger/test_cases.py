"""The judge against hand-written cases: see `casebook.py` for how to read one."""

import inspect
import re
from pathlib import Path

import pytest

from tallystick.ledger import hearing, moves, upkeep
from tests.house_rules.sources import ROOT
from tests.ledger.casebook import Story, case_files, read_case

REFUSALS = {
    *("account_closed", "account_exists", "account_frozen", "account_not_empty"),
    *("balance_overflow", "currency_mismatch", "insufficient_funds", "invalid_amount"),
    *("not_back_dated", "nothing_to_move", "stale_version"),
    *("reservation_exceeded", "reservation_expired", "reservation_not_expired"),
    *("reservation_not_open", "same_account", "unknown_account", "unknown_reservation"),
}


@pytest.mark.parametrize("path", case_files(), ids=lambda path: path.stem)
def test_the_judge_decides_as_written(path: Path) -> None:
    story = Story()
    for line in read_case(path):
        try:
            story.tell(line)
        except Exception as fault:
            fault.add_note(f"{path.name}, line {line.number}: {' '.join(line.words)}")
            raise


def test_the_cases_cover_every_refusal() -> None:
    expected = {line.expected for path in case_files() for line in read_case(path)}

    assert expected - {"ok"} == REFUSALS


def test_the_judge_refuses_with_no_other_code() -> None:
    source = "".join(map(inspect.getsource, (hearing, moves, upkeep)))
    said = {part.split('"')[1] for part in source.split("Refusal(")[1:]}

    assert said == REFUSALS


@pytest.mark.parametrize("document", ["explanation/ledger.md", "reference/transfers.md"])
def test_the_documents_list_every_refusal_and_no_other(document: str) -> None:
    text = (ROOT / "docs" / document).read_text(encoding="utf-8")
    heading = "| code | orders |" if "reference" in document else "| code | the order"
    table = text.partition(heading)[2].partition("\n\n")[0]

    assert set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) == REFUSALS
