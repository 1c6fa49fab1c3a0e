"""A house whose webhook has terms of its own, served for one test."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from tallystick.app import App, open_app
from tallystick.platform.clock import HandClock
from tallystick.platform.postgres.address import Address
from tallystick.platform.settings import Settings, load_settings, secret
from tests.servers.http_client import Answer, Caller, Client
from tests.servers.served import served

PATH = "/api/v1/payments/webhook"


def report(**changes: Any) -> dict[str, Any]:
    """A report of a payment on the test clock's day; a change to None leaves the field out."""
    body = {
        "reference_number": "PAY-2026-001",
        "loan_account_number": "LA123456789",
        "cif": "CIF123456",
        "amount": 1000.50,
        "payment_date": "2026-03-01T10:30:00Z",
        "payment_channel": "online_banking",
        "metadata": {"transaction_id": "TXN-001", "bank_code": "VCB"},
    }
    return {field: value for field, value in (body | changes).items() if value is not None}


def sign(raw: bytes, key: str) -> str:
    return f"sha256={hmac.new(key.encode(), raw, hashlib.sha256).hexdigest()}"


@dataclass(frozen=True)
class Bank:
    """A sender of reports, and the house it sends them to."""

    app: App
    client: Client
    key: str

    async def send(
        self,
        body: object = None,
        channel: str = "",
        key: str | None = None,
        header: str = "x-signature",
        **headers: str,
    ) -> Answer:
        """A report, signed; `channel` goes behind the address."""
        raw = body if isinstance(body, bytes) else json.dumps(body or report()).encode()
        signed = {header: sign(raw, key or self.key), "content-type": "application/json"}
        said = signed | {name.replace("_", "-"): value for name, value in headers.items()}
        path = f"{PATH}/{channel}" if channel else PATH
        return await self.client.send("POST", path, said, raw)

    async def operator(self) -> Caller:
        _, key = await self.app.keys.create(None, "operator")
        return Caller(self.client, key)


Houses = Callable[..., AbstractAsyncContextManager[Bank]]


@pytest.fixture
def house(settings: Settings, address: Address, clock: HandClock) -> Houses:
    """Opens the house with these settings: document 000's, by their names in lower case."""

    @asynccontextmanager
    async def opened(**changes: Any) -> AsyncIterator[Bank]:
        kept = settings.model_dump(include={"tallystick_home", "db_request_acquire_timeout"})
        kept |= {
            name: secret(getattr(settings, name))
            for name in ("key_pepper", "master_key", "webhook_auth_secret")
        }
        chosen = {**kept, "db_pool_min": 0, "sandbox_port": 1, "port": 0, **changes}
        own = load_settings(env_file=None, **chosen)
        async with (
            open_app(own, address=address, clock=clock) as app,
            served(app) as client,
        ):
            yield Bank(app, client, secret(own.webhook_auth_secret))

    return opened
