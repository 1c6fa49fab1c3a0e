"""Where the time of P1 goes: `python -m bench.profile P1` (or P1hot, P1bare).

Two runs on one house. The first is timed by statement, undisturbed: how long the lane waits for
each, and what remains for judging, encoding and the callers. The second runs under cProfile, which
slows Python several times: read it for proportions only.
"""

import argparse
import cProfile
import io
import os
import pstats
import sys
from pathlib import Path
from random import Random
from typing import Final

import uvloop
from msgspec import Struct

from bench.gauges import Reading
from bench.machine import cpu_s, family
from bench.plan import Plan
from bench.rounds import Measured
from bench.stage import House, Stage, opened_house, opened_stage, settled_memory
from bench.statements import StatementTimes, timed_statements
from bench.traffic import Call, Traffic, run_callers
from tallystick.platform.telemetry import configure_logging

_WARM_S: Final = 1.0
_FUNCTIONS_SHOWN: Final = 30


class Wish(Struct, frozen=True):
    """What to profile, and how much of it."""

    result: str
    accounts: int
    callers: int
    seconds: float
    seed: int


class Spent(Struct, frozen=True):
    """One run: the round, how many batches it took, and the processor time beside it."""

    round: Measured
    batches: int
    python_cpu_s: float
    postgres_cpu_s: float


def read_wish(arguments: list[str]) -> Wish:
    """The wish in the arguments. Exits when they cannot be understood."""
    parser = argparse.ArgumentParser(prog="python -m bench.profile", description=__doc__)
    parser.add_argument("result", nargs="?", default="P1", choices=["P1", "P1hot", "P1bare"])
    parser.add_argument("--accounts", type=int, default=100_000)
    parser.add_argument("--callers", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each of the two runs")
    parser.add_argument("--seed", type=int, default=1)
    return Wish(**vars(parser.parse_args(arguments)))


async def profile(wish: Wish) -> str:
    """The report as text."""
    plan = Plan(only=(), length="tiny", seed=wish.seed, out=Path())  # pgbench is not asked
    async with opened_stage(plan) as stage:
        with timed_statements() as times:
            async with opened_house(stage, "profile", accounts=wish.accounts) as house:
                call = _call(house, wish)
                await run_callers(call, callers=wish.callers, seconds=_WARM_S)
                times.clear()
                with settled_memory():
                    spent = await _timed_run(stage, house, call, wish)
                    table = statement_table(times, spent)
                    functions = await _profiled_run(call, wish)
    return f"{_heading(wish, spent)}\n\n{table}\n\n{functions}"


def statement_table(times: StatementTimes, spent: Spent) -> str:
    """Wall time by statement; the rest is what the lane spent outside of the database."""
    wall_s = spent.round.duration_s
    rest_s = wall_s - sum(times.seconds.values())
    rows = [*times.seconds.items(), ("(outside of statements)", rest_s), ("all", wall_s)]
    lines = [f"{'statement':<44}{'calls':>8}{'ms a batch':>12}{'us a change':>13}{'share':>8}"]
    for name, seconds in rows:
        calls = times.calls.get(name, spent.batches)
        lines.append(
            f"{name:<44}{calls:>8}{seconds * 1e3 / max(spent.batches, 1):>12.2f}"
            f"{seconds * 1e6 / max(spent.round.count, 1):>13.2f}{seconds / wall_s:>8.1%}"
        )
    return "\n".join(lines)


def _call(house: House, wish: Wish) -> Call:
    traffic = Traffic(house.app, house.accounts, Random(wish.seed))
    return {"P1": traffic.complete, "P1hot": traffic.hot, "P1bare": traffic.bare}[wish.result]


async def _timed_run(stage: Stage, house: House, call: Call, wish: Wish) -> Spent:
    before, cpu_before = await house.gauges.read(), _cpu(stage)
    round_ = await run_callers(call, callers=wish.callers, seconds=wish.seconds)
    after, cpu_after = await house.gauges.read(), _cpu(stage)
    return Spent(
        round=round_,
        batches=_batches(before, after),
        python_cpu_s=cpu_after[0] - cpu_before[0],
        postgres_cpu_s=cpu_after[1] - cpu_before[1],
    )


async def _profiled_run(call: Call, wish: Wish) -> str:
    profiler = cProfile.Profile()
    profiler.enable()
    try:
        round_ = await run_callers(call, callers=wish.callers, seconds=wish.seconds)
    finally:
        profiler.disable()
    text = io.StringIO()
    statistics = pstats.Stats(profiler, stream=text).strip_dirs()
    statistics.sort_stats("tottime").print_stats(_FUNCTIONS_SHOWN)
    return f"under cProfile: {round_.rate:.0f}/s\n{text.getvalue().strip()}"


def _cpu(stage: Stage) -> tuple[float, float]:
    return cpu_s([os.getpid()]), cpu_s(family(stage.cluster.pid))


def _batches(before: Reading, after: Reading) -> int:
    return after.batches - before.batches


def _heading(wish: Wish, spent: Spent) -> str:
    round_ = spent.round
    return (
        f"{wish.result}: {round_.rate:.0f}/s, p50 {round_.p50_ms:.1f} ms, "
        f"p99 {round_.p99_ms:.1f} ms, {round_.count / max(spent.batches, 1):.0f} a batch; "
        f"{wish.accounts} accounts, {wish.callers} callers, {wish.seconds:g} s\n"
        f"busy: this process {spent.python_cpu_s / round_.duration_s:.0%}, "
        f"PostgreSQL {spent.postgres_cpu_s / round_.duration_s:.0%} of one core"
    )


def main() -> None:
    """Profile and print."""
    configure_logging("warning")
    print(uvloop.run(profile(read_wish(sys.argv[1:]))))


if __name__ == "__main__":
    main()
