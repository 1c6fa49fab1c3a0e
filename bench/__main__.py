"""`python -m bench`: run scenarios, print a line a result, keep everything in a JSON file.

Ends with 1 when a figure is invalid or a scenario failed; void ones are no failure of ours.
"""

import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import uvloop

from bench import machine
from bench.gauges import Gauges
from bench.plan import Plan, read_plan
from bench.results import Report, Result
from bench.stage import Stage, opened_stage
from tallystick.platform.postgres.pools import connect
from tallystick.platform.telemetry import configure_logging

SCENARIOS: Final = {
    "P1": "bench.p1_changes",
    "P2": "bench.p2_transfers",
    "P3": "bench.p3_bulk",
    "P4": "bench.p4_card_payments",
    "P4growth": "bench.p4_growth",
    "P6": "bench.p6_recorded",
    "P7": "bench.p7_staging",
    "P8": "bench.p8_growth",
    "P9": "bench.p9_storage",
    "P10": "bench.p10_relay",
    "P13": "bench.p13_lookups",
    "P14": "bench.p14_cold_start",
}
# Minutes to build and 40 GB of disk: no part of a run of everything.
ONLY_NAMED: Final = {"P4growth"}


def chosen(only: Sequence[str]) -> list[str]:
    """The scenarios that are asked for; `P1hot` means the one that measures it.

    Raises SystemExit for a name that is no scenario's.
    """
    names = [
        name if name in SCENARIOS else name.rstrip("abcdefghijklmnopqrstuvwxyz") for name in only
    ]
    if unknown := set(names) - SCENARIOS.keys():
        raise SystemExit(
            f"no scenario {', '.join(sorted(unknown))}; there are {', '.join(SCENARIOS)}"
        )
    return [name for name in SCENARIOS if name in names or not (names or name in ONLY_NAMED)]


async def run(plan: Plan) -> int:
    """Run the plan; how many figures are invalid."""
    scenarios = chosen(plan.only)
    began_at = datetime.now(UTC)
    hardware = machine.hardware()
    async with opened_stage(plan) as stage:
        results = [result for name in scenarios for result in await _results(name, stage)]
        report = Report(
            at=began_at,
            length=plan.length,
            seed=plan.seed,
            commit=machine.commit(),
            hardware=hardware,
            postgres=await _server_settings(stage),
            versions=machine.versions(),
            results=results,
        )
    print(f"written to {report.write(plan.out)}", file=sys.stderr)
    return sum(result.standing == "invalid" for result in results)


async def _results(name: str, stage: Stage) -> list[Result]:
    """A scenario's results, printed; one that fails is told as such and stops no other."""
    try:
        results: list[Result] = await importlib.import_module(SCENARIOS[name]).measure(stage)
    except Exception as error:  # noqa: BLE001 - the other scenarios go on
        traceback.print_exc()
        results = [
            Result(name, {}, " ".join(f"{type(error).__name__}: {error}".split()), "invalid")
        ]
    for result in results:
        print(result.line, flush=True)
    return results


async def _server_settings(stage: Stage) -> dict[str, str]:
    connection = await connect(stage.cluster.owner)
    try:
        return await Gauges(connection, stage.cluster.owner.schema).settings()
    finally:
        await connection.close()


def main() -> int:
    configure_logging("warning")
    plan = read_plan(sys.argv[1:], os.environ)
    try:
        return 1 if uvloop.run(run(plan)) else 0
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
