"""A day's report lists what settled on it, by the bank's own clock."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest

from tallystick.platform.clock import HandClock
from tallystick.sandbox import Pace, serve_sandbox
from tests.sandbox.teller import Teller

pytestmark = pytest.mark.anyio


@pytest.fixture
def watch() -> HandClock:
    """The bank's own clock, a second before midnight."""
    return HandClock(datetime(2026, 3, 2, 23, 59, 59, tzinfo=UTC))


@pytest.fixture
async def bank(
    tmp_path: Path, watch: HandClock, session: aiohttp.ClientSession
) -> AsyncIterator[Teller]:
    pace = Pace(calm=True)
    async with serve_sandbox(tmp_path, pace=pace, durable=False, now=watch.now) as sandbox:
        yield Teller(session, sandbox.base_url("hdfc_bank"))


async def test_captures_and_refunds_of_the_day_are_listed_with_fees_and_sums(bank: Teller) -> None:
    await bank.authorize("a1", amount=10_000)
    await bank.capture("a1", "c1", 6_000)
    await bank.refund("a1", "r1", 1_000)
    await bank.refund("a1", "r2", 6_000)  # refused: more than is left
    await bank.authorize("a2", amount=500, currency="USD", capture=True)
    await bank.authorize("a3", token="tok_declined", capture=True)

    report = (await bank.get("/v1/report?date=2026-03-02")).body

    assert [(row["reference"], row["amount"], row["fee"]) for row in report["operations"]] == [
        ("c1", 6_000, 30),
        ("r1", 1_000, 0),
        ("a2", 500, 3),
    ]
    assert report["totals"] == [
        {"currency": "INR", "captured": 6_000, "refunded": 1_000, "fees": 30},
        {"currency": "USD", "captured": 500, "refunded": 0, "fees": 3},
    ]
    assert report["next_after"] is None


async def test_a_day_is_cut_at_midnight_utc(bank: Teller, watch: HandClock) -> None:
    await bank.authorize("today", capture=True)
    await bank.authorize("later", amount=4057, capture=True)  # decided half a second later
    watch.advance(timedelta(seconds=1))
    await bank.authorize("tomorrow", capture=True)

    first = (await bank.get("/v1/report?date=2026-03-02")).body
    second = (await bank.get("/v1/report?date=2026-03-03")).body

    assert [row["reference"] for row in first["operations"]] == ["today", "later"]
    assert [row["reference"] for row in second["operations"]] == ["tomorrow"]


async def test_what_is_pending_is_not_settled_yet(bank: Teller, watch: HandClock) -> None:
    await bank.authorize("a1", amount=4057, capture=True)
    before = (await bank.get("/v1/report?date=2026-03-02")).body
    watch.advance(timedelta(milliseconds=500))
    after = (await bank.get("/v1/report?date=2026-03-02")).body

    assert before["operations"] == before["totals"] == []
    assert [row["reference"] for row in after["operations"]] == ["a1"]


async def test_pages_follow_each_other_without_gap(bank: Teller) -> None:
    for number in range(7):
        await bank.authorize(f"a{number}", capture=True)

    seen: list[str] = []
    after: int | None = 0
    while after is not None:
        page = (await bank.get(f"/v1/report?date=2026-03-02&limit=3&after={after}")).body
        seen += [row["reference"] for row in page["operations"]]
        after = page["next_after"]

    assert seen == [f"a{number}" for number in range(7)]


@pytest.mark.parametrize(
    "query", ["", "date=", "date=2026-13-01", "date=2026-03-02&limit=0", "date=2026-03-02&after=x"]
)
async def test_a_question_it_cannot_read_is_refused(query: str, bank: Teller) -> None:
    said = await bank.get(f"/v1/report?{query}")

    assert (said.status, said.body["error"]["code"]) == (400, "invalid_request")
