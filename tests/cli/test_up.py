"""`tallystick up` while it runs."""

import json
import os
import shutil
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tallystick.platform.postgres.postmaster import free_port
from tests.cli.terminals import (
    Inside,
    Place,
    Started,
    place,
    started,
    wait_until,
)

FIRST_FIGURES = "books balance"
APIS = 'tallystick_processes{does="api"}'


@dataclass(frozen=True)
class Up:
    """A platform that runs, with two API processes and customers."""

    at: Place
    process: Started
    metrics_url: str

    def metrics(self, url: str | None = None) -> dict[str, float]:
        """The values of every series, by what stands before them."""
        lines = fetched(url or self.metrics_url).decode().splitlines()
        told = (line.rpartition(" ") for line in lines if not line.startswith("#"))
        return {series: float(value) for series, _, value in told}


@pytest.fixture(scope="module")
def up() -> Iterator[Up]:
    variables = {"API_PROCESSES": "2", "METRICS_PORT": str(free_port())}
    with place() as at, started(at, "up", "--rate", "5", **variables) as running:
        running.wait_for(FIRST_FIGURES)
        yield Up(at, running, f"http://127.0.0.1:{variables['METRICS_PORT']}/metrics")


def pasted(line: str) -> dict[str, object]:
    """What a line answers when it is pasted into a shell."""
    answered = subprocess.run(
        ["bash", "-c", line], capture_output=True, text=True, timeout=30, check=True
    )
    body = json.loads(answered.stdout)
    assert isinstance(body, dict)
    return body


def line_after(heading: str, said: str) -> str:
    lines = said.splitlines()
    return lines[lines.index(heading) + 1]


