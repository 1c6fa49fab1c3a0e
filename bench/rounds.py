"""Rounds: pgbench, ours, pgbench, ours, pgbench ... and what may be said of them.

Both are measured in turn on one server, so that what disturbs the machine disturbs both.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from statistics import median
from typing import Final

from msgspec import Struct, field

PGBENCH_SPREAD_MAX: Final = 0.20
PGBENCH_TPS_MIN: Final = 4_500  # a busy or slower machine flatters us


class Measured(Struct, frozen=True):
    """One round of ours: `count` operations within `duration_s`, and how long each took."""

    count: int
    duration_s: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    extra: dict[str, float] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Operations a second."""
        return self.count / self.duration_s


Step = Callable[[], Awaitable[Measured]]


class Rounds(Struct, frozen=True):
    """Everything that was measured in turn: pgbench's rates, and each step's rounds by name."""

    pgbench_tps: list[float]
    ours: dict[str, list[Measured]]

    @property
    def pgbench_median(self) -> float:
        return median(self.pgbench_tps)

    def rate(self, name: str) -> float:
        """The median rate of a step."""
        return median(one.rate for one in self.ours[name])

    def ratio(self, name: str) -> float:
        """The median rate of a step over the median rate of pgbench."""
        return self.rate(name) / self.pgbench_median

    def p50_ms(self, name: str) -> float:
        return median(one.p50_ms for one in self.ours[name])

    def p95_ms(self, name: str) -> float:
        return median(one.p95_ms for one in self.ours[name])

    def p99_ms(self, name: str) -> float:
        return median(one.p99_ms for one in self.ours[name])

    def extra(self, name: str, what: str) -> float:
        """The median of one of a step's further figures."""
        return median(one.extra[what] for one in self.ours[name])

    def why_void(self) -> str | None:
        """Why the pair does not count, if so: pgbench itself was disturbed, or too slow."""
        slowest, fastest = min(self.pgbench_tps), max(self.pgbench_tps)
        if fastest > slowest * (1 + PGBENCH_SPREAD_MAX):
            return f"pgbench's rounds differ by more than {PGBENCH_SPREAD_MAX:.0%}"
        if self.pgbench_median < PGBENCH_TPS_MIN:
            return f"pgbench's median is under {PGBENCH_TPS_MIN}"
        return None


async def interleave(
    pgbench: Callable[[], Awaitable[float]], steps: Mapping[str, Step], rounds: int
) -> Rounds:
    """Measure the steps `rounds` times, with pgbench before, between and after."""
    tps = [await pgbench()]
    ours: dict[str, list[Measured]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name, step in steps.items():
            ours[name].append(await step())
        tps.append(await pgbench())
    return Rounds(tps, ours)


def measured(count: int, duration_s: float, latencies_s: Sequence[float]) -> Measured:
    """A round from its raw latencies in seconds."""
    ordered = sorted(latencies_s)
    return Measured(
        count=count,
        duration_s=duration_s,
        p50_ms=percentile_ms(ordered, 0.50),
        p95_ms=percentile_ms(ordered, 0.95),
        p99_ms=percentile_ms(ordered, 0.99),
    )


def percentile_ms(ordered_s: Sequence[float], share: float) -> float:
    """The smallest latency that `share` of them do not exceed (nearest rank); 0 when empty."""
    if not ordered_s:
        return 0.0
    rank = -(-len(ordered_s) * round(share * 1000) // 1000)  # rounded up, in whole numbers
    return ordered_s[max(rank, 1) - 1] * 1000
