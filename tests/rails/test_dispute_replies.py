"""A bank's word about disputes is believed only when it is complete and about what was asked."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tallystick.rails import NotFound, Rails, Route, Unanswered
from tallystick.rails import disputes as bank
from tests.rails.hostile_bank import hostile_bank, http, says
from tests.rails.replies import ODD_REPLIES

pytestmark = pytest.mark.anyio

DISPUTE: Mapping[str, Any] = {
    "id": "hdfc_dp_1",
    "place": 1,
    "authorization_reference": "pay_1-a1",
    "amount": 1_000,
    "currency": "INR",
    "reason": "fraudulent",
    "status": "needs_response",
    "opened_at": "2026-03-02T09:30:00Z",
    "evidence_due_by": "2026-03-09T09:30:00Z",
}
ODD_FIELDS: tuple[Mapping[str, Any], ...] = (
    {"id": "hdfc_dp_2"},
    {"id": "x y"},
    {"id": None},
    {"place": 0},
    {"place": "1"},
    {"amount": 0},
    {"amount": -1},
    {"amount": 10.5},
    {"amount": 10**15 + 1},
    {"currency": "rupee"},
    {"status": "settled"},
    {"status": None},
    {"opened_at": "yesterday"},
    {"evidence_due_by": "2026-03-09T09:30:00"},  # of which zone?
    {"authorization_reference": "<script>"},
    {"reason": "x" * 129},
)


def route(url: str) -> Route:
    return Route(
        name="hdfc",
        provider="hdfc_bank",
        base_url=url,
        priority=1,
        max_amount_minor={"INR": 100_000},
        fee_bp=50,
    )


async def asked(raw: bytes, ask: Callable[[Rails], Any]) -> Any:
    async with (
        hostile_bank(says(raw)) as url,
        Rails.open([route(url)], timeout_ms=2_000) as rails,
    ):
        return await ask(rails)


def find(rails: Rails) -> Any:
    return rails.find_dispute("hdfc", "hdfc_dp_1")


def listed(rails: Rails) -> Any:
    return rails.list_disputes("hdfc", 0)


def accept(rails: Rails) -> Any:
    return rails.answer_dispute(bank.Acceptance(route="hdfc", dispute_id="hdfc_dp_1"))


def reply(content: object, status: str = "200 OK") -> bytes:
    return http(json.dumps(content).encode(), status)


async def test_a_sound_reply_is_believed() -> None:
    (told,) = await asked(reply({"disputes": [DISPUTE]}), listed)

    assert (told.dispute_id, told.place) == ("hdfc_dp_1", 1)
    assert (told.amount_minor, told.status) == (1_000, "needs_response")
    for ask in (find, accept):
        assert await asked(reply(DISPUTE), ask) == told


@pytest.mark.parametrize("odd", ODD_FIELDS, ids=str)
async def test_an_odd_dispute_is_no_answer(odd: Mapping[str, Any]) -> None:
    for ask in (find, accept):
        assert isinstance(await asked(reply({**DISPUTE, **odd}), ask), Unanswered)


@pytest.mark.parametrize(
    "page",
    [
        {},
        {"disputes": None},
        {"disputes": [{**DISPUTE, "place": 2}, DISPUTE]},
        {"disputes": [DISPUTE, DISPUTE]},
        {"disputes": [DISPUTE, {**DISPUTE, "amount": 0}]},
        {"disputes": [{**DISPUTE, "place": place} for place in range(1, 102)]},
        [DISPUTE],
    ],
    ids=["nothing", "null", "disorder", "twice", "half odd", "too many", "a list"],
)
async def test_an_odd_page_is_no_answer(page: object) -> None:
    assert isinstance(await asked(reply(page), listed), Unanswered)


@pytest.mark.parametrize("name", ODD_REPLIES)
async def test_no_odd_reply_is_an_answer(name: str) -> None:
    for ask in (find, listed, accept):
        seen = await asked(ODD_REPLIES[name], ask)
        assert isinstance(seen, Unanswered | NotFound), name


async def test_a_bank_that_knows_it_not_says_so() -> None:
    raw = reply({"error": {"code": "unknown_dispute", "message": "none"}}, "404 Not Found")

    assert isinstance(await asked(raw, find), NotFound)


async def test_a_refused_answer_makes_us_ask_how_it_stands() -> None:
    closed = {"error": {"code": "dispute_closed", "message": "late"}}
    said = iter([reply(closed, "409 Conflict"), reply({**DISPUTE, "status": "lost"})])

    async def bank_says(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(next(said))
        await writer.drain()

    async with (
        hostile_bank(bank_says) as url,
        Rails.open([route(url)], timeout_ms=2_000) as rails,
    ):
        seen = await accept(rails)

    assert isinstance(seen, bank.Dispute)
    assert seen.status == "lost"
