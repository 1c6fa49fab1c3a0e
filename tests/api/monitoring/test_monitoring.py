"""Document 000's monitoring: what is shown, who may see it, and a hand on the jobs."""

from datetime import timedelta
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tallystick.app import App
from tallystick.platform.clock import HandClock
from tallystick.platform.timetable import run_due
from tests.api.conftest import Caller
from tests.intake.factories import RECEIPT, make_report

pytestmark = pytest.mark.anyio
BASE = "/api/v1/monitoring"
READING = (
    "stats",
    "jobs/status",
    "partitions",
    "payments/loan/LA1",
    "payments/summary/LA1",
    "payments/cif/C1",
    "payments/cif/C1/summary",
)
ACTING = (
    "jobs/staging-ingestion/run",
    "jobs/partition-maintenance/run",
    "jobs/cache-cleanup/run",
    "cache/warm?limit=10",
    "cache/clear",
)


async def leave(app: App, *references: str, amount: str = "7") -> None:
    connection = await app.database.open_writer("test")
    for reference in references:
        await connection.execute(
            "INSERT INTO payment_staging (reference_number, loan_account_number, cif, amount,"
            f" payment_date) VALUES ($1, 'LA1', 'C1', {amount}, '2026-03-01')",
            reference,
        )
    await connection.close()


async def job(operator: Caller, name: str) -> dict[str, Any]:
    jobs = (await operator.get(f"{BASE}/jobs/status")).json["data"]
    found: dict[str, Any] = next(one for one in jobs if one["name"] == name)
    return found


@pytest.mark.parametrize("path", READING)
async def test_looking_needs_an_operators_key(
    operator: Caller, seller: Caller, anybody: Caller, path: str
) -> None:
    unknown = await anybody.get(f"{BASE}/{path}")
    assert (unknown.status, unknown.json["error"]) == (401, "Authentication failed")
    assert (await seller.get(f"{BASE}/{path}")).status == 403
    answer = await operator.get(f"{BASE}/{path}")
    assert (answer.status, answer.json["success"]) == (200, True)


@pytest.mark.parametrize("path", ACTING)
async def test_acting_needs_the_permission_to_operate(
    app: App, operator: Caller, seller: Caller, anybody: Caller, path: str
) -> None:
    assert (await anybody.post(f"{BASE}/{path}")).status == 401
    assert (await seller.post(f"{BASE}/{path}")).status == 403
    answer = await operator.post(f"{BASE}/{path}")
    assert answer.status in (200, 202)
    assert answer.json["success"] is True


async def test_a_run_that_is_asked_for_is_done_by_the_worker_and_told(
    app: App, operator: Caller
) -> None:
    jobs = [one for one in app.upkeep.schedule.jobs if one.name == "staging-ingestion"]
    await run_due(jobs)
    before = (await operator.get(f"{BASE}/stats")).json["data"]["staging"]
    await leave(app, "JOB-A", "JOB-B", "JOB-A")

    asked = await operator.post(f"{BASE}/jobs/staging-ingestion/run")
    assert asked.json["data"] == {"job": "staging-ingestion", "status": "requested"}
    await run_due(jobs)

    told = await job(operator, "staging-ingestion")
    assert (told["last_run"]["status"], told["last_run"]["occasion"]) == ("completed", "request")
    assert told["last_run"]["result"]["recorded"] == 2
    stats = (await operator.get(f"{BASE}/stats")).json["data"]["staging"]
    assert stats["processed"] - before["processed"] == 2
    assert stats["duplicates"] - before["duplicates"] == 1
    assert stats["backlog"] == 0
    health = (await operator.get("/health")).json["data"]["checks"]
    assert health["last_staging_run"] == "2026-03-02T09:30:00Z"


async def test_an_unknown_job_is_404(operator: Caller) -> None:
    assert (await operator.post(f"{BASE}/jobs/coffee/run")).status == 404


async def test_the_status_tells_the_schedules_of_document_000(operator: Caller) -> None:
    jobs = (await operator.get(f"{BASE}/jobs/status")).json["data"]
    assert [(one["name"], one["schedule"], one["timezone"]) for one in jobs] == [
        ("staging-ingestion", "*/30 * * * * *", "UTC"),
        ("partition-maintenance", "0 2 * * *", "UTC"),
        ("cache-cleanup", "0 3 * * *", "UTC"),
    ]
    assert all(one["enabled"] and one["next_run"] and not one["is_running"] for one in jobs)


async def test_the_backlog_is_told_in_health_and_metrics(app: App, anybody: Caller) -> None:
    await app.upkeep.ingestion.run()
    await leave(app, "WAITS-A", "WAITS-B")
    health = (await anybody.get(f"{BASE}/health")).json["data"]["checks"]
    assert health["staging_backlog"] == 2
    text = (await anybody.get(f"{BASE}/metrics")).raw.decode()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert families["staging_backlog_size"].samples[0].value == 2
    assert await app.upkeep.ingestion.count_backlog(at_most=1) == 1


