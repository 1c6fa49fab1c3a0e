"""P3: transfers in bulk over HTTP, hundreds a request, each with a verdict of its own.

`POST /api/v1/transfers/bulk` with an API key and a random Idempotency-Key; what is counted are
transfers, what takes time are requests.
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
    bulk: int  # transfers a request
    connections: int
    rounds: int
    pgbench_s: int
    ours_s: float
    warm_s: float


SIZES: Final[dict[Length, Size]] = {
    "full": Size(1_000_000, 500, connections=16, rounds=3, pgbench_s=10, ours_s=10, warm_s=2),
    "quick": Size(100_000, 500, connections=16, rounds=1, pgbench_s=5, ours_s=6, warm_s=2),
    "tiny": Size(200, 20, connections=4, rounds=1, pgbench_s=1, ours_s=0.5, warm_s=0.2),
}


async def measure(stage: Stage) -> list[Result]:
    """One result; every transfer must be posted, and every posted one must be on record."""
    size = SIZES[stage.plan.length]
    watch = Watch()
    async with opened_house(stage, "P3", accounts=size.accounts) as house:
        _, key = await house.app.keys.create(None, "bench")
        async with served_house(stage, house) as served:
            rounds = await interleave(
                lambda: stage.pgbench.tps(size.pgbench_s),
                {"P3": lambda: _round(served, key, size, watch)},
                size.rounds,
            )
        faults = watch.faults(await house.gauges.transfers())
        audit = (await house.audit()).also(faults)
    return [
        paired(
            "P3",
            rounds,
            audit,
            figures={"p50_ms": rounds.p50_ms("P3"), "p99_ms": rounds.p99_ms("P3")},
            note=f"{size.bulk} a request, {size.accounts} accounts, "
            f"{size.connections} connections, {PROCESSES} API processes",
        )
    ]


async def _round(served: Served, key: str, size: Size, watch: Watch) -> Measured:
    report = await served.load(
        "bulk",
        keys=[key],
        bulk=size.bulk,
        connections=size.connections,
        seconds=size.ours_s,
        warm_s=size.warm_s,
    )
    return watch.seen(report)
