"""P8: what P1 and P2 keep of their rate once a history stands in the way, against an empty ledger.

The history is made as in production: complete changes, through the journal. Then both ledgers are
measured in turn on the same server. WAL a change and the checkpoints of making the history are told
beside it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Final

from msgspec import Struct

from bench.plan import Length
from bench.results import Result, paired
from bench.rounds import Measured, Step, interleave
from bench.served import Served, Watch, served_house
from bench.stage import House, Stage, opened_house, settled_memory
from bench.tidying import owner_of, settle
from bench.traffic import BULK, Traffic, measure_calls


class Size(Struct, frozen=True):
    """How much of it. `history` is the number of complete changes in one of them."""

    accounts: int
    history: int
    rounds: int
    pgbench_s: int
    ours_s: float
    callers: int = 8
    connections: int = 128


SIZES: Final[dict[Length, Size]] = {
    "full": Size(1_000_000, history=20_000_000, rounds=3, pgbench_s=10, ours_s=10),
    "quick": Size(100_000, history=300_000, rounds=1, pgbench_s=4, ours_s=4),
    "tiny": Size(200, history=2_000, rounds=1, pgbench_s=1, ours_s=0.2, callers=2, connections=16),
}


async def measure(stage: Stage) -> list[Result]:
    """`P8` in process and `P8http`; `kept` is the share of the empty ledger's rate."""
    size = SIZES[stage.plan.length]
    async with AsyncExitStack() as stack:
        grown = await stack.enter_async_context(_ledger(stage, "P8", size))
        made = await _make_history(grown, size)
        empty = await stack.enter_async_context(_ledger(stage, "P8empty", size))
        async with owner_of(stage, grown.house) as owner:
            await settle(owner)
        with settled_memory():
            rounds = await interleave(
                lambda: stage.pgbench.tps(size.pgbench_s),
                {**empty.steps(size), **grown.steps(size)},
                size.rounds,
            )
        audit = (await grown.house.audit()).also([*await grown.faults(), *await empty.faults()])
    return [
        paired(
            name,
            rounds,
            audit,
            figures={
                "kept": rounds.rate(name) / rounds.rate(f"{name} empty"),
                "rate_empty": rounds.rate(f"{name} empty"),
                "p99_ms": rounds.p99_ms(name),
                **made,
            },
            note=f"{size.history} complete changes present, {size.accounts} accounts",
        )
        for name in ("P8", "P8http")
    ]


@dataclass(frozen=True)
class _Ledger:
    """One of the two ledgers, in process and served. `suffix` tells their steps apart."""

    house: House
    traffic: Traffic
    served: Served
    key: str
    suffix: str
    watch: Watch = field(default_factory=Watch)

    def steps(self, size: Size) -> dict[str, Step]:
        """A step in process and one over HTTP."""
        return {
            f"P8{self.suffix}": lambda: measure_calls(
                self.house, self.traffic.complete, callers=size.callers, seconds=size.ours_s
            ),
            f"P8http{self.suffix}": lambda: self._over_http(size),
        }

    async def _over_http(self, size: Size) -> Measured:
        report = await self.served.load(
            "transfer",
            keys=[self.key],
            connections=size.connections,
            seconds=size.ours_s,
            warm_s=size.ours_s / 10,
        )
        return self.watch.seen(report)

    async def faults(self) -> list[str]:
        """What the load was told and should not have been."""
        return self.watch.faults(await self.house.gauges.transfers())


@asynccontextmanager
async def _ledger(stage: Stage, name: str, size: Size) -> AsyncIterator[_Ledger]:
    async with opened_house(stage, name, accounts=size.accounts) as house:
        traffic = Traffic(house.app, house.accounts, Random(stage.plan.seed))
        _, key = await house.app.keys.create(None, "bench")
        async with served_house(stage, house) as served:
            yield _Ledger(house, traffic, served, key, " empty" if name == "P8empty" else "")


async def _make_history(ledger: _Ledger, size: Size) -> dict[str, float]:
    """Callers record `history` changes more; the WAL and the checkpoints of it."""
    gauges, calls = ledger.house.gauges, size.history // BULK
    before, checkpoints = await gauges.read(), await gauges.checkpoints()

    async def caller() -> None:
        for _ in range(calls // size.callers):
            await ledger.traffic.complete()

    await asyncio.gather(*(caller() for _ in range(size.callers)))
    after = await gauges.read()
    return {
        "wal_bytes": (after.wal_bytes - before.wal_bytes) / size.history,
        "checkpoints": await gauges.checkpoints() - checkpoints,
    }
