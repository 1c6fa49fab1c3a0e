"""The gate alone, over applications of a few lines."""

import asyncio
import json

import pytest

from tallystick.api.gate import Gate
from tallystick.api.readiness import Readiness
from tallystick.api.request_metrics import request_metrics

pytestmark = pytest.mark.anyio


async def test_a_request_that_takes_too_long_is_504() -> None:
    async def sleeper(scope: object, receive: object, send: object) -> None:
        await asyncio.sleep(10)

    status, body = await ask(gate_over(sleeper, request_timeout_ms=20))
    assert (status, body["code"]) == (504, "timed_out")


async def test_what_breaks_inside_says_nothing_of_it() -> None:
    async def breaks(scope: object, receive: object, send: object) -> None:
        raise RuntimeError("secret words")

    status, body = await ask(gate_over(breaks))
    assert (status, body["code"]) == (500, "internal_error")
    assert "secret" not in str(body)


async def test_a_full_house_turns_away_at_once_and_stays_alive(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tallystick.api.gate.INSIDE_MAX", 2)
    leave = asyncio.Event()

    async def waits(scope: object, receive: object, send: object) -> None:
        await leave.wait()

    gate = gate_over(waits)
    inside = [asyncio.create_task(ask(gate)) for _ in range(2)]
    await asyncio.sleep(0)
    status, body = await ask(gate)
    alive = asyncio.create_task(ask(gate, "/health"))
    await asyncio.sleep(0.01)

    assert (status, body["code"]) == (503, "overloaded")
    assert not alive.done(), "health is let in"
    leave.set()
    await asyncio.gather(*inside, alive)


def gate_over(inner: object, *, request_timeout_ms: int = 1_000) -> Gate:
    return Gate(
        inner,  # type: ignore[arg-type]
        request_metrics(),
        Readiness(),
        body_limit_bytes=100,
        body_limits_by_path={},
        always_answered=["/health"],
        request_timeout_ms=request_timeout_ms,
        log_requests=True,
    )


async def ask(gate: Gate, path: str = "/") -> tuple[int, dict[str, object]]:
    """One GET, straight to the application; nothing sent is status 0."""
    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": path, "headers": []}
    await gate(scope, receive, send)  # type: ignore[arg-type]
    if not sent:
        return 0, {}
    return sent[0]["status"], json.loads(sent[1]["body"])  # type: ignore[return-value,arg-type]
