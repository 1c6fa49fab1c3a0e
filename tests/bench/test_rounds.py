"""What may be said of rounds: medians, ratios, and when a pair does not count."""

import pytest

from bench.results import Audit, paired
from bench.rounds import Measured, Rounds, interleave, measured, percentile_ms

QUIET = [5_000.0, 5_100.0, 4_900.0, 5_050.0]


def a_round(rate: float) -> Measured:
    return Measured(count=round(rate), duration_s=1.0, p50_ms=1.0, p95_ms=2.0, p99_ms=20.0)


def rounds_of(pgbench: list[float], *rates: float) -> Rounds:
    return Rounds(pgbench, {"P1": [a_round(rate) for rate in rates]})


def test_a_ratio_is_our_median_over_pgbenchs() -> None:
    rounds = rounds_of([5_000, 4_800, 5_200], 20_000, 30_000, 25_000)

    assert rounds.ratio("P1") == pytest.approx(5.0)


@pytest.mark.parametrize(
    ("pgbench", "why"),
    [
        (QUIET, None),
        ([5_000, 6_000], None),  # a fifth apart
        ([5_000, 6_001], "differ by more than 20%"),
        ([3_500, 3_600], "under 4500"),
    ],
)
def test_a_disturbed_or_slow_machine_makes_the_pair_void(
    pgbench: list[float], why: str | None
) -> None:
    found = rounds_of(pgbench, 20_000).why_void()

    assert found is None if why is None else why in str(found)


def test_a_figure_that_counts_is_one_line_that_begins_with_its_ratio() -> None:
    result = paired(
        "P1",
        rounds_of(QUIET, 30_900),
        Audit([], 0),
        figures={"p99_ms": 21.04, "bytes": 440.2},
        note="quiet",
    )

    assert result.line == (
        "P1 ratio=6.15 rate=30900 p99_ms=21.0 bytes=440 deadlocks=0"
        " note=quiet; pgbench 5000, 5100, 4900, 5050"
    )


def test_a_void_figure_says_so_before_its_ratio() -> None:
    result = paired("P1", rounds_of([3_500], 9), Audit([], 0), figures={}, note="busy")

    assert result.line.startswith("P1 void ratio=")


def test_books_that_do_not_prove_make_even_a_void_figure_invalid() -> None:
    audit = Audit(["the books do not prove: chain"], 0).also(["3 times 500"])

    line = paired("P1", rounds_of([3_500], 9), audit, figures={}, note="busy").line

    assert line.startswith("P1 invalid ratio=")
    assert "note=3 times 500; the books do not prove: chain; pgbench's median" in line


@pytest.mark.parametrize(("share", "expected_ms"), [(0.5, 50), (0.95, 95), (0.99, 99), (1, 100)])
def test_a_percentile_is_a_latency_that_was_really_seen(share: float, expected_ms: float) -> None:
    ordered_s = [n / 1000 for n in range(1, 101)]

    assert percentile_ms(ordered_s, share) == pytest.approx(expected_ms)


def test_no_latencies_have_no_percentile() -> None:
    assert measured(0, 1.0, []).p99_ms == 0


@pytest.mark.anyio
async def test_pgbench_runs_before_between_and_after_our_rounds() -> None:
    order = []

    async def pgbench() -> float:
        order.append("pgbench")
        return 5_000.0

    async def ours() -> Measured:
        order.append("ours")
        return a_round(1)

    await interleave(pgbench, {"P1": ours}, rounds=2)

    assert order == ["pgbench", "ours", "pgbench", "ours", "pgbench"]
