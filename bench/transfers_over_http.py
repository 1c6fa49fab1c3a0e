"""What P2 and P3 share: transfers sent to several API processes that share one socket."""

from msgspec import Struct

from bench.load import Kind
from bench.results import Result, paired
from bench.rounds import Measured, interleave
from bench.served import PROCESSES, Served, Watch, served_house
from bench.stage import Stage, opened_house


class Size(Struct, frozen=True):
    """How much of it. `bulk` is the number of transfers a request."""

    accounts: int
    connections: int
    rounds: int
    pgbench_s: int
    ours_s: float
    warm_s: float
    bulk: int = 1


async def measure_transfers(stage: Stage, name: str, kind: Kind, size: Size) -> list[Result]:
    """One result; every transfer must be posted, and every posted one must be on record."""
    watch = Watch()

    async def one_round(served: Served, key: str) -> Measured:
        report = await served.load(
            kind,
            keys=[key],
            bulk=size.bulk,
            connections=size.connections,
            seconds=size.ours_s,
            warm_s=size.warm_s,
        )
        return watch.seen(report)

    async with opened_house(stage, name, accounts=size.accounts) as house:
        _, key = await house.app.keys.create(None, "bench")
        async with served_house(stage, house) as served:
            rounds = await interleave(
                lambda: stage.pgbench.tps(size.pgbench_s),
                {name: lambda: one_round(served, key)},
                size.rounds,
            )
        faults = watch.faults(await house.gauges.transfers())
        audit = (await house.audit()).also(faults)
    return [
        paired(
            name,
            rounds,
            audit,
            figures={"p50_ms": rounds.p50_ms(name), "p99_ms": rounds.p99_ms(name)},
            note=f"{size.bulk} a request, {size.accounts} accounts, "
            f"{size.connections} connections, {PROCESSES} API processes",
        )
    ]
