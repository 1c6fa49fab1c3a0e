"""Whoever sends too much reads that he did: the answer arrives before the connection ends."""

import asyncio
import json

import pytest

from tallystick.api import lingering
from tests.api.conftest import Caller

pytestmark = pytest.mark.anyio

SIX_MB = 6_000_000
ADDRESSES = (
    "POST /api/v1/disputes/evidence",
    "POST /api/v1/payments",
    "POST /api/v1/refunds",
    "POST /payments/webhook",
    "GET /api/v1/payments/x",
    "POST /nowhere",
)
PIECE = b"x" * 65_536
CHUNK = b"10000\r\n" + PIECE + b"\r\n"


async def sent_whole(base_url: str, head: bytes, piece: bytes, count: int) -> bytes:
    """What a caller reads who sends everything first, and looks for an answer afterwards."""
    host, _, port = base_url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(head)
        for _ in range(count):
            writer.write(piece)
            await writer.drain()
        return await asyncio.wait_for(reader.read(), 5)
    finally:
        writer.close()


def head_of(address: str, caller: Caller, length: str) -> bytes:
    return (
        f"{address} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {caller.key}\r\n"
        f"Content-Type: application/json\r\n{length}\r\n\r\n"
    ).encode()


def code_of(answer: bytes) -> tuple[int, str]:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"connection: close" in head.lower(), answer
    return int(head.split()[1]), json.loads(body)["code"]


@pytest.mark.parametrize("address", ADDRESSES)
async def test_six_megabytes_announced_are_answered(
    base_url: str, seller: Caller, address: str
) -> None:
    answer = await sent_whole(
        base_url, head_of(address, seller, f"Content-Length: {SIX_MB}"), PIECE, SIX_MB // len(PIECE)
    )

    assert code_of(answer) == (413, "body_too_large")


@pytest.mark.parametrize("address", ADDRESSES[:3])  # the others say no before they read
async def test_six_megabytes_in_chunks_are_answered(
    base_url: str, seller: Caller, address: str
) -> None:
    answer = await sent_whole(
        base_url, head_of(address, seller, "Transfer-Encoding: chunked"), CHUNK, 92
    )

    assert code_of(answer) == (413, "body_too_large")


async def test_who_asks_first_is_told_before_he_sends(base_url: str, seller: Caller) -> None:
    length = f"Content-Length: {SIX_MB}\r\nExpect: 100-continue"

    answer = await sent_whole(base_url, head_of(ADDRESSES[0], seller, length), b"", 0)

    assert b"100 Continue" not in answer
    assert code_of(answer) == (413, "body_too_large")


async def test_who_sends_headers_without_end_reads_that_too(base_url: str) -> None:
    answer = await sent_whole(base_url, b"GET / HTTP/1.1\r\nA: ", PIECE, 40)

    assert code_of(answer) == (431, "headers_too_large")


@pytest.mark.parametrize("limit", ["LINGER_S", "LINGER_BYTES"])
async def test_who_never_ends_is_cut(
    base_url: str, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(lingering, limit, 0.05)
    head = b"POST /api/v1/payments HTTP/1.1\r\nHost: a\r\nContent-Length: 99000000\r\n\r\n"

    with pytest.raises(ConnectionError):
        await sent_whole(base_url, head, PIECE, 1_500)
