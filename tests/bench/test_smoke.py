"""The bench as a whole, at sizes that measure nothing: it runs, prints and keeps its figures."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench.__main__ import chosen

REPOSITORY = Path(__file__).parents[2]
LINE = re.compile(
    r"(?P<name>P1(?:hot|bare|pairs|single)?)(?: void)? ratio=\d+\.\d\d rate=\d+"
    r" p99_ms=[\d.]+ bytes=\d+"
    r" wal_bytes=\d+ deadlocks=0 note=.+"
)


def run_bench(out: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench", "--tiny", "--out", str(out), *arguments],
        cwd=REPOSITORY,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_part_of_the_bench_prints_a_line_a_result_and_keeps_its_rounds(tmp_path: Path) -> None:
    ended = run_bench(tmp_path, ONLY="P1", QUICK="1")

    assert ended.returncode == 0, ended.stderr
    lines = [LINE.fullmatch(line) for line in ended.stdout.splitlines()]
    assert [line["name"] if line else None for line in lines] == [
        "P1", "P1hot", "P1bare", "P1pairs", "P1single",
    ], ended.stdout  # fmt: skip

    (path,) = tmp_path.glob("*.json")
    report = json.loads(path.read_text())
    assert report["hardware"]["cores"] == os.cpu_count()
    assert report["postgres"]["fsync"] == "on"
    assert report["seed"] == 1
    for result in report["results"]:
        rounds = result["rounds"]
        assert len(rounds["pgbench_tps"]) == 2
        assert rounds["ours"][result["name"]][0]["count"] > 0


def test_a_scenario_that_does_not_exist_is_named(tmp_path: Path) -> None:
    ended = run_bench(tmp_path, ONLY="P1,P99")

    assert ended.returncode != 0
    assert "no scenario P99" in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_what_takes_minutes_to_build_is_measured_only_when_named() -> None:
    assert "P4growth" not in chosen([])
    assert chosen(["P4growth"]) == ["P4growth"]
    assert chosen(["P4", "P7growth"]) == ["P4", "P7"]


@pytest.mark.slow
def test_payments_made_by_sql_satisfy_every_check_that_real_ones_do(tmp_path: Path) -> None:
    ended = run_bench(tmp_path, ONLY="P4growth")

    assert ended.returncode == 0, ended.stdout + ended.stderr
    (path,) = tmp_path.glob("*.json")
    (growth,) = json.loads(path.read_text())["results"]
    assert growth["standing"] != "invalid"
    assert growth["note"].count("1600 captured payments of 2 merchants present") == 1
    assert growth["figures"]["rate"] > 0 < growth["figures"]["rate_empty"]
