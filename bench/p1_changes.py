"""P1: changes in process, batched by themselves as many callers wait at once.

`P1` is the complete change (transfer, fact, claim) between random accounts, `P1hot` the same in
favour of one account, `P1bare` the transfer alone, `P1pairs` a reservation and its settlement, two
complete changes that count as one.
"""

from random import Random
from typing import Final

from msgspec import Struct

from bench.plan import Length
from bench.results import Audit, Result, paired
from bench.rounds import Rounds, Step, interleave
from bench.stage import House, Stage, opened_house, settled_memory
from bench.traffic import Call, Traffic, measure_calls


class Size(Struct, frozen=True):
    """How much of it. `callers` wait at the same time."""

    accounts: int
    callers: int
    rounds: int
    pgbench_s: int
    ours_s: float
    warm_s: float


SIZES: Final[dict[Length, Size]] = {
    "full": Size(1_000_000, callers=2_000, rounds=3, pgbench_s=10, ours_s=10, warm_s=3),
    "quick": Size(100_000, callers=1_000, rounds=1, pgbench_s=4, ours_s=3, warm_s=1),
    "tiny": Size(200, callers=50, rounds=1, pgbench_s=1, ours_s=0.2, warm_s=0.1),
}


async def measure(stage: Stage) -> list[Result]:
    """All four, in the same rounds."""
    size = SIZES[stage.plan.length]
    async with opened_house(stage, "P1", accounts=size.accounts) as house:
        traffic = Traffic(house.app, house.accounts, Random(stage.plan.seed))
        calls = {
            "P1": traffic.complete,
            "P1hot": traffic.hot,
            "P1bare": traffic.bare,
            "P1pairs": traffic.pair,
        }
        await measure_calls(house, traffic.complete, callers=size.callers, seconds=size.warm_s)
        with settled_memory():
            rounds = await interleave(
                lambda: stage.pgbench.tps(size.pgbench_s),
                {name: _step(house, call, size) for name, call in calls.items()},
                size.rounds,
            )
        audit = await house.audit()
    return [_result(name, rounds, audit, size) for name in calls]


def _step(house: House, call: Call, size: Size) -> Step:
    return lambda: measure_calls(house, call, callers=size.callers, seconds=size.ours_s)


def _result(name: str, rounds: Rounds, audit: Audit, size: Size) -> Result:
    return paired(
        name,
        rounds,
        audit,
        figures={
            "p99_ms": rounds.p99_ms(name),
            "bytes": rounds.extra(name, "bytes"),
            "wal_bytes": rounds.extra(name, "wal_bytes"),
        },
        note=f"{size.accounts} accounts, {size.callers} callers, "
        f"{rounds.extra(name, 'batch'):.0f} a batch",
    )
