"""Logs as one JSON object a line on stderr, and the registry of the metrics."""

import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any, cast

import orjson
import structlog
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from structlog.contextvars import bound_contextvars, get_contextvars, merge_contextvars
from structlog.typing import FilteringBoundLogger, Processor

from tallystick.platform.process_metrics import OurProcesses

# The rooms' metrics register themselves here, and not in the library's own global registry.
REGISTRY = CollectorRegistry()


class _NamedLogger(structlog.PrintLogger):
    """Prints on stderr and knows its name."""

    def __init__(self, name: str = "tallystick") -> None:
        super().__init__(sys.stderr)
        self.name = name


def configure_logging(level: str) -> None:
    """Send our logs and the libraries' to stderr as JSON, from `level` upwards."""
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(serializer=_json)],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=_NamedLogger,
        cache_logger_on_first_use=False,  # a logger made before this call obeys it too
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(serializer=_json),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=number, force=True)


def get_logger(name: str) -> FilteringBoundLogger:
    """A logger whose lines carry `logger: name` and the request they belong to."""
    return cast("FilteringBoundLogger", structlog.get_logger(name))


@contextmanager
def in_request(request_id: str) -> Iterator[None]:
    """Everything logged within carries this request id, in tasks started within too."""
    with bound_contextvars(request_id=request_id):
        yield


def current_request_id() -> str | None:
    """The id of the request we are in, if we are in one."""
    return get_contextvars().get("request_id")


def exposition(registry: CollectorRegistry = REGISTRY) -> tuple[bytes, str]:
    """The metrics as Prometheus reads them, and their content type.

    With PROMETHEUS_MULTIPROC_DIR set, those of all processes together.
    """
    processes = OurProcesses(os.environ.get("PROMETHEUS_MULTIPROC_DIR"))
    texts = (generate_latest(_of_all_processes(registry)), generate_latest(processes))
    return b"".join(texts), CONTENT_TYPE_LATEST


@cache
def _processes(registry: CollectorRegistry) -> Gauge:
    return Gauge(
        "tallystick_processes",
        "Processes that run, by what they do",
        ("does",),
        registry=registry,
        multiprocess_mode="livesum",
    )


def count_process(does: str, registry: CollectorRegistry = REGISTRY) -> None:
    """Count this process among those that run, for as long as it does."""
    _processes(registry).labels(does).set(1)


def forget_process(pid: int, folder: str) -> None:
    """It is dead: what it counted stays in the sums, and it is no process that runs."""
    mark_process_dead(pid, folder)  # type: ignore[no-untyped-call] # the library's


Series = Mapping[frozenset[tuple[str, str]], float]


def measured(name: str, registry: CollectorRegistry = REGISTRY) -> Series:
    """The values of one series by its labels, of all processes as in `exposition`."""
    return {
        frozenset(sample.labels.items()): sample.value
        for metric in _of_all_processes(registry).collect()
        for sample in metric.samples
        if sample.name == name
    }


def _of_all_processes(registry: CollectorRegistry) -> CollectorRegistry:
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return registry
    everything = CollectorRegistry()
    MultiProcessCollector(everything)  # type: ignore[no-untyped-call] # the library's
    return everything


def _json(event: Any, **_: Any) -> str:
    # `default=str` shows a SecretStr as stars.
    return orjson.dumps(event, default=str).decode()
