"""Prometheus' usual `process_...` metrics, of all our processes on this machine together."""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

from prometheus_client import Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

STANDARD: Final = {
    "process_virtual_memory_bytes": "gauge",
    "process_resident_memory_bytes": "gauge",
    "process_start_time_seconds": "gauge",
    "process_cpu_seconds_total": "counter",
    "process_open_fds": "gauge",
    "process_max_fds": "gauge",
}
_LEAST: Final = frozenset({"process_start_time_seconds", "process_max_fds"})  # others are summed


class OurProcesses(Collector):
    """Those that count in a folder, or this one alone; nothing where there is no `/proc`."""

    def __init__(self, folder: str | None) -> None:
        self._folder = folder

    def collect(self) -> Iterator[Metric]:
        """Sums; of the start the earliest, of the limit of files the lowest."""
        found: dict[str, list[Metric]] = {}
        for pid in self._pids():
            for metric in ProcessCollector(pid=partial(str, pid), registry=None).collect():
                found.setdefault(metric.samples[0].name, []).append(metric)
        for name, metrics in found.items():
            values = [metric.samples[0].value for metric in metrics]
            whole = Metric(metrics[0].name, metrics[0].documentation, metrics[0].type)
            whole.add_sample(name, {}, min(values) if name in _LEAST else sum(values))
            yield whole

    def _pids(self) -> set[int]:
        """The library names the files of a process that lives after its pid."""
        if self._folder is None:
            return {os.getpid()}
        living = Path(self._folder).glob("gauge_live*_*.db")
        return {int(file.stem.rpartition("_")[2]) for file in living}
