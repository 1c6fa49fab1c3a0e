"""The connection itself: slow, broken and oversized callers; closing without anybody noticing."""

import asyncio
import json
import os
import signal
import sys

import pytest

from tallystick.api import connection
from tests.api.conftest import Caller

pytestmark = pytest.mark.anyio


async def exchange(base_url: str, *parts: bytes, pause_s: float = 0.0) -> tuple[int, bytes]:
    """Send these bytes, read until the other end closes; status 0 without an answer."""
    host, _, port = base_url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause_s)
        answer = await asyncio.wait_for(reader.read(), 5)
    except ConnectionError:
        return 0, b""
    finally:
        writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]) if head else 0, body


@pytest.mark.parametrize(
    "raw",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nBad Header: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    ],
)
async def test_what_is_not_http_is_a_problem_too(base_url: str, raw: bytes) -> None:
    status, body = await exchange(base_url, raw)

    assert status == 400
    assert json.loads(body)["code"] == "malformed_request"


@pytest.mark.parametrize(
    "parts",
    [
        [b"GET / HTTP/1.1\r\nA: " + b"a" * 20_000 + b"\r\n\r\n"],
        [b"GET / HTTP/1.1\r\n" + b"A: bbbbbbbb\r\n" * 3_000 + b"\r\n"],
        [b"GET / HTTP/1.1\r\nA: ", *[b"a" * 5_000] * 4],
    ],
)
async def test_headers_without_end_are_431(base_url: str, parts: list[bytes]) -> None:
    status, body = await exchange(base_url, *parts)

    assert status == 431
    assert json.loads(body)["code"] == "headers_too_large"


async def test_who_is_slow_with_his_headers_is_cut(
    base_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "HEADERS_S", 0.05)
    dripping = [b"GET /health HTTP/1.1\r\n", b"A: 1\r\n", b"B: 2\r\n", b"C: 3\r\n"]

    assert await exchange(base_url, *dripping, pause_s=0.03) == (0, b"")
    assert await exchange(base_url) == (0, b"")


async def test_who_is_quick_keeps_his_connection(
    anybody: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "HEADERS_S", 0.05)
    for _ in range(3):
        assert (await anybody.get("/health")).status == 200
        await asyncio.sleep(0.06)


SERVER = """
import asyncio, sys
from tallystick.api.gate import Gate
from tallystick.api.readiness import Readiness
from tallystick.api.request_metrics import request_metrics
from tallystick.api.server import ClosingServer
from tallystick.platform.listening import listening_socket
from starlette.responses import PlainTextResponse

async def slow(scope, receive, send):
    await asyncio.sleep(float(scope["query_string"] or 0))
    await PlainTextResponse("done")(scope, receive, send)

async def main():
    gate = Gate(slow, request_metrics(), Readiness(), body_limit_bytes=9, body_limits_by_path={},
                always_answered=[], request_timeout_ms=9_000, log_requests=False)
    listener = listening_socket("127.0.0.1", 0)
    print(listener.getsockname()[1], flush=True)
    await ClosingServer(gate, drain_s=0.1).serve([listener])
    print("closed", flush=True)

asyncio.run(main())
"""


class TestClosing:
    async def test_what_is_inside_is_finished_and_the_exit_is_clean(self) -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", SERVER, stdout=asyncio.subprocess.PIPE, env=dict(os.environ)
        )
        assert process.stdout
        base_url = f"http://127.0.0.1:{int(await process.stdout.readline())}"
        request = b"GET /?0.5 HTTP/1.1\r\nHost: a\r\n\r\n"
        inside = asyncio.create_task(exchange(base_url, request))
        await asyncio.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        draining = await exchange(base_url, b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")

        assert draining == (200, b"done"), "while draining everything is still served"
        assert await inside == (200, b"done")
        assert (await process.stdout.read()).endswith(b"closed\n")
        assert await process.wait() == 0

    async def test_a_second_signal_ends_it_at_once(self) -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", SERVER, stdout=asyncio.subprocess.PIPE, env=dict(os.environ)
        )
        assert process.stdout
        base_url = f"http://127.0.0.1:{int(await process.stdout.readline())}"
        stuck = asyncio.create_task(exchange(base_url, b"GET /?8 HTTP/1.1\r\nHost: a\r\n\r\n"))
        await asyncio.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.05)
        process.send_signal(signal.SIGTERM)

        assert await asyncio.wait_for(process.wait(), 4) == 0
        await stuck
