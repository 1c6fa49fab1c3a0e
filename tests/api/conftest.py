"""The door, really served: uvicorn on a port of its own, and callers who speak HTTP."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tallystick.api import create_api
from tallystick.api.gate import Gate
from tallystick.api.server import ClosingServer
from tallystick.app import App, open_app
from tallystick.identity import FeePlan, Merchant
from tallystick.platform.clock import HandClock
from tallystick.platform.listening import listening_socket
from tallystick.platform.secrets_file import keep_secrets
from tallystick.platform.settings import Settings, load_settings
from tallystick.sandbox import Pace, serve_sandbox
from tests.api.truth import Truth
from tests.servers.keeper import Server
from tests.servers.postgres import cloned_database


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.raw)

    @property
    def code(self) -> str:
        assert self.headers["content-type"] == "application/problem+json", self.raw
        return str(self.json["code"])


@dataclass(frozen=True)
class Caller:
    """Somebody with an API key, or with none."""

    session: aiohttp.ClientSession
    base_url: str
    truth: Truth
    key: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.send("GET", path, None, headers)

    async def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        """`body` as JSON, or as it is when it is bytes. Header names with `_` for `-`."""
        raw = body if isinstance(body, bytes) or body is None else _json(body)
        kind = {} if raw is None else {"Content-Type": "application/json"}
        return await self.send("POST", path, raw, kind | headers)

    async def send(
        self, method: str, path: str, body: Any, headers: dict[str, str] | None = None
    ) -> Answer:
        said = self.headers | {
            name.replace("_", "-"): value for name, value in (headers or {}).items()
        }
        if self.key is not None:
            said = {"Authorization": f"Bearer {self.key}"} | said
        url = self.base_url + path
        async with self.session.request(method, url, data=body, headers=said) as answer:
            raw = await answer.read()
            found = {name.lower(): value for name, value in answer.headers.items()}
            self.truth.check(method, path, answer.status, found, raw)
            return Answer(answer.status, found, raw)


@pytest.fixture(scope="module")
def opening_clock() -> HandClock:
    """The house's clock, and the banks'."""
    return HandClock(datetime(2026, 3, 2, 9, 30, tzinfo=UTC))


@pytest.fixture(scope="module")
async def app(
    server: Server, tmp_path_factory: pytest.TempPathFactory, opening_clock: HandClock
) -> AsyncIterator[App]:
    """The whole house, one for a file of tests: each of them brings a merchant of its own."""
    folder = tmp_path_factory.mktemp("house")
    now = opening_clock.now
    async with (
        cloned_database(server) as name,
        serve_sandbox(folder, pace=Pace(calm=True), durable=False, now=now) as sandbox,
        open_app(
            _settings(folder, sandbox.port),
            address=server.login.in_database(name),
            clock=opening_clock,
        ) as app,
    ):
        yield app


def _settings(folder: Path, sandbox_port: int) -> Settings:
    with pytest.MonkeyPatch.context() as shell:
        for name, field_ in Settings.model_fields.items():
            shell.delenv(str(field_.validation_alias or name).upper(), raising=False)
        chosen = load_settings(
            env_file=None,
            tallystick_home=folder,
            db_pool_min=0,
            db_request_acquire_timeout=2_000,  # the test machine may be busy
            sandbox_port=sandbox_port,
        )
    return keep_secrets(chosen)


@pytest.fixture(scope="module")
def door(app: App) -> Gate:
    return create_api(app)


@pytest.fixture(scope="module")
async def base_url(door: Gate) -> AsyncIterator[str]:
    """Where the door is served."""
    listener = listening_socket("127.0.0.1", 0)
    port = listener.getsockname()[1]
    server = ClosingServer(door, drain_s=0)
    serving = asyncio.create_task(server.serve([listener]))
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.close()
        await serving


@pytest.fixture(scope="session")
def truths() -> list[Truth]:
    """The OpenAPI document, asked for once: every house writes the same, and takes 0.5 s."""
    return []


@pytest.fixture(scope="module")
async def anybody(base_url: str, truths: list[Truth]) -> AsyncIterator[Caller]:
    """A caller without a key. Whatever a caller is answered must be in the OpenAPI document."""
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        if not truths:
            async with session.get(f"{base_url}/openapi.json") as answer:
                truths.append(Truth(await answer.json()))
        yield Caller(session, base_url, truths[0])


@pytest.fixture
async def merchant(app: App) -> Merchant:
    """A merchant that nobody has seen before."""
    external_id = f"merchant_{secrets.token_hex(8)}"
    return await app.merchants.onboard("Chai & Sons", external_id, ["INR"], FeePlan(300))


@pytest.fixture
async def seller(app: App, anybody: Caller, merchant: Merchant) -> Caller:
    """The merchant's till."""
    _, key = await app.keys.create(merchant.id, "till")
    return replace(anybody, key=key)


@pytest.fixture(scope="module")
async def operator(app: App, anybody: Caller) -> Caller:
    """The platform's operator."""
    _, key = await app.keys.create(None, "operator")
    return replace(anybody, key=key)


def _json(body: Any) -> bytes:
    return json.dumps(body).encode()
