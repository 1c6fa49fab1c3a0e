"""`docs/reference/metrics.md` names every metric that `/metrics` can show, and no other."""

import ast
import re
from collections.abc import Iterator, Mapping

import pytest

from tallystick.platform.process_metrics import STANDARD
from tallystick.platform.timetable import run_once
from tests.house_rules.sources import ROOT, made_up, product_sources
from tests.house_rules.sources import Source as PythonFile
from tests.servers.served import Platform

ROW = re.compile(r"^\| `([a-z_]+)` \| (counter|gauge|histogram) \|([^|]*)\|", re.MULTILINE)
NAME = re.compile(r"`([a-z_]+)`")
TYPE = re.compile(r"^# TYPE (\S+) (\w+)$", re.MULTILINE)
LABEL = re.compile(r'(\w+)="')
SORTS: Mapping[str, str] = {
    "Counter": "counter",
    "Gauge": "gauge",
    "Histogram": "histogram",
    "_gauge": "gauge",
}


def documented() -> dict[str, tuple[str, set[str]]]:
    """Name, sort and labels of every row."""
    text = (ROOT / "docs" / "reference" / "metrics.md").read_text(encoding="utf-8")
    return {name: (sort, set(NAME.findall(labels))) for name, sort, labels in ROW.findall(text)}


def made_in(source: PythonFile) -> Iterator[tuple[str, str]]:
    """Name and sort of the metrics that a file makes."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and len(node.args) > 1 and isinstance(node.func, ast.Name):
            sort, name = SORTS.get(node.func.id), node.args[0]
            if sort and isinstance(name, ast.Constant):
                suffix = "_total" if sort == "counter" else ""
                yield str(name.value).removesuffix(suffix) + suffix, sort


def test_the_reference_names_every_metric_that_the_code_makes() -> None:
    made = {name: sort for source in product_sources() for name, sort in made_in(source)}

    assert {name: sort for name, (sort, _) in documented().items()} == made | STANDARD


def test_the_rule_bites() -> None:
    assert list(made_in(made_up("Counter('deaths', 'How many', registry=registry)"))) == [
        ("deaths_total", "counter")
    ]


@pytest.mark.anyio
async def test_what_is_shown_is_of_the_sort_and_has_the_labels_that_are_written(
    platform: Platform,
) -> None:
    assert await run_once(platform.app.jobs) == ()
    await platform.anybody.get("/metrics")
    raw = (await platform.anybody.get("/metrics")).raw.decode()  # the first one is counted by now
    sorts = {name: sort for name, sort in TYPE.findall(raw) if not name.endswith("_created")}

    written = documented()
    assert sorts.items() <= {name: sort for name, (sort, _) in written.items()}.items()
    assert {"http_request_duration_seconds", "tallystick_unknown_outcomes"} <= sorts.keys()
    assert sorts.keys() >= STANDARD.keys()
    for line in raw.splitlines():
        name = re.split(r"[{ ]", line)[0]
        for family in (name, re.sub(r"_(bucket|count|sum)$", "", name)):
            if family in sorts:
                assert set(LABEL.findall(line)) - {"le"} == written[family][1], line
