"""P2: single transfers over HTTP, one request each, between random accounts.

`POST /api/v1/transfers` with an API key and a random Idempotency-Key, over keep-alive connections
to several API processes that share one socket and one lane.
"""

from typing import Final

from msgspec import Struct

from bench.plan import Length
from bench.results import Result, paired
from bench.rounds import Measured, interleave
from bench.served import PROCESSES, Served, Watch, served_house
from bench.stage import Stage, opened_house


class Size(Struct, frozen=True):
    """How much of it."""

    accounts: int
    connections: int
    rounds: int
    pgbench_s: int
    ours_s: float
    warm_s: float


SIZES: Final[dict[Length, Size]] = {
    "full": Size(1_000_000, connections=128, rounds=3, pgbench_s=10, ours_s=10, warm_s=2),
    "quick": Size(100_000, connections=128, rounds=1, pgbench_s=5, ours_s=6, warm_s=2),
    "tiny": Size(200, connections=16, rounds=1, pgbench_s=1, ours_s=0.5, warm_s=0.2),
}


async def measure(stage: Stage) -> list[Result]:
    """One result; every answer must be a 201, and every 201 must be on record."""
    size = SIZES[stage.plan.length]
    watch = Watch()
    async with opened_house(stage, "P2", accounts=size.accounts) as house:
        _, key = await house.app.keys.create(None, "bench")
        async with served_house(stage, house) as served:
            rounds = await interleave(
                lambda: stage.pgbench.tps(size.pgbench_s),
                {"P2": lambda: _round(served, key, size, watch)},
                size.rounds,
            )
        faults = watch.faults(await house.gauges.transfers())
        audit = (await house.audit()).also(faults)
    return [
        paired(
            "P2",
            rounds,
            audit,
            figures={"p50_ms": rounds.p50_ms("P2"), "p99_ms": rounds.p99_ms("P2")},
            note=f"{size.accounts} accounts, {size.connections} connections, "
            f"{PROCESSES} API processes",
        )
    ]


async def _round(served: Served, key: str, size: Size, watch: Watch) -> Measured:
    report = await served.load(
        "transfer",
        keys=[key],
        connections=size.connections,
        seconds=size.ours_s,
        warm_s=size.warm_s,
    )
    return watch.seen(report)
