"""P4: complete card payments over HTTP: create an intent, confirm it, capture it.

Routing and the sandbox's banks are in the way, as real HTTP servers in a process of their own that
answer without delay. `P4` is what the house carries with callers who never pause; `p50_ms` and
`p95_ms` are a whole payment's at half of that.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from bench.accounts import CURRENCY
from bench.children import started
from bench.load import LoadReport
from bench.plan import Length
from bench.results import Result, paired
from bench.rounds import Measured, interleave
from bench.sandbox_process import SandboxOrder
from bench.served import PROCESSES, Served, Watch, served_house
from bench.stage import House, Stage, opened_house
from tallystick.identity import FeePlan

FEE: Final = FeePlan(percent_bp=290, fixed_minor=300)
STEPS: Final = ("create", "confirm", "capture")


class Size(Struct, frozen=True):
    """How much of it."""

    merchants: int
    connections: int
    rounds: int
    pgbench_s: int
    ours_s: float
    half_load_s: float
    warm_s: float


SIZES: Final[dict[Length, Size]] = {
    "full": Size(50, 64, rounds=3, pgbench_s=10, ours_s=10, half_load_s=10, warm_s=2),
    "quick": Size(10, 64, rounds=1, pgbench_s=5, ours_s=8, half_load_s=6, warm_s=2),
    "tiny": Size(2, 8, rounds=1, pgbench_s=1, ours_s=0.5, half_load_s=0.5, warm_s=0.2),
}


async def measure(stage: Stage) -> list[Result]:
    """One result; every payment must end captured, and be on record as such."""
    size = SIZES[stage.plan.length]
    watch = Watch()
    folder = stage.folder / "banks"
    folder.mkdir(exist_ok=True)
    order = SandboxOrder(folder, stage.plan.seed)
    async with started("bench.sandbox_process", order, log=stage.folder / "banks.log") as banks:
        port = await banks.said(int)
        async with opened_house(stage, "P4", accounts=0, sandbox_port=port) as house:
            keys = [await merchant_key(house, number) for number in range(size.merchants)]
            async with served_house(stage, house, sandbox_port=port) as served:
                rounds = await interleave(
                    lambda: stage.pgbench.tps(size.pgbench_s),
                    {"P4": lambda: _round(served, keys, size, watch)},
                    size.rounds,
                )
                half = await _half_load(served, keys, size, rounds.rate("P4"))
            watch.seen(half)
            faults = watch.faults(await house.gauges.captured_payments())
            audit = (await house.audit()).also(faults)
    return [
        paired(
            "P4",
            rounds,
            audit,
            figures={"p50_ms": half.latency.p50_ms, "p95_ms": half.latency.p95_ms},
            note=f"half load {half.latency.rate:.0f}/s: {_by_step(half)}; "
            f"{size.connections} connections, {PROCESSES} API processes",
        )
    ]


async def merchant_key(house: House, number: int) -> str:
    """The key of a new merchant, who pays `FEE`."""
    merchant = await house.app.merchants.onboard(
        f"Bench {number}", f"bench_{number}", [CURRENCY], FEE
    )
    _, key = await house.app.keys.create(merchant.id, "bench")
    return key


async def _round(served: Served, keys: Sequence[str], size: Size, watch: Watch) -> Measured:
    report = await served.load(
        "payment",
        keys=keys,
        connections=size.connections,
        seconds=size.ours_s,
        warm_s=size.warm_s,
    )
    return watch.seen(report)


async def _half_load(
    served: Served, keys: Sequence[str], size: Size, full_rate: float
) -> LoadReport:
    return await served.load(
        "payment",
        keys=keys,
        connections=size.connections,
        seconds=size.half_load_s,
        warm_s=size.warm_s,
        pace_per_s=max(full_rate / 2, 1.0),
    )


def _by_step(report: LoadReport) -> str:
    return ", ".join(
        f"{name} p50 {one.p50_ms:.1f} p95 {one.p95_ms:.1f} ms"
        for name, one in zip(STEPS, report.requests, strict=False)
    )
