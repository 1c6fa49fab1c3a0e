"""P4growth: what P4 keeps of its rate with millions of captured payments present.

Two platforms on one server, one with the history (`bench.payment_history`), one without, measured
in turn. Both have the same merchants, ask the same banks and have just made a few payments.
Afterwards the books are proven, but for the chain of hashes within the history: its heads are made
up. With millions of them only what came after the history is proven.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from time import perf_counter
from typing import Final

from msgspec import Struct

from bench.children import started
from bench.p4_card_payments import FEE, merchant_key
from bench.payment_history import History, build_history
from bench.plan import Length
from bench.results import Audit, Result, paired
from bench.rounds import Measured, Rounds, interleave
from bench.sandbox_process import SandboxOrder
from bench.served import PROCESSES, Served, Watch, served_house
from bench.stage import House, Stage, opened_house

NAME: Final = "P4growth"
EMPTY: Final = "P4growth empty"
MODEL_S: Final = 0.3
WHOLE_PROOF_MAX: Final = 100_000
"""A longer history is not proven itself, only what came after it: that would take half an hour."""


class Size(Struct, frozen=True):
    """How much of it. `history` is the number of captured payments in one of the two."""

    merchants: int
    history: int
    connections: int
    rounds: int
    pgbench_s: int
    ours_s: float
    warm_s: float


SIZES: Final[dict[Length, Size]] = {
    "full": Size(500, 5_000_000, connections=32, rounds=3, pgbench_s=10, ours_s=10, warm_s=2),
    "quick": Size(50, 100_000, connections=32, rounds=2, pgbench_s=4, ours_s=5, warm_s=1),
    "tiny": Size(2, 1_600, connections=8, rounds=1, pgbench_s=1, ours_s=0.5, warm_s=0.2),
}


async def measure(stage: Stage) -> list[Result]:
    """One result; `kept` is the share of the empty platform's rate."""
    size = SIZES[stage.plan.length]
    folder = stage.folder / "banks"
    folder.mkdir(exist_ok=True)
    order = SandboxOrder(folder, stage.plan.seed)
    async with AsyncExitStack() as stack:
        open_ = stack.enter_async_context
        banks = await open_(started("bench.sandbox_process", order, log=stage.folder / "banks.log"))
        port = await banks.said(int)
        grown = await open_(_platform(stage, NAME, size, port, history=size.history))
        empty = await open_(_platform(stage, f"{NAME}empty", size, port, history=0))
        rounds = await interleave(
            lambda: stage.pgbench.tps(size.pgbench_s),
            {EMPTY: lambda: empty.round(size), NAME: lambda: grown.round(size)},
            size.rounds,
        )
        audit = (await grown.audit()).also((await empty.audit()).faults)
    return [_result(rounds, audit, size, grown.built_s)]


@dataclass(frozen=True)
class _Platform:
    """One of the two. `history` payments were made by SQL before `since`, in `built_s`."""

    house: House
    served: Served
    keys: Sequence[str]
    history: int
    since: datetime | None
    built_s: float
    watch: Watch = field(default_factory=Watch)

    async def round(self, size: Size) -> Measured:
        report = await self.served.load(
            "payment",
            keys=self.keys,
            connections=size.connections,
            seconds=size.ours_s,
            warm_s=size.warm_s,
        )
        return self.watch.seen(report)

    async def audit(self) -> Audit:
        """What is wrong with what was recorded beside the history."""
        if self.history > WHOLE_PROOF_MAX:
            audit = await self.house.audit(since=self.since)
        else:
            audit = await self.house.audit(left_out=("chain",) if self.history else ())
        on_record = await self.house.gauges.captured_payments() - self.history
        return audit.also(self.watch.faults(on_record))


@asynccontextmanager
async def _platform(
    stage: Stage, name: str, size: Size, port: int, *, history: int
) -> AsyncIterator[_Platform]:
    async with opened_house(stage, name, accounts=0, sandbox_port=port) as house:
        keys = [await merchant_key(house, number) for number in range(size.merchants)]
        async with served_house(stage, house, sandbox_port=port) as served:
            # One after another: the first of them is what the history is made after.
            await served.load("payment", keys=keys[:1], connections=1, seconds=MODEL_S)
            began, since = perf_counter(), None
            if history:
                since = await build_history(stage, house, History(history, FEE))
            yield _Platform(house, served, keys, history, since, perf_counter() - began)


def _result(rounds: Rounds, audit: Audit, size: Size, built_s: float) -> Result:
    return paired(
        NAME,
        rounds,
        audit,
        figures={
            "kept": rounds.rate(NAME) / rounds.rate(EMPTY),
            "rate_empty": rounds.rate(EMPTY),
            "p50_ms": rounds.p50_ms(NAME),
            "p50_empty_ms": rounds.p50_ms(EMPTY),
            "built_s": built_s,
        },
        note=f"{size.history} captured payments of {size.merchants} merchants present; "
        f"{size.connections} connections, {PROCESSES} API processes",
    )
