"""Rates of exchange over HTTP: set by operators, seen by everybody, strictly read."""

import secrets
from typing import Any

import pytest

from tallystick.platform.clock import HandClock
from tests.api.conftest import Caller
from tests.api.exchanging import EXCHANGES, PAIR, RATES, rate, set_rate

pytestmark = pytest.mark.anyio

__all__ = ["rate"]  # a fixture

NOT_A_RATE: tuple[Any, ...] = (
    *("", "-1", "+1", "1e2", ".5", "5.", "01", "1,5", "NaN", "Infinity", " 1", "1\n", "0x10"),
    *("\u0661", "1.0000000000001", "9" * 15, "1/3", 83.1, 83, None, [], {}, True),
)


class TestRates:
    async def test_are_set_and_listed(self, operator: Caller, rate: dict[str, Any]) -> None:
        assert rate["id"].startswith("rat_")
        assert (rate["rate"], rate["max_age_s"]) == ("83.1245", None)

        listed = (await operator.get(f"{RATES}?from_currency=USD&to_currency=INR&limit=1")).json
        assert listed["data"] == [rate]

    async def test_are_shown_to_merchants_and_set_by_operators(
        self, seller: Caller, rate: dict[str, Any]
    ) -> None:
        assert (await seller.get(f"{RATES}?limit=1")).json["data"] == [rate]
        answer = await seller.post(RATES, PAIR | {"rate": "1"})
        assert (answer.status, answer.code) == (403, "permission_denied")

    async def test_are_listed_by_the_page(self, operator: Caller, opening_clock: HandClock) -> None:
        for text in ("91", "92", "93"):
            await set_rate(operator, opening_clock, text, from_currency="CHF")

        first = (await operator.get(f"{RATES}?from_currency=CHF&limit=2")).json
        cursor = first["next_cursor"]
        rest = (await operator.get(f"{RATES}?from_currency=CHF&limit=2&cursor={cursor}")).json

        assert [row["rate"] for row in (*first["data"], *rest["data"])] == ["93", "92", "91"]
        assert rest["next_cursor"] is None
        answer = await operator.get(f"{EXCHANGES}?cursor={cursor}")
        assert (answer.status, answer.code) == (422, "invalid_cursor")

    async def test_a_repeat_is_answered_as_before(self, operator: Caller) -> None:
        key = secrets.token_hex(8)
        body = PAIR | {"rate": "83.1245", "valid_from": "2026-03-02T09:00:00Z", "max_age_s": 86_400}
        first = await operator.post(RATES, body, Idempotency_Key=key)
        again = await operator.post(RATES, body, Idempotency_Key=key)

        assert again.json == first.json
        assert again.headers["idempotency-replayed"] == "true"
        other = await operator.post(RATES, body | {"rate": "84"}, Idempotency_Key=key)
        assert (other.status, other.code) == (422, "idempotency_key_reused")

    @pytest.mark.parametrize(
        ("fault", "field"),
        [
            *(({"rate": text}, "rate") for text in NOT_A_RATE),
            *(({"max_age_s": age}, "max_age_s") for age in (0, -1, 31_536_001, 1.5, "60", True)),
            ({"valid_from": "yesterday"}, "valid_from"),
            ({"from_currency": "XXX"}, "from_currency"),
            ({"to_currency": "inr"}, "to_currency"),
            ({"margin": 1}, "margin"),
        ],
    )
    async def test_names_the_field_that_is_wrong(
        self, operator: Caller, fault: dict[str, Any], field: str
    ) -> None:
        answer = await operator.post(RATES, PAIR | {"rate": "83"} | fault)

        assert (answer.status, answer.code) == (422, "invalid_fields")
        assert [error["field"] for error in answer.json["errors"]] == [field]

    @pytest.mark.parametrize("text", ["0", "0.00", "123456.123456789"])
    async def test_that_cannot_be_are_refused(self, operator: Caller, text: str) -> None:
        answer = await operator.post(RATES, PAIR | {"rate": text})

        assert (answer.status, answer.code) == (422, "invalid_rate")

    async def test_need_two_currencies(self, operator: Caller) -> None:
        body = {"from_currency": "INR", "to_currency": "INR", "rate": "1"}
        answer = await operator.post(RATES, body)

        assert (answer.status, answer.code) == (422, "same_currency")
