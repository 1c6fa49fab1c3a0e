"""What `make mutate` counts, and what the documents say of it."""

import json
import re
from pathlib import Path

import pytest

from tests.house_rules.sources import ROOT
from tools.mutants import PROMISE_PERCENT, read_scores, total_of

ROW = re.compile(r"^\| `?([\w/.]+)`? \| (\d+) \| (\d+) \| ([\d.]+) \|$", re.MULTILINE)


def left_behind(folder: Path, file: str, exit_codes: dict[str, int | None]) -> None:
    path = folder / "src" / "tallystick" / f"{file}.meta"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"exit_code_by_key": exit_codes}), encoding="utf-8")


def test_a_failed_test_and_a_test_without_end_notice_a_mutant(tmp_path: Path) -> None:
    left_behind(tmp_path, "money/splits.py", {"failed": 1, "without_end": 36})
    left_behind(tmp_path, "ledger/judge.py", {"lives": 0, "untested": 33, "failed": 1})
    left_behind(tmp_path, "money/__init__.py", {})

    judge, splits = read_scores(tmp_path)

    assert (judge.file, judge.mutants, judge.survivors) == (
        *("ledger/judge.py", 3),
        ("lives", "untested"),
    )
    assert (splits.file, splits.percent) == ("money/splits.py", 100)
    assert total_of([judge, splits]).percent == 60


def test_a_run_that_broke_off_has_no_score(tmp_path: Path) -> None:
    left_behind(tmp_path, "money/splits.py", {"failed": 1, "not_yet": None})

    with pytest.raises(LookupError, match=r"splits\.py"):
        list(read_scores(tmp_path))
    with pytest.raises(LookupError, match="no mutants"):
        total_of([])


def test_the_table_on_record_adds_up_and_keeps_the_promise() -> None:
    page = ROOT / "docs" / "explanation" / "mutation-testing.md"
    rows = {
        file: (int(mutants), int(killed), float(percent))
        for file, mutants, killed, percent in ROW.findall(page.read_text(encoding="utf-8"))
    }
    together = rows.pop("together")

    assert together[:2] == (
        sum(mutants for mutants, _, _ in rows.values()),
        sum(killed for _, killed, _ in rows.values()),
    )
    for mutants, killed, percent in (*rows.values(), together):
        assert percent == round(100 * killed / mutants, 1)
        assert percent >= PROMISE_PERCENT
