"""P1: changes in process, by a few callers who record many at once, or by many who record one.

`P1` is the complete change (transfer, fact, claim) between random accounts, `BULK` a call, `P1hot`
the same in favour of one account, `P1bare` the transfer alone, `P1pairs` a reservation and its
settlement, two complete changes that count as one. `P1single` is what it costs that each complete
change has a caller of its own who waits for it.
"""

from random import Random
from typing import Final

from msgspec import Struct

from bench.plan import Length
from bench.results import Audit, Result, paired
from bench.rounds import Rounds, Step, interleave
from bench.stage import House, Stage, opened_house, settled_memory
from bench.traffic import BULK, Call, Traffic, measure_calls


class Size(Struct, frozen=True):
    """How much of it. `callers` wait at the same time, or as many as `singles` each for one."""

    accounts: int
    callers: int
    singles: int
    rounds: int
    pgbench_s: int
    ours_s: float
    warm_s: float


SIZES: Final[dict[Length, Size]] = {
    "full": Size(1_000_000, callers=8, singles=2_000, rounds=3, pgbench_s=10, ours_s=10, warm_s=3),
    "quick": Size(100_000, callers=8, singles=1_000, rounds=1, pgbench_s=4, ours_s=3, warm_s=1),
    "tiny": Size(200, callers=2, singles=50, rounds=1, pgbench_s=1, ours_s=0.2, warm_s=0.1),
}


async def measure(stage: Stage) -> list[Result]:
    """All four, in the same rounds."""
    size = SIZES[stage.plan.length]
    async with opened_house(stage, "P1", accounts=size.accounts) as house:
        traffic = Traffic(house.app, house.accounts, Random(stage.plan.seed))
        steps = {
            "P1": _bulk(house, traffic.complete, size),
            "P1hot": _bulk(house, traffic.hot, size),
            "P1bare": _bulk(house, traffic.bare, size),
            "P1pairs": _bulk(house, traffic.pairs, size),
            "P1single": _single(house, traffic.one, size),
        }
        await measure_calls(house, traffic.complete, callers=size.callers, seconds=size.warm_s)
        with settled_memory():
            rounds = await interleave(lambda: stage.pgbench.tps(size.pgbench_s), steps, size.rounds)
        audit = await house.audit()
    return [_result(name, rounds, audit, size) for name in steps]


def _bulk(house: House, call: Call, size: Size) -> Step:
    return lambda: measure_calls(house, call, callers=size.callers, seconds=size.ours_s)


def _single(house: House, call: Call, size: Size) -> Step:
    return lambda: measure_calls(
        house, call, callers=size.singles, seconds=size.ours_s, operations=1
    )


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
        note=f"{size.accounts} accounts, {_callers(name, size)}, "
        f"{rounds.extra(name, 'batch'):.0f} a batch",
    )


def _callers(name: str, size: Size) -> str:
    if name == "P1single":
        return f"{size.singles} callers, 1 a call"
    return f"{size.callers} callers, {BULK} a call"