async def test_partitions_tell_their_months_and_sizes(operator: Caller) -> None:
    shown = (await operator.get(f"{BASE}/partitions")).json["data"]
    march = next(one for one in shown["partitions"] if one["name"].endswith("2026_03"))
    assert (march["month"], march["bytes"] > 0) == ("2026-03-01", True)
    assert (shown["retention_months"], shown["future_months"]) == (12, 3)


async def test_the_cache_is_warmed_and_cleared(app: App, operator: Caller) -> None:
    for number in range(3):
        report = make_report(reference_number=f"R{number}")
        await app.recording.record_webhook(report, RECEIPT)
    await operator.post(f"{BASE}/cache/clear")
    assert app.recording.references.remembered == 0
    warmed = await operator.post(f"{BASE}/cache/warm?limit=2")
    assert warmed.json["data"] == {"warmed": 2}
    assert app.recording.references.remembered == 2
    cleared = await operator.post(f"{BASE}/cache/clear")
    assert cleared.json["data"] == {"cleared": 2, "redis": "disabled"}
    assert (await operator.post(f"{BASE}/cache/warm?limit=x")).status == 400
    again = await app.recording.record_webhook(make_report(reference_number="R0"), RECEIPT)
    assert again.status == "duplicate"  # the table keeps what the caches forget


async def test_a_page_goes_on_where_the_last_one_ended(app: App, operator: Caller) -> None:
    for number in range(5):
        date = f"2026-03-01T10:{number // 2:02}:00Z"  # some at the same instant
        report = make_report(
            reference_number=f"PAGE-{number}",
            payment_date=date,
            loan_account_number="LA-PAGES",
            cif="CIF-PAGES",
        )
        await app.recording.record_webhook(report, RECEIPT)
    path = f"{BASE}/payments/loan/LA-PAGES"

    whole = (await operator.get(path)).json
    assert (len(whole["data"]), whole["next_cursor"]) == (5, None)
    assert whole["data"][0]["amount"] == 1000.5
    found: list[Any] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await operator.get(f"{path}?limit=2{cursor and '&cursor=' + cursor}")).json
        found += page["data"]
        cursor = page["next_cursor"]
    assert found == whole["data"]
    skipped = (await operator.get(f"{path}?limit=2&offset=3")).json["data"]
    assert skipped == whole["data"][3:5]
    by_cif = (await operator.get(f"{BASE}/payments/cif/CIF-PAGES")).json["data"]
    assert by_cif == whole["data"]


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "offset=-1", "offset=10001"])
async def test_a_page_has_limits(operator: Caller, query: str) -> None:
    answer = await operator.get(f"{BASE}/payments/loan/LA1?{query}")
    assert (answer.status, answer.json["error"]) == (400, "Validation failed")
    assert answer.json["details"][0]["field"] == query.partition("=")[0]
    assert answer.json["processing_time_ms"] >= 0


async def test_a_cursor_is_of_its_own_list(app: App, operator: Caller) -> None:
    for number in range(2):
        report = make_report(reference_number=f"C-{number}", loan_account_number="LA-CURSOR")
        await app.recording.record_webhook(report, RECEIPT)
    path = f"{BASE}/payments/loan/LA-CURSOR?limit=1"
    cursor = (await operator.get(path)).json["next_cursor"]
    other = await operator.get(f"{BASE}/payments/loan/LA2?cursor={cursor}")
    assert (other.status, other.json["error"]) == (400, "Validation failed")
    assert "belongs to another list" in other.json["details"][0]["message"]


async def test_a_summary_adds_up_by_currency_and_channel(app: App, operator: Caller) -> None:
    for number, channel in enumerate(("upi", "upi", "cash")):
        report = make_report(
            reference_number=f"SUM-{number}",
            payment_channel=channel,
            loan_account_number="LA-SUM",
        )
        await app.recording.record_webhook(report, RECEIPT)
    shown = (await operator.get(f"{BASE}/payments/summary/LA-SUM")).json["data"]
    assert (shown["total_payments"], shown["total_amount"]) == (3, {"USD": 3001.5})
    assert [(one["payment_channel"], one["payments"]) for one in shown["channels"]] == [
        ("cash", 1),
        ("upi", 2),
    ]
    nothing = (await operator.get(f"{BASE}/payments/summary/NOBODY")).json["data"]
    assert (nothing["total_payments"], nothing["first_payment_date"]) == (0, None)


@pytest.mark.parametrize("path", ["loan/LA%00", "cif/%00"])
async def test_a_number_nobody_can_have_has_no_payments(operator: Caller, path: str) -> None:
    assert (await operator.get(f"{BASE}/payments/{path}")).json["data"] == []


async def test_the_job_that_was_missed_is_run_and_next_run_moves(
    app: App, operator: Caller, opening_clock: HandClock
) -> None:
    jobs = [one for one in app.upkeep.schedule.jobs if one.name == "cache-cleanup"]
    await run_due(jobs)
    assert (await job(operator, "cache-cleanup"))["next_run"] == "2026-03-03T03:00:00Z"
    opening_clock.advance(timedelta(hours=18))
    await run_due(jobs)
    assert (await job(operator, "cache-cleanup"))["next_run"] == "2026-03-04T03:00:00Z"
