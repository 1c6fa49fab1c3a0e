"""Alive, ready, measured."""

from dataclasses import replace

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request

from tallystick.api.gate import Gate
from tallystick.api.health import HealthRoutes
from tallystick.api.readiness import Readiness
from tallystick.app import App
from tests.api.conftest import Caller

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("path", ["/health", "/api/v1/monitoring/health"])
async def test_health_answers_as_document_000_does(anybody: Caller, path: str) -> None:
    assert (await anybody.get(path)).json == {
        "success": True,
        "data": {
            "status": "healthy",
            "checks": {
                "database": "ok",
                "redis": "disabled",
                "kafka": "disabled",
                "staging_backlog": 0,
                "last_staging_run": None,
                "books": "ok",
                "books_proved_age_seconds": 0.0,
            },
            "timestamp": "2026-03-02T09:30:00Z",
        },
    }


@pytest.mark.parametrize("path", ["/ready", "/api/v1/monitoring/ready"])
async def test_ready_says_no_while_draining_and_health_still_lives(
    anybody: Caller, door: Gate, path: str
) -> None:
    assert (await anybody.get(path)).status == 200
    door.readiness.draining = True
    try:
        answer = await anybody.get(path)
        assert (answer.status, answer.json["data"]["status"]) == (503, "draining")
        assert (await anybody.get("/health")).status == 200
    finally:
        door.readiness.draining = False


async def test_without_the_database_it_lives_and_is_not_ready(
    anybody: Caller, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tallystick.platform.postgres.pools import Database, Overloaded

    async def away(*_: object, **__: object) -> None:
        raise Overloaded("the database is away")

    monkeypatch.setattr(Database, "fetchrow", away)
    health, ready = await anybody.get("/health"), await anybody.get("/ready")

    assert (health.status, health.json["data"]["checks"]["database"]) == (200, "error")
    assert (ready.status, ready.json["data"]["status"]) == (503, "unhealthy")


async def test_a_database_that_is_away_is_503_with_retry_after(
    seller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tallystick.platform.postgres.pools import Database, Overloaded

    await seller.get("/api/v1/payments/x")  # the key is known now

    async def away(*_: object, **__: object) -> None:
        raise Overloaded("the database is away")

    monkeypatch.setattr(Database, "fetchrow", away)
    answer = await seller.get("/api/v1/accounts/acc_01kjpy44e0fh0r68j79jejabkn")

    assert (answer.status, answer.code) == (503, "overloaded")
    assert answer.headers["retry-after"] == "1"


async def test_metrics_count_by_route_and_never_by_path(anybody: Caller) -> None:
    for path in ("/api/v1/payments/a", "/api/v1/payments/b", "/nowhere/1", "/nowhere/2"):
        await anybody.get(path)
    text = (await anybody.get("/metrics")).raw.decode()
    routes = {
        line.split('route="')[1].split('"')[0] for line in text.splitlines() if "route=" in line
    }

    assert {"/api/v1/payments/{payment_id}", "unmatched"} <= routes
    assert not any("nowhere" in route or route.endswith("/a") for route in routes)


async def test_metrics_that_are_switched_off_are_not_there(app: App) -> None:
    settings = app.settings.model_copy(update={"enable_metrics": False})
    hidden = HealthRoutes(replace(app, settings=settings), Readiness())

    with pytest.raises(HTTPException) as refused:
        await hidden.metrics(Request({"type": "http"}))

    assert refused.value.status_code == 404
