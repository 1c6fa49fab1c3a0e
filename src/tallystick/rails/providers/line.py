"""A line to a provider: one JSON exchange with a time limit and a byte cap.

A reply is read as it comes, never inflated, never followed elsewhere, and parsed strictly: a name
said twice, NaN, or a tower of brackets is no answer. What goes wrong is told in two ways, because
they differ by money: `Unreached`, the order surely never left, and `Lost`, nobody knows.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import NoReturn

import aiohttp
import msgspec

REPLY_LIMIT_BYTES = 65_536
_CONNECT_S = 2.0
_IDLE_S = 15.0  # less than any provider keeps an idle connection
_CONNECTIONS = 1_024


class Unreached(Exception):
    """No connection could be made, so nothing was sent."""


class Lost(Exception):
    """The order may have arrived; `reason` is a short word of our own."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Reply:
    """A complete JSON reply of any status."""

    status_code: int
    content: object


@asynccontextmanager
async def open_session() -> AsyncIterator[aiohttp.ClientSession]:
    """The one pool of connections all lines share."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=_CONNECTIONS, keepalive_timeout=_IDLE_S),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        headers={"accept": "application/json", "accept-encoding": "identity"},
        # The exchange as a whole is timed by `Line`; here only the making of a connection.
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_S),
    ) as session:
        yield session


@dataclass(frozen=True)
class Line:
    """Exchanges with one provider under `base_url`, each within `timeout_ms`."""

    session: aiohttp.ClientSession
    base_url: str
    timeout_ms: int

    async def post(self, path: str, body: dict[str, object]) -> Reply:
        """Ask for something. Raises Unreached, Lost."""
        return await self._exchange("POST", path, msgspec.json.encode(body))

    async def get(self, path: str) -> Reply:
        """Look something up. Raises Unreached, Lost."""
        return await self._exchange("GET", path, None)

    async def _exchange(self, method: str, path: str, body: bytes | None) -> Reply:
        try:
            async with asyncio.timeout(self.timeout_ms / 1000):
                return await self._ask(method, path, body)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Unreached from error
        except TimeoutError as error:
            raise Lost("timed_out") from error
        except Lost:
            raise
        except Exception as error:
            raise Lost(f"broken: {type(error).__name__}") from error

    async def _ask(self, method: str, path: str, body: bytes | None) -> Reply:
        headers = {"request-timeout-ms": str(self.timeout_ms)}
        if body is not None:
            headers["content-type"] = "application/json"
        async with self.session.request(
            method, self.base_url + path, data=body, headers=headers, allow_redirects=False
        ) as response:
            if response.headers.get("content-encoding", "identity") != "identity":
                raise Lost("encoded_reply")
            if response.content_type != "application/json":
                raise Lost(f"not_json: {response.status}")
            return Reply(response.status, parse(await _read(response)))


async def _read(response: aiohttp.ClientResponse) -> bytes:
    received = bytearray()
    async for chunk in response.content.iter_any():
        received += chunk
        if len(received) > REPLY_LIMIT_BYTES:
            raise Lost("reply_too_large")
    return bytes(received)


def parse(raw: bytes) -> object:
    """JSON read strictly. Raises Lost."""
    try:
        return json.loads(
            raw.decode(), object_pairs_hook=_no_name_twice, parse_constant=_no_constant
        )
    except (ValueError, RecursionError) as error:
        raise Lost("malformed_json") from error


def _no_name_twice(pairs: list[tuple[str, object]]) -> dict[str, object]:
    read = dict(pairs)
    if len(read) != len(pairs):
        raise ValueError("a name stands twice")
    return read


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
