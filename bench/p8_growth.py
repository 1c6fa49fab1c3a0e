"""P8: what P1 and P2 keep of their rate once a history stands in the way, against an empty ledger.

The history is made as in production: complete changes, through the journal. WAL a change and the
checkpoints passed on the way are told beside it.
"""

import asyncio
from collections.abc import Mapping
from random import Random
from statistics import median
from typing import Final

from msgspec import Struct

from bench.plan import Length
from bench.results import Result, paired
from bench.rounds import Measured, Rounds, Step, interleave
from bench.served import Served, Watch, served_house
from bench.stage import House, Stage, opened_house, settled_memory
from bench.traffic import BULK, Traffic, measure_calls


class Size(Struct, frozen=True):
    """How much of it. `history` is the number of complete changes between the two measurements."""

    accounts: int
    history: int
    rounds: int
    pgbench_s: int
    ours_s: float
    callers: int = 4
    connections: int = 128


SIZES: Final[dict[Length, Size]] = {
    "full": Size(1_000_000, history=20_000_000, rounds=3, pgbench_s=10, ours_s=10),
    "quick": Size(100_000, history=300_000, rounds=1, pgbench_s=4, ours_s=4),
    "tiny": Size(200, history=2_000, rounds=1, pgbench_s=1, ours_s=0.2, callers=2, connections=16),
}


async def measure(stage: Stage) -> list[Result]:
    """`P8` in process and `P8http`; `kept` is the share of the empty ledger's ratio."""
    size = SIZES[stage.plan.length]
    watch = Watch()
    async with opened_house(stage, "P8", accounts=size.accounts) as house:
        traffic = Traffic(house.app, house.accounts, Random(stage.plan.seed))
        _, key = await house.app.keys.create(None, "bench")
        async with served_house(stage, house) as served:
            steps = {
                "P8": lambda: measure_calls(
                    house, traffic.complete, callers=size.callers, seconds=size.ours_s
                ),
                "P8http": lambda: _over_http(served, key, size, watch),
            }
            empty = await _measured(stage, steps, size)
            made = await _make_history(house, traffic, size)
            grown = await _measured(stage, steps, size)
        audit = await house.audit()
    return [
        paired(
            name,
            grown,
            audit,
            figures={
                "kept": grown.ratio(name) / empty.ratio(name),
                "rate_empty": empty.rate(name),
                "p99_ms": grown.p99_ms(name),
                **made,
            },
            note=f"{size.history} complete changes present, {size.accounts} accounts; "
            f"empty, beside pgbench {median(empty.pgbench_tps):.0f}: {empty.ratio(name):.2f}",
        )
        for name in steps
    ]


async def _measured(stage: Stage, steps: Mapping[str, Step], size: Size) -> Rounds:
    with settled_memory():
        return await interleave(
            lambda: stage.pgbench.tps(size.pgbench_s),
            steps,
            size.rounds,
        )


async def _over_http(served: Served, key: str, size: Size, watch: Watch) -> Measured:
    report = await served.load(
        "transfer",
        keys=[key],
        connections=size.connections,
        seconds=size.ours_s,
        warm_s=size.ours_s / 10,
    )
    return watch.seen(report)


async def _make_history(house: House, traffic: Traffic, size: Size) -> dict[str, float]:
    """Callers record `history` changes more; the WAL and the checkpoints of it."""
    before, calls = await house.gauges.read(), size.history // BULK
    checkpoints = await house.gauges.checkpoints()

    async def caller() -> None:
        for _ in range(calls // size.callers):
            await traffic.complete()

    await asyncio.gather(*(caller() for _ in range(size.callers)))
    after = await house.gauges.read()
    return {
        "wal_bytes": (after.wal_bytes - before.wal_bytes) / size.history,
        "checkpoints": await house.gauges.checkpoints() - checkpoints,
    }
