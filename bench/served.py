"""The API as it is served: several processes on one socket, and load from another process."""

import socket
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Final

from bench.api_process import ServeOrder
from bench.children import Child, started
from bench.load import Kind, LoadOrder, LoadReport
from bench.machine import cpu_s, family
from bench.rounds import Measured
from bench.stage import House, Stage
from tallystick.platform.ids import typeid
from tallystick.platform.listening import listening_socket

PROCESSES: Final = 2
_OVERTIME_S: Final = 90.0


@dataclass(frozen=True)
class Served:
    """The API processes of one house, and where they listen."""

    stage: Stage
    port: int
    processes: Sequence[Child]
    accounts_file: Path
    loads: Iterator[int] = field(default_factory=count)

    async def load(
        self,
        kind: Kind,
        *,
        keys: Sequence[str],
        connections: int,
        seconds: float,
        warm_s: float = 0.0,
        pace_per_s: float | None = None,
        bulk: int = 1,
        loans: int = 0,
    ) -> LoadReport:
        """Load it from a process of its own; where the processor time went is in `extra`."""
        order = LoadOrder(
            kind=kind,
            port=self.port,
            keys=list(keys),
            connections=connections,
            warm_s=warm_s,
            seconds=seconds,
            # Another one each time: the same Idempotency-Keys again would only be replays.
            seed=self.stage.plan.seed * 1_000 + next(self.loads),
            accounts_file=self.accounts_file if kind in {"transfer", "bulk"} else None,
            bulk=bulk,
            loans=loans,
            pace_per_s=pace_per_s,
        )
        before = self._cpu_s()
        async with started("bench.load", order, log=self.stage.folder / "load.log") as load:
            report = await load.said(LoadReport, warm_s + seconds + _OVERTIME_S)
        after = self._cpu_s()
        report.latency.extra.update({name: after[name] - before[name] for name in before})
        return report

    def _cpu_s(self) -> dict[str, float]:
        """Processor seconds so far; an uneven share of the API's shows uneven connections."""
        api = {f"cpu_s_api_{n}": cpu_s([child.pid]) for n, child in enumerate(self.processes)}
        return api | {"cpu_s_postgres": cpu_s(family(self.stage.cluster.pid))}


class Watch:
    """Keeps what the load was told, to hold it against what is on record."""

    def __init__(self) -> None:
        self.reports: list[LoadReport] = []

    def seen(self, report: LoadReport) -> Measured:
        """Remember the report; its round."""
        self.reports.append(report)
        return report.latency

    def failures(self) -> list[str]:
        """Answers that should not have been, the most frequent ones."""
        failures: Counter[str] = Counter()
        for report in self.reports:
            failures.update(report.failures)
        return [f"{times} times {what}" for what, times in failures.most_common(3)]

    def faults(self, on_record: int) -> list[str]:
        """The same, and what was acknowledged but is not on record."""
        faults = self.failures()
        acknowledged = sum(report.done_ever for report in self.reports)
        if on_record < acknowledged:
            faults.append(f"{acknowledged} acknowledged, only {on_record} on record")
        return faults


@asynccontextmanager
async def served_house(stage: Stage, house: House, **overrides: Any) -> AsyncIterator[Served]:
    """Serve the house with `PROCESSES` processes; `overrides` are settings."""
    accounts_file = stage.folder / "accounts.txt"
    texts = (typeid("acc", one) for one in house.accounts)
    accounts_file.write_text("\n".join(texts), encoding="ascii")
    async with AsyncExitStack() as stack:
        listener = stack.enter_context(listening_socket("127.0.0.1", 0))
        children = [
            await stack.enter_async_context(_api_process(stage, house, listener, overrides))
            for _ in range(PROCESSES)
        ]
        for child in children:
            await child.said(str)
        yield Served(stage, listener.getsockname()[1], children, accounts_file)


def _api_process(
    stage: Stage, house: House, listener: socket.socket, overrides: dict[str, Any]
) -> AbstractAsyncContextManager[Child]:
    overrides = {"api_processes": PROCESSES} | overrides
    order = ServeOrder(listener.fileno(), house.address, stage.home, overrides)
    log = stage.folder / "api.log"
    return started("bench.api_process", order, log=log, pass_fds=[listener.fileno()])
