"""The load: a process of its own that fills the API's connections and tells what came back."""

import asyncio
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Final, Literal

import uvloop
from msgspec import Struct

from bench.children import end_with_parent, read_order, say
from bench.errands import Errands
from bench.line import Line, Tally
from bench.rounds import Measured, measured

Kind = Literal["transfer", "bulk", "payment", "report", "duplicate", "lookup"]
_BETWEEN_CONNECTIONS_S: Final = 0.002  # so that each server process takes its share of them
_LAST_ANSWERS_S: Final = 30.0


class LoadOrder(Struct, frozen=True):
    """What to ask for, and how. `pace_per_s` None: each caller asks again at once.

    `keys` are API keys, or the one secret that signs reports.
    """

    kind: Kind
    port: int
    keys: list[str]
    connections: int
    warm_s: float
    seconds: float
    seed: int
    accounts_file: Path | None = None  # one `acc_...` a line
    bulk: int = 500
    loans: int = 0
    pace_per_s: float | None = None


class LoadReport(Struct, frozen=True):
    """What came back within the window; `done_ever` and `failures` cover the whole run.

    `latency` is that of whole errands, `requests` that of each step's requests.
    """

    latency: Measured
    requests: list[Measured]
    done_ever: int
    statuses: dict[int, int]
    failures: dict[str, int]


async def load(order: LoadOrder) -> LoadReport:
    """Connect, warm up, measure, wait for the last answers."""
    accounts = order.accounts_file.read_bytes().split() if order.accounts_file else []
    errand = Errands(order.keys, accounts, order.seed).of_kind(
        order.kind, bulk=order.bulk, loans=order.loans
    )
    begins_s = perf_counter() + order.connections * _BETWEEN_CONNECTIONS_S * 2 + order.warm_s
    tally = Tally(begins_s, begins_s + order.seconds)
    loop = asyncio.get_running_loop()
    lines = []
    for number in range(order.connections):
        slots = _slots(order, number, begins_s - order.warm_s)
        _, line = await loop.create_connection(
            partial(Line, errand, tally, slots), "127.0.0.1", order.port
        )
        lines.append(line)
        await asyncio.sleep(_BETWEEN_CONNECTIONS_S)
    for line in lines:
        line.begin()
    patience_s = tally.ends_s - perf_counter() + _LAST_ANSWERS_S
    _, silent = await asyncio.wait([line.ended for line in lines], timeout=patience_s)
    if silent:
        tally.failures["never answered"] += len(silent)
    return _report(tally, order)


def _slots(order: LoadOrder, number: int, first_s: float) -> Iterator[float] | None:
    """The instants at which one of the connections begins an errand; together they keep pace."""
    if order.pace_per_s is None:
        return None
    apart_s = order.connections / order.pace_per_s
    start_s = first_s + number / order.pace_per_s

    def slots() -> Iterator[float]:
        count = 0
        while True:
            yield start_s + count * apart_s
            count += 1

    return slots()


def _report(tally: Tally, order: LoadOrder) -> LoadReport:
    steps = [tally.request_latencies_s[step] for step in sorted(tally.request_latencies_s)]
    return LoadReport(
        latency=measured(tally.done, order.seconds, tally.latencies_s),
        requests=[measured(len(step), order.seconds, step) for step in steps],
        done_ever=tally.done_ever,
        statuses=dict(tally.statuses),
        failures=dict(tally.failures),
    )


async def main() -> None:
    order = read_order(LoadOrder)
    end_with_parent()
    say(await load(order))


if __name__ == "__main__":
    uvloop.run(main())
