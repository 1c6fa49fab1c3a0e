"""Logs are JSON lines that carry their request; metrics are exposed."""

import json
import logging
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from prometheus_client import CollectorRegistry, Counter
from pydantic import SecretStr

from tallystick.platform.process_metrics import STANDARD, OurProcesses
from tallystick.platform.telemetry import (
    configure_logging,
    current_request_id,
    exposition,
    get_logger,
    in_request,
)

NOBODYS_PID = 1 << 22  # the kernel's end below it


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, ours = root.handlers[:], root.level, structlog.get_config()
    yield
    root.handlers[:], root.level = handlers, level
    structlog.configure(**ours)


def _lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    captured = capsys.readouterr()
    assert not captured.out  # stdout belongs to the command
    return [json.loads(line) for line in captured.err.splitlines()]


def test_a_line_is_one_json_object_with_its_request(capsys: pytest.CaptureFixture[str]) -> None:
    early = get_logger("payments")
    configure_logging("info")
    with in_request("req-7"):
        assert current_request_id() == "req-7"
        early.info("payment_processed", amount_minor=1999)
    early.info("idle")
    first, second = _lines(capsys)
    assert first.pop("timestamp").endswith("Z")
    assert first == {
        "event": "payment_processed",
        "level": "info",
        "logger": "payments",
        "amount_minor": 1999,
        "request_id": "req-7",
    }
    assert "request_id" not in second
    assert current_request_id() is None


def test_the_level_holds_for_us_and_for_libraries(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("warn")
    get_logger("payments").info("quiet")
    logging.getLogger("uvicorn").info("quiet")
    logging.getLogger("uvicorn").warning("port %s", 3004)
    (line,) = _lines(capsys)
    assert (line["event"], line["logger"], line["level"]) == ("port 3004", "uvicorn", "warning")


def test_an_error_keeps_its_traceback_on_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info")
    try:
        int("no such account")
    except ValueError:
        get_logger("ledger").exception("posting_failed")
    (line,) = _lines(capsys)
    assert "no such account" in line["exception"]


def test_a_secret_in_a_log_line_shows_stars(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info")
    get_logger("identity").info("started", pepper=SecretStr("geheim"))
    (line,) = _lines(capsys)
    assert line["pepper"] == "**********"


def test_metrics_of_several_processes_are_read_from_their_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = CollectorRegistry()
    Counter("mine_alone", "Mine alone", registry=registry).inc()
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    assert b"mine_alone" not in exposition(registry)[0]


def test_the_usual_metrics_of_a_process_are_those_of_all_that_count_in_the_folder(
    tmp_path: Path,
) -> None:
    def measured(folder: Path | None) -> dict[str, float]:
        found = OurProcesses(str(folder) if folder else None).collect()
        return {metric.samples[0].name: metric.samples[0].value for metric in found}

    with subprocess.Popen(["sleep", "60"]) as other:
        for pid in (os.getpid(), other.pid, NOBODYS_PID):
            (tmp_path / f"gauge_livesum_{pid}.db").touch()
        (tmp_path / f"counter_{NOBODYS_PID + 1}.db").touch()
        alone, together = measured(None), measured(tmp_path)
        other.kill()

    assert alone.keys() == together.keys() == STANDARD.keys()
    assert together["process_open_fds"] >= alone["process_open_fds"] + 3
    assert together["process_virtual_memory_bytes"] > alone["process_virtual_memory_bytes"]
    assert together["process_start_time_seconds"] == alone["process_start_time_seconds"]


def test_metrics_are_exposed_as_text() -> None:
    registry = CollectorRegistry()
    Counter("payments_seen", "Payments seen", registry=registry).inc(3)
    body, content_type = exposition(registry)
    assert b"payments_seen_total 3.0" in body
    assert content_type.startswith("text/plain")