def fetched(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return bytes(answer.read())


@pytest.mark.skipif(shutil.which("curl") is None, reason="this machine has no curl")
def test_the_two_lines_it_shows_work_when_pasted(up: Up) -> None:
    said = up.process.said()
    pay = line_after("Pay something:", said)
    record = line_after("Report a payment made elsewhere, signed:", said)

    assert pasted(pay)["status"] == "captured"
    assert pasted(record)["success"] is True
    assert pasted(record)["data"]["status"] == "duplicate"  # type: ignore[index]


def test_it_serves_what_it_points_to(up: Up) -> None:
    url = f"http://127.0.0.1:{up.at.port}"

    assert json.loads(fetched(f"{url}/openapi.json"))["openapi"].startswith("3.1")
    assert b"<html>" in fetched(f"{url}/docs")
    assert b"# TYPE" in fetched(f"{url}/metrics")


def test_any_process_shows_the_metrics_of_all(up: Up) -> None:
    own, served = up.metrics(), up.metrics(f"http://127.0.0.1:{up.at.port}/metrics")

    for shown in (own, served):
        assert (shown[APIS], shown['tallystick_processes{does="worker"}']) == (2, 1)
        assert 'tallystick_delivery_lag_facts{reader="ledger"}' in shown  # the worker's
        assert any(name.startswith("http_request_duration_seconds_count") for name in shown)
    with pytest.raises(urllib.error.HTTPError, match="404"):
        fetched(up.metrics_url.replace("/metrics", "/health"))


def test_what_it_leaves_in_the_home_folder_is_for_its_owner_alone(up: Up) -> None:
    for name in ("running.json", "credentials.json", "secrets.json"):
        assert (up.at.home / name).stat().st_mode & 0o777 == 0o600, name


def test_a_second_one_on_the_same_home_says_so_and_leaves(up: Up) -> None:
    second = up.at.run("up")

    assert second.returncode == 3
    assert f"another tallystick (process {up.process.process.pid}) already runs" in second.stderr
    assert second.stderr.count("\n") == 1


@pytest.fixture
def beside(
    up: Up,
    clean_environment: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Inside:
    """Another terminal in the same folder."""
    monkeypatch.chdir(up.at.home.parent)
    monkeypatch.setenv("TALLYSTICK_HOME", str(up.at.home))
    return Inside(capsys)


def test_payments_are_made_from_another_terminal(beside: Inside) -> None:
    payment = beside.told("payments", "create", "50000", "--manual", "--key", "beside-1")
    again = beside.told("payments", "create", "50000", "--manual", "--key", "beside-1")
    captured = beside.told("payments", "capture", payment["id"], "--amount", "30000", "--final")
    refund = beside.told("payments", "refund", payment["id"], "--amount", "5000")
    events = beside.told("payments", "events", payment["id"])
    found = beside.told("payments", "get", payment["id"])
    listed = beside.told("payments", "list", "--limit", "200")

    assert payment["status"] == "authorized"
    assert again["id"] == payment["id"]
    assert (captured["status"], captured["amount_captured"]) == ("captured", 30_000)
    assert refund["status"] == "succeeded"
    assert [event["version"] for event in events] == list(range(1, len(events) + 1))
    assert found["amount_refunded"] == 5_000
    assert payment["id"] in {one["id"] for one in listed}


def test_a_payment_that_is_declined_or_refused_is_exit_code_1(beside: Inside) -> None:
    declined = beside.told("payments", "create", "5000", "--token", "tok_declined", code=1)
    payment = beside.told("payments", "create", "5000", "--manual", "--description", "Chai")
    cancelled = beside.told("payments", "cancel", payment["id"])
    code, _, said = beside.run("payments", "capture", payment["id"])

    assert declined["status"] == "failed"
    assert cancelled["status"] == "cancelled"
    assert (code, "payment_not_capturable" in said) == (1, True)


def test_a_customer_who_is_not_there_pays_with_what_he_saved(beside: Inside) -> None:
    customer = beside.told("customers", "create", "demo_shop", "--reference", "asha-cli")
    saved = beside.told("customers", "attach", customer["id"], "tok_visa")
    words = ("--customer", customer["id"], "--off-session")

    by_default = beside.told("payments", "create", "5000", *words)
    named = beside.told("payments", "create", "5000", *words, "--saved-method", saved["id"])
    code, _, said = beside.run("payments", "create", "5000", *words, "--token", "tok_visa")
    both = beside.run("payments", "create", "1", "--token", "tok_visa", "--saved-method", "pm_1")

    assert {(one["status"], one["payment_method"]) for one in (by_default, named)} == {
        ("captured", saved["id"])
    }
    assert (code, "payment_method_not_saved" in said) == (1, True)
    assert both[0] == 2


def test_many_payments_are_made_once_under_one_key(beside: Inside) -> None:
    words = ("payments", "create", "5000", "--count", "20", "--key", "bulk-1")
    first, again = beside.told(*words), beside.told(*words)
    listed = beside.told("payments", "list", "--limit", "1000", "--amount-from", "5000")
    some = beside.told(
        "payments", "create", "4999", "--count", "3", "--token", "tok_declined", code=1
    )
    refused, _, said = beside.run("payments", "create", "5000", "--count", "9", "--currency", "XXX")

    assert first == again == {"payments": 20, "captured": 20, "key": "bulk-1"}
    assert sum(one["amount"] == 5_000 for one in listed) < 40
    assert (some["payments"], some["failed"]) == (3, 3)
    assert (refused, "currency" in said) == (1, True)


def test_money_that_never_came_is_told_by_the_operator(beside: Inside) -> None:
    payment = beside.told("payments", "create", "5000")

    failed = beside.told("payments", "late-failure", payment["id"], "--code", "returned_unpaid")

    assert (failed["status"], failed["failure_code"]) == ("failed", "returned_unpaid")
    assert failed["failure_message"] == "Your bank took the payment back."


def test_people_see_major_units(beside: Inside) -> None:
    _, said, complaint = beside.run("payments", "create", "123456")

    assert "1,234.56" in said, complaint


def test_the_books_are_proven_while_payments_go_on(up: Up) -> None:
    assert up.at.told("books", "prove")["green"] is True


def test_the_demo_plays_on_a_platform_that_runs(beside: Inside) -> None:
    code, said, _ = beside.run("demo", "--payments", "20", "--once", "--seed", "3")

    assert code == 0, said
    assert "20 payments in" in said
    assert "books proven: yes" in said
    assert "banks' own books equal ours: yes" in said
    assert "every payment ended as it must: yes" in said


def test_an_api_that_is_killed_comes_back(up: Up) -> None:
    before = up.metrics()
    victim, _ = [pid for pid, command in up.at.processes().items() if " serve " in command]
    os.kill(victim, signal.SIGKILL)

    up.process.wait_for("was ended by SIGKILL; starting it again")
    assert b"healthy" in fetched(f"http://127.0.0.1:{up.at.port}/health")
    wait_until(lambda: up.metrics()[APIS] == 2, lambda: str(up.metrics()))
    after = up.metrics()
    lost = {name for name in before if "_count" in name and after[name] < before[name]}
    assert lost == set()  # what the dead had counted stays counted


def test_a_port_that_is_taken_is_said_with_a_way_out(up: Up, at: Place) -> None:
    refused = at.run("up", PORT=str(up.at.port))

    assert refused.returncode == 3
    assert f"port {up.at.port} on 127.0.0.1 cannot be used" in refused.stderr
    assert "PORT=" in refused.stderr
    assert at.processes() == {}
