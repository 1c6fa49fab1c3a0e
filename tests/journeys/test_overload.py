"""No database connection to be had: told at once and plainly, while the process stays well."""

import asyncio
from contextlib import AsyncExitStack
from time import perf_counter

import pytest

from tallystick.platform.settings import Settings
from tests.servers.served import Platform

pytestmark = pytest.mark.anyio

CONNECTIONS = 2
PATIENCE_MS = 100
CALLERS = 50


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A tiny pool, and little patience with it."""
    return settings.model_copy(
        update={"db_pool_max": CONNECTIONS, "db_request_acquire_timeout": PATIENCE_MS}
    )


async def test_an_exhausted_pool_is_503_with_retry_after_and_health_stays_up(
    platform: Platform,
) -> None:
    till = platform.till
    wish = {"amount": 1_000, "currency": "INR", "payment_method": "tok_visa"}
    one = f"/api/v1/payments/{(await till.post('/api/v1/payments', wish)).json['id']}"
    async with AsyncExitStack() as everything:
        for _ in range(CONNECTIONS):
            await everything.enter_async_context(platform.app.database.reading())
        started_at_s = perf_counter()
        looks = await asyncio.gather(*[till.get(one) for _ in range(CALLERS)])
        took_s = perf_counter() - started_at_s
        verb = await till.post(f"{one}/cancel")
        health = await platform.anybody.get("/health")
        ready = await platform.anybody.get("/ready")

    for answer in (*looks, verb):
        assert (answer.status, answer.code) == (503, "overloaded")
        assert int(answer.headers["retry-after"]) >= 1
    assert took_s < 1.5, "nobody waits for the others' patience"
    assert (health.status, health.json["data"]["checks"]["database"]) == (200, "error")
    assert ready.status == 503

    assert (await till.get(one)).json["status"] == "captured"
    assert (await platform.anybody.get("/ready")).status == 200
