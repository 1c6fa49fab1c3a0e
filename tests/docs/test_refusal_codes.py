"""Every code by which the ledger says no is documented, and the documents name no other."""

import ast
import re
from collections.abc import Iterator

import pytest

from tallystick.api.problem_kinds import KINDS
from tests.house_rules.sources import ROOT, product_sources

CODE = re.compile(r"`([a-z_]+)`")
WITH_STATUS = re.compile(r"`([a-z_]+)`[^`()]*\((\d{3})\)")


def said_by_the_ledger() -> set[str]:
    """What its code gives as a reason to `Refusal`, in any file of the room."""
    codes = set()
    for source in product_sources():
        if not source.name.startswith("src/tallystick/ledger/"):
            continue
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Refusal":
                assert isinstance(node.args[0], ast.Constant), f"{source.name}:{node.lineno}"
                codes.add(str(node.args[0].value))
    return codes


def section(document: str, heading: str) -> str:
    text = (ROOT / "docs" / document).read_text(encoding="utf-8")
    found = text.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    assert found, f"{document} has no section {heading}"
    return found


def cells(text: str, column: int) -> Iterator[str]:
    """That cell of every row of the tables below their heads."""
    for line in text.splitlines():
        if line.startswith(("| `", "| none")):
            yield line.split(" | ")[column]


def test_the_ledger_says_no_in_words_that_the_tests_know_of() -> None:
    assert {"insufficient_funds", "stale_version"} <= said_by_the_ledger()


def test_the_reference_lists_every_code_and_no_other() -> None:
    table = section("reference/transfers.md", "Refusals")
    documented = {CODE.findall(cell)[0] for cell in cells(table, 0)}

    assert documented == said_by_the_ledger()


def test_the_reference_tells_the_status_of_each() -> None:
    text = section("reference/transfers.md", "Refusals")
    other = {code: int(status) for code, status in WITH_STATUS.findall(text)}

    assert {code for code in said_by_the_ledger() if KINDS[code].status != 422} <= other.keys()
    assert {code: KINDS[code].status for code in other} == other


def test_the_comparison_translates_every_code_and_no_other() -> None:
    table = section("explanation/compared-with-tigerbeetle.md", "Codes")
    ours = {code for cell in cells(table, 1) for code in CODE.findall(cell)}

    assert ours == said_by_the_ledger()


@pytest.mark.parametrize("heading", ["Accounts and amounts", "Kinds of transfers"])
def test_the_comparison_names_no_code_of_ours_that_does_not_exist(heading: str) -> None:
    text = section("explanation/compared-with-tigerbeetle.md", heading)
    last = {code for cell in cells(text, 2) for code in CODE.findall(cell) if "_" in code}

    assert last - said_by_the_ledger() == {"linked_event_failed"} & last
