"""Calling the API over HTTP: one call is one wish, asked again under one key until it is answered.

Each exchange has a time limit and a byte cap.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp
import msgspec
from msgspec import Struct

EXCHANGE_S: Final = 35.0
READY_S: Final = 60.0
PAUSES_S: Final = (0.1, 0.2, 0.5, 1.0, 2.0)
BYTES_MAX: Final = 4_194_304

# The API says so when asking again under the same key makes sense.
_AGAIN: Final = frozenset({503, 504})
_AGAIN_CODES: Final = frozenset({"idempotency_key_in_use", "payment_busy"})


class ApiAway(ConnectionError):
    """Nobody answers there."""

    code = "api_away"


class ApiRefused(Exception):
    """The API says no; `code` and the message are its own."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.problem = dict(problem)
        self.code = str(problem.get("code", f"http_{status}"))
        detail = problem.get("detail") or problem.get("title") or problem.get("error") or ""
        faults = "".join(f"; {_fault(fault)}" for fault in problem.get("errors", ()))
        said = f"{detail}{faults}".removeprefix(f"{self.code}: ")
        super().__init__(f"{self.code}: {said}")


class Reply(Struct, frozen=True):
    """What was answered."""

    status: int
    body: dict[str, Any]
    replayed: bool


class ApiClient:
    """The API, called with one key. `ApiClient.open` makes one."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str, patience_s: float) -> None:
        self._session = session
        self._patience_s = patience_s
        self.base_url = base_url

    @classmethod
    @asynccontextmanager
    async def open(
        cls, base_url: str, key: str | None, *, patience_s: float = 0.0
    ) -> AsyncIterator["ApiClient"]:
        """A client for this address, with the key if there is one.

        For `patience_s` it asks again, under the same Idempotency-Key, when nobody answers or when
        the answer says so.
        """
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        timeout = aiohttp.ClientTimeout(total=EXCHANGE_S)
        async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:
            yield cls(session, base_url.rstrip("/"), patience_s)

    async def get(self, path: str) -> Reply:
        """Raises ApiRefused, ApiAway."""
        return await self._patiently("GET", path, None, {})

    async def post(
        self,
        path: str,
        body: Any,
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Ask for one thing to be done, under one Idempotency-Key. Raises ApiRefused, ApiAway."""
        content = body if isinstance(body, bytes) else msgspec.json.encode(body)
        told = {"Content-Type": "application/json", **(headers or {})}
        told["Idempotency-Key"] = key or os.urandom(12).hex()
        return await self._patiently("POST", path, content, told)

    async def _patiently(
        self, method: str, path: str, content: bytes | None, headers: Mapping[str, str]
    ) -> Reply:
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + self._patience_s
        for pause_s in _pauses():
            try:
                return await self._exchange(method, path, content, headers)
            except (ApiAway, ApiRefused) as error:
                if not _may_change(error) or loop.time() + pause_s > deadline_s:
                    raise
            await asyncio.sleep(pause_s)
        raise AssertionError("the pauses never end")

    async def _exchange(
        self, method: str, path: str, content: bytes | None, headers: Mapping[str, str]
    ) -> Reply:
        url = f"{self.base_url}{path}"
        try:
            async with self._session.request(
                method, url, data=content, headers=headers, allow_redirects=False
            ) as response:
                raw = b""
                while chunk := await response.content.read(BYTES_MAX - len(raw)):
                    raw += chunk
                replayed = response.headers.get("Idempotency-Replayed") == "true"
                status = response.status
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ApiAway(f"{self.base_url} does not answer: {_words(error)}") from error
        body = _decoded(raw)
        if status >= 400:
            raise ApiRefused(status, body)
        return Reply(status, body, replayed)


async def ask_ready(base_url: str) -> None:
    """Return when the API at this address is ready for requests."""
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + READY_S
    async with ApiClient.open(base_url, None) as api:
        while True:
            try:
                await api._exchange("GET", "/ready", None, {})  # noqa: SLF001 - our own
            except (ApiAway, ApiRefused):
                if loop.time() > deadline_s:
                    raise
                await asyncio.sleep(0.05)
            else:
                return


def _may_change(error: ApiAway | ApiRefused) -> bool:
    if isinstance(error, ApiAway):
        return True
    return error.status in _AGAIN or error.code in _AGAIN_CODES


def _pauses() -> Iterator[float]:
    yield from PAUSES_S
    while True:
        yield PAUSES_S[-1]


def _decoded(raw: bytes) -> dict[str, Any]:
    try:
        body = msgspec.json.decode(raw)
    except msgspec.DecodeError:
        body = None
    return body if isinstance(body, dict) else {"detail": raw[:200].decode(errors="replace")}


def _fault(fault: Any) -> str:
    if isinstance(fault, dict):
        return " ".join(str(fault[name]) for name in ("field", "message") if name in fault)
    return str(fault)


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__
