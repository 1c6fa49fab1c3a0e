"""A small HTTP/1.1 client that shows the bytes as they came and says when no answer came.

Libraries repeat some requests by themselves when a connection breaks; these tests must know.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from msgspec import Struct

_HEADERS_END = b"\r\n\r\n"


class Unanswered(Exception):
    """The connection ended, or never came about: the request may have had its effect."""


class Answer(Struct, frozen=True):
    """What came back, to the byte."""

    status: int
    headers: Mapping[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.raw)

    @property
    def code(self) -> str:
        """The code of a problem (RFC 9457)."""
        assert self.headers.get("content-type") == "application/problem+json", self.raw
        return str(self.json["code"])

    @property
    def replayed(self) -> bool:
        return self.headers.get("idempotency-replayed") == "true"


class _Connection(asyncio.Protocol):
    """One connection: one request at a time, and the bytes of its answer."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Answer] | None = None
        self._received = bytearray()

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        answer = _read(self._received)
        if answer is not None and self._answer is not None:
            self._received.clear()
            self._answer.set_result(answer)
            self._answer = None

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._answer is not None:
            self._answer.set_exception(Unanswered(f"the connection ended: {exc!r}"))
            self._answer = None

    async def exchange(self, request: bytes) -> Answer:
        if self._transport is None:
            raise Unanswered("the connection has ended")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def cut(self) -> None:
        if self._transport is not None:
            self._answer = None
            self._transport.abort()


@dataclass(eq=False)
class Client:
    """One server's address, and the connections to it that are idle."""

    port: int
    host: str = "127.0.0.1"
    _idle: list[_Connection] = field(default_factory=list, repr=False)

    async def send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Answer:
        """One request on a connection of its own. Raises Unanswered; never asks twice."""
        connection = self._take() or await self._connect()
        try:
            answer = await connection.exchange(self._written(method, path, headers, body))
        except BaseException:
            connection.cut()
            raise
        if answer.headers.get("connection") == "close":
            connection.cut()
        else:
            self._idle.append(connection)
        return answer

    async def warm(self, connections: int) -> None:
        """Have this many connections idle, so that the next requests leave at one moment."""
        self._idle = [connection for connection in self._idle if connection.is_open]
        missing = range(connections - len(self._idle))
        self._idle += await asyncio.gather(*[self._connect() for _ in missing])

    def close(self) -> None:
        """End the idle connections."""
        while self._idle:
            self._idle.pop().cut()

    def _take(self) -> _Connection | None:
        """An idle connection that the server has not ended, as far as we have heard."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                return connection
        return None

    async def _connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_connection(_Connection, self.host, self.port)
        except OSError as error:
            raise Unanswered(f"no connection: {error!r}") from error
        return connection

    def _written(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None
    ) -> bytes:
        lines = [f"{method} {path} HTTP/1.1", f"host: {self.host}:{self.port}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if body is not None:
            lines.append(f"content-length: {len(body)}")
        return "\r\n".join(lines).encode() + _HEADERS_END + (body or b"")


def _read(received: bytearray) -> Answer | None:
    """The answer, once it is complete."""
    head, found, rest = received.partition(_HEADERS_END)
    if not found:
        return None
    status_line, *lines = head.decode("latin-1").split("\r\n")
    named = (line.partition(":") for line in lines)
    headers = {name.lower(): value.strip() for name, _, value in named}
    if len(rest) < int(headers["content-length"]):
        return None
    return Answer(int(status_line.split(" ", 2)[1]), headers, bytes(rest))


@dataclass(frozen=True)
class Caller:
    """Somebody with an API key, or with none, at one or several servers of the same API."""

    client: Client
    api_key: str | None = None

    async def get(self, path: str) -> Answer:
        return await self.client.send("GET", path, self._headers())

    async def post(
        self, path: str, body: object = None, key: str | None = None, **headers: str
    ) -> Answer:
        """`body` as JSON, or as it is when it is bytes; `key` is the Idempotency-Key.

        Further headers with `_` for `-`.
        """
        raw = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
        said = self._headers() | {"content-type": "application/json"}
        if key is not None:
            said["idempotency-key"] = key
        said |= {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.send("POST", path, said, raw)

    def _headers(self) -> dict[str, str]:
        return {} if self.api_key is None else {"authorization": f"Bearer {self.api_key}"}
