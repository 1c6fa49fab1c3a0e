"""The gauges of what is not known: right from any worker, and cheap to set."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from tallystick.payments.cases import store
from tallystick.payments.cases.metrics import Labels, UnknownMetrics
from tallystick.payments.cases.store import UnknownTotal
from tallystick.platform.postgres.pools import Database
from tests.payments.cases.conftest import CaseDesk

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
LABELS = Labels(("hdfc_bank",), ("INR",))
A_WORKER = """
import sys
from datetime import UTC, datetime
from tallystick.payments.cases.metrics import Labels, unknown_metrics
from tallystick.payments.cases.store import UnknownTotal

now = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
count = int(sys.argv[1])
one = UnknownTotal("payment", "hdfc_bank", "INR", "unknown", count, 100 * count, now)
labels = Labels(("hdfc_bank",), ("INR",))
unknown_metrics().show([one] * bool(count), ["payout"] * count, labels, now)
"""
AN_API = """
from tallystick.platform.telemetry import exposition
print(exposition()[0].decode())
"""


def shown(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(f"tallystick_{name}", labels)


def total(kind: str = "payment", route: str = "hdfc_bank", currency: str = "INR") -> UnknownTotal:
    oldest_at = NOW - timedelta(hours=2)
    return UnknownTotal(kind, route, currency, "unknown", 2, 700, oldest_at)


def test_count_amount_and_age_are_shown_by_their_labels() -> None:
    registry = CollectorRegistry()

    UnknownMetrics(registry).show([total()], ["capture", "capture"], LABELS, NOW)

    labels = {"kind": "payment", "route": "hdfc_bank", "currency": "INR", "state": "unknown"}
    assert shown(registry, "unknown_outcomes", **labels) == 2
    assert shown(registry, "unknown_outcomes_amount_minor", **labels) == 700
    assert shown(registry, "unknown_outcomes_oldest_age_seconds", kind="payment") == 7_200
    assert shown(registry, "unknown_outcomes_oldest_age_seconds", kind="refund") == 0
    assert shown(registry, "cases_open", kind="capture") == 2
    assert shown(registry, "cases_open", kind="void") == 0


def test_what_the_settings_do_not_know_is_counted_together() -> None:
    registry = CollectorRegistry()

    totals = [total(route="closed_bank"), total(route="gone_bank"), total(currency="XAU")]
    UnknownMetrics(registry).show(totals, [], LABELS, NOW)

    labels = {"kind": "payment", "state": "unknown"}
    assert shown(registry, "unknown_outcomes", route="else", currency="INR", **labels) == 4
    assert shown(registry, "unknown_outcomes", route="hdfc_bank", currency="else", **labels) == 2


def test_one_worker_takes_back_what_another_has_shown(tmp_path: Path) -> None:
    def in_a_process(code: str, *words: str) -> str:
        shell = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
        command = [sys.executable, "-c", code, *words]
        done = subprocess.run(command, env=shell, capture_output=True, text=True, check=True)
        return done.stdout

    labels = '{currency="INR",kind="payment",route="hdfc_bank",state="unknown"}'

    in_a_process(A_WORKER, "3")
    first = in_a_process(AN_API)
    in_a_process(A_WORKER, "0")
    second = in_a_process(AN_API)

    assert f"tallystick_unknown_outcomes{labels} 3.0" in first
    assert 'tallystick_cases_open{kind="payout"} 3.0' in first
    assert f"tallystick_unknown_outcomes{labels} 0.0" in second
    assert 'tallystick_cases_open{kind="payout"} 0.0' in second


async def test_what_is_open_is_counted_once_in_its_state(case_desk: CaseDesk) -> None:
    desk = case_desk.desk
    await desk.pay(token="tok_charge_then_drop")
    await desk.refund(await desk.pay(), amount_minor=4_251)
    await desk.pay()  # which is over, as is the one that was refunded

    found = {(t.kind, t.state): (t.count, t.amount_minor) for t in await all_totals(case_desk)}

    assert found == {("payment", "unknown"): (1, 10_000), ("refund", "unknown"): (1, 4_251)}


async def all_totals(case_desk: CaseDesk) -> tuple[UnknownTotal, ...]:
    return await case_desk.cases.outcomes.list_totals()


@pytest.mark.parametrize(
    "sql", [store.totals_sql(), store.unresolved_sql()], ids=["totals", "unresolved"]
)
async def test_no_payment_that_is_over_is_read(database: Database, sql: str) -> None:
    """By the indexes on what is unknown and what is due, even where the table would be cheaper."""
    values = [NOW, NOW][: 1 + ("$2" in sql)]
    async with database.reading() as connection:
        await connection.execute("SET LOCAL enable_seqscan = off")
        plan = "\n".join(line[0] for line in await connection.fetch(f"EXPLAIN {sql}", *values))

    assert "Seq Scan" not in plan
    for index in ("payments_unknown", "payments_due", "refunds_unknown", "refunds_due"):
        assert plan.count(index) == 1, plan
