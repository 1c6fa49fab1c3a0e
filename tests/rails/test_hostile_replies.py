"""Whatever a bank replies, an order is called done or declined only when that is sure."""

import asyncio
import time
import tracemalloc

import pytest

from tallystick.rails import (
    Approved,
    AuthorizeOrder,
    Declined,
    NotFound,
    Outcome,
    Pending,
    Rails,
    Route,
    Unanswered,
)
from tests.rails.hostile_bank import Answer, hostile_bank, http, says, silence
from tests.rails.replies import BUSY, DECLINED, ODD_REPLIES, OPERATION, encoded

pytestmark = pytest.mark.anyio

ORDER = AuthorizeOrder(
    route="hdfc", reference="pay_1-a1", amount_minor=1_000, currency="INR", token="tok_secret_17"
)


async def ask(answer: Answer, order: AuthorizeOrder = ORDER, timeout_ms: int = 5_000) -> Outcome:
    async with (
        hostile_bank(answer) as url,
        Rails.open([_route(url)], timeout_ms=timeout_ms) as rails,
    ):
        return await rails.authorize(order)


async def look_up(answer: Answer) -> Outcome:
    async with hostile_bank(answer) as url, Rails.open([_route(url)], timeout_ms=2_000) as rails:
        return await rails.find("hdfc", "pay_1-a1")


def _route(url: str) -> Route:
    return Route(
        name="hdfc",
        provider="hdfc_bank",
        base_url=url,
        priority=1,
        max_amount_minor={"INR": 1_000_00},
        fee_bp=50,
    )


def test_there_are_a_hundred_of_them() -> None:
    assert len(ODD_REPLIES) >= 100


@pytest.mark.parametrize("name", ODD_REPLIES)
async def test_an_odd_reply_is_no_answer(name: str) -> None:
    outcome = await ask(says(ODD_REPLIES[name]))

    assert isinstance(outcome, Unanswered), name
    assert "tok_secret_17" not in repr(outcome)


# Their oddity is one only against the order that was asked, or only where a verdict is given.
_FINE_FOR_A_LOOK_UP = (
    "amount",
    "currency",
    "kind",
    "'declined'",
    "'pending'",
    "200 with a decline",
)


@pytest.mark.parametrize("name", ODD_REPLIES)
async def test_a_look_up_believes_an_odd_reply_no_more(name: str) -> None:
    outcome = await look_up(says(ODD_REPLIES[name]))

    if name == "404":
        assert outcome == NotFound()
    elif not any(word in name for word in _FINE_FOR_A_LOOK_UP):
        assert isinstance(outcome, Unanswered), name


@pytest.mark.parametrize(
    ("status", "content", "outcome"),
    [
        ("200 OK", OPERATION, Approved("hdfc_1")),
        ("200 OK", OPERATION | {"new_field": {"of": "theirs"}}, Approved("hdfc_1")),
        (
            "402 Declined",
            DECLINED,
            Declined("insufficient_funds", retryable=False, provider_code="insufficient_funds"),
        ),
        ("202 Accepted", OPERATION | {"status": "pending"}, Pending()),
        (
            "429 Busy",
            BUSY,
            Declined("route_busy", retryable=True, provider_code="rate_limited"),
        ),
    ],
)
async def test_a_proper_reply_is_believed(status: str, content: object, outcome: Outcome) -> None:
    assert await ask(says(http(encoded(content), status))) == outcome


async def test_too_many_requests_proves_nothing_about_an_earlier_ask() -> None:
    again = AuthorizeOrder(
        route="hdfc",
        reference="pay_1-a1",
        amount_minor=1_000,
        currency="INR",
        token="tok_visa",
        asked_before=True,
    )

    assert isinstance(await ask(says(http(encoded(BUSY), "429 Busy")), again), Unanswered)


async def test_a_bank_that_never_answers_is_left_at_the_limit() -> None:
    started = time.monotonic()

    assert await ask(silence, timeout_ms=100) == Unanswered("timed_out")
    assert 0.1 <= time.monotonic() - started < 3


async def test_a_bank_that_drips_is_left_at_the_limit() -> None:
    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for byte in http(encoded(OPERATION)):
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.01)

    assert await ask(drip, timeout_ms=100) == Unanswered("timed_out")


async def test_an_endless_reply_is_cut_at_the_cap() -> None:
    sent = 0

    async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(http(b"", "200 OK").replace(b"content-length: 0\r\n", b""))
        while True:
            writer.write(b" " * 16_384)
            await writer.drain()
            sent += 16_384

    tracemalloc.start()
    try:
        assert await ask(flood) == Unanswered("reply_too_large")
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sent < 50_000_000
    assert peak_bytes < 20_000_000


async def test_a_bank_that_cannot_be_reached_has_surely_done_nothing() -> None:
    async with hostile_bank(says(b"")) as url:
        pass  # nobody listens there any more
    refused = Declined("route_unavailable", retryable=True, provider_code="connect_failed")
    again = AuthorizeOrder(
        route="hdfc",
        reference="pay_1-a1",
        amount_minor=1,
        currency="INR",
        token="tok_visa",
        asked_before=True,
    )

    async with Rails.open([_route(url)], timeout_ms=2_000) as rails:
        assert await rails.authorize(ORDER) == refused
        assert await rails.authorize(again) == Unanswered("connect_failed")
        assert await rails.find("hdfc", "pay_1-a1") == Unanswered("connect_failed")


async def test_a_caller_who_leaves_is_let_go() -> None:
    async with hostile_bank(silence) as url, Rails.open([_route(url)], timeout_ms=5_000) as rails:
        asking = asyncio.create_task(rails.authorize(ORDER))
        await asyncio.sleep(0.05)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
