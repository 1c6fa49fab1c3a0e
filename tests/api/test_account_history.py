"""An account's past over HTTP: lines both ways, balances then, statements, changes, totals."""

from datetime import timedelta
from typing import Any

import pytest

from tallystick.books import PLATFORM, account_id, chart
from tallystick.identity import FeePlan, Merchant
from tallystick.platform.clock import HandClock
from tallystick.platform.ids import typeid
from tests.api.conftest import Caller
from tests.api.test_accounts import PATH, fund, payable

pytestmark = pytest.mark.anyio
DAY = timedelta(days=1)


def instant(clock: HandClock, days: float = 0) -> str:
    return (clock.now() + days * DAY).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture
async def told(operator: Caller, merchant: Merchant, opening_clock: HandClock) -> dict[str, str]:
    """100 today, 20 tomorrow, 3 the day after for today; the instants of the first three days."""
    days = {"before": instant(opening_clock)}
    bank = typeid("acc", account_id(PLATFORM, chart.bank_code("INR")))
    body = {
        "debit_account_id": bank,
        "credit_account_id": payable(merchant),
        "amount": 100,
        "currency": "INR",
    }
    opening_clock.advance(timedelta(hours=1))
    for number, (amount, back) in enumerate(((100, None), (20, None), (3, 2)), 1):
        days[f"day {number}"] = instant(opening_clock)
        more: dict[str, Any] = {"amount": amount}
        if back:
            more["effective_at"] = instant(opening_clock, -back)
        answer = await operator.post("/api/v1/transfers", body | more)
        assert answer.status == 201, answer.raw
        opening_clock.advance(DAY)
    days["after"] = instant(opening_clock)
    return days


async def test_a_balance_is_told_now_then_and_by_value_date(
    seller: Caller, merchant: Merchant, told: dict[str, str]
) -> None:
    one = f"{PATH}/{payable(merchant)}/balance"

    async def balance(query: str = "") -> int:
        answer = await seller.get(f"{one}?{query}")
        assert answer.status == 200, answer.raw
        return int(answer.json["balance"])

    at = [await balance(f"at={told[day]}") for day in ("before", "day 1", "day 2", "day 3")]
    by_value = [
        await balance(f"effective_at={told[day]}") for day in ("before", "day 1", "day 2", "day 3")
    ]
    then = await balance(f"effective_at={told['day 1']}&at={told['day 2']}")

    assert at == [0, 100, 120, 123]
    assert by_value == [0, 103, 123, 123]
    assert then == 100
    assert await balance() == 123


async def test_what_is_promised_is_told_with_it(
    seller: Caller, merchant: Merchant, told: dict[str, str]
) -> None:
    one = f"{PATH}/{payable(merchant)}/balance"
    then = (await seller.get(f"{one}?at={told['day 2']}")).json
    by_value = (await seller.get(f"{one}?effective_at={told['day 2']}")).json

    assert (then["available"], then["pending_in"], then["pending_out"]) == (120, 0, 0)
    assert then["version"] == 2
    assert by_value["available"] is None


async def test_lines_come_newest_first_if_asked(
    seller: Caller, merchant: Merchant, told: dict[str, str]
) -> None:
    path = f"{PATH}/{payable(merchant)}/entries"
    first = (await seller.get(f"{path}?order=desc&limit=2")).json
    rest = (await seller.get(f"{path}?order=desc&limit=2&cursor={first['next_cursor']}")).json
    forward = (await seller.get(path)).json["data"]

    assert [*first["data"], *rest["data"]] == forward[::-1]
    assert rest["next_cursor"] is None
    assert forward[2]["effective_at"] == told["day 1"]
    other_way = await seller.get(f"{path}?order=asc&cursor={first['next_cursor']}")
    assert other_way.code == "invalid_cursor"


class TestStatements:
    async def test_it_leads_from_opening_to_closing(
        self, seller: Caller, merchant: Merchant, told: dict[str, str]
    ) -> None:
        path = f"{PATH}/{payable(merchant)}/statement"
        query = f"from={told['day 2']}&to={told['after']}"
        found = (await seller.get(f"{path}?{query}")).json

        assert (found["opening_balance"], found["closing_balance"]) == (100, 123)
        assert (found["total_credits"], found["total_debits"], found["lines"]) == (23, 0, 2)
        assert [line["balance_after"] for line in found["data"]] == [120, 123]
        assert (found["from"], found["to"]) == (told["day 2"], told["after"])

    async def test_by_value_date_a_line_stands_where_it_counts(
        self, seller: Caller, merchant: Merchant, told: dict[str, str]
    ) -> None:
        path = f"{PATH}/{payable(merchant)}/statement"
        query = f"basis=value_date&from={told['before']}&to={told['after']}"
        page: dict[str, Any] = {}
        lines, cursor, pages = [], None, 0
        while pages == 0 or cursor:
            after = f"&cursor={cursor}" if cursor else ""
            page = (await seller.get(f"{path}?{query}&limit=1{after}")).json
            lines += page["data"]
            cursor, pages = page["next_cursor"], pages + 1

        assert pages == 3
        assert [line["amount"] for line in lines] == [100, 3, 20]
        assert [line["balance_after"] for line in lines] == [100, 103, 123]
        assert (page["opening_balance"], page["closing_balance"]) == (0, 123)

    async def test_days_are_taken_as_well(self, seller: Caller, merchant: Merchant) -> None:
        path = f"{PATH}/{payable(merchant)}/statement"
        found = await seller.get(f"{path}?from=2026-01-01&to=2027-01-01")

        assert found.json["from"] == "2026-01-01T00:00:00Z"

    @pytest.mark.parametrize(
        "query",
        ["", "from=2026-01-01", "from=2026-01-02&to=2026-01-01", "from=2026-01-01&to=2026-01-01",
         "from=2026-02-30&to=2026-03-01", "from=yesterday&to=today", "from=1&to=2",
         "from=2026-01-01&to=2026-02-01&basis=cash", "from=2026-01-01T00:00:00&to=2026-03-01",
         "from=2026-01-01&to=2026-02-01&cursor=x", "from=0001-01-01&to=9999-12-31"],
    )  # fmt: skip
    async def test_a_period_that_cannot_be_is_refused(
        self, seller: Caller, merchant: Merchant, query: str
    ) -> None:
        answer = await seller.get(f"{PATH}/{payable(merchant)}/statement?{query}")

        assert answer.status == 422
        assert answer.code in ("invalid_fields", "invalid_cursor")

    async def test_a_cursor_of_one_period_opens_no_other(
        self, seller: Caller, merchant: Merchant, told: dict[str, str]
    ) -> None:
        path = f"{PATH}/{payable(merchant)}/statement"
        first = (await seller.get(f"{path}?from={told['before']}&to={told['after']}&limit=1")).json
        cursor = first["next_cursor"]

        answer = await seller.get(f"{path}?from={told['day 1']}&to={told['after']}&cursor={cursor}")

        assert answer.code == "invalid_cursor"


async def test_the_past_of_others_is_not_there(app: Any, seller: Caller, operator: Caller) -> None:
    other = await app.merchants.onboard("Other", None, ["INR"], FeePlan())
    await fund(operator, other, 10)
    one = f"{PATH}/{payable(other)}"
    for path in (f"{one}/balance", f"{one}/statement?from=2026-01-01&to=2027-01-01"):
        assert (await seller.get(path)).code == "account_not_found"
        assert (await operator.get(path)).status == 200


class TestChanges:
    async def test_both_lines_of_every_transfer_add_up_to_zero(
        self, operator: Caller, seller: Caller, merchant: Merchant
    ) -> None:
        await fund(operator, merchant, 700)
        (line,) = (await seller.get(f"{PATH}/{payable(merchant)}/entries")).json["data"]
        path = f"/api/v1/changes/{line['transaction_id']}"
        whole, own = (await operator.get(path)).json, (await seller.get(path)).json

        assert [e["entry_type"] for e in whole["entries"]] == ["DEBIT", "CREDIT"]
        assert sum(entry["amount"] for entry in whole["entries"]) == 0
        assert own["entries"] == [line]

    async def test_what_is_not_there_or_anothers_is_not_found(
        self, app: Any, operator: Caller, seller: Caller
    ) -> None:
        other = await app.merchants.onboard("Other", None, ["INR"], FeePlan())
        await fund(operator, other, 10)
        (line,) = (await operator.get(f"{PATH}/{payable(other)}/entries")).json["data"]

        for text in (line["transaction_id"], f"chg_{'0' * 26}", "chg_x", "x"):
            assert (await seller.get(f"/api/v1/changes/{text}")).code == "change_not_found"


class TestTrialBalance:
    path = "/api/v1/trial-balance"

    async def test_it_is_balanced_now_and_then(
        self, operator: Caller, told: dict[str, str]
    ) -> None:
        for query in ("", f"at={told['day 2']}", f"effective_at={told['day 2']}", "currency=INR"):
            found = (await operator.get(f"{self.path}?{query}")).json
            (rupees,) = found["currencies"]
            assert found["balanced"] is True
            assert rupees["debit"] == rupees["credit"] > 0
            assert sum(line["debit"] for line in rupees["lines"]) == rupees["debit"]
            assert sum(each["credit"] for each in rupees["classes"]) == rupees["credit"]

    async def test_before_anything_moved_it_is_empty(self, operator: Caller) -> None:
        found = (await operator.get(f"{self.path}?at=2020-01-01T00:00:00Z")).json

        assert found["currencies"] == []

    async def test_merchants_do_not_see_it(self, seller: Caller) -> None:
        assert (await seller.get(self.path)).code == "permission_denied"

    @pytest.mark.parametrize("query", ["at=x", "at=2026-13-01T00:00:00Z", "currency=XXX", "at="])
    async def test_what_cannot_be_asked_is_refused(self, operator: Caller, query: str) -> None:
        assert (await operator.get(f"{self.path}?{query}")).code == "invalid_fields"
