"""The stage: a running platform with its demo merchant and the customers, for `up` and `demo`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tallystick.app import App
from tallystick.cli.api_client import ApiClient
from tallystick.cli.database import Reached, app_over
from tallystick.cli.here import Credentials, Running
from tallystick.cli.running.supervisor import Platform
from tallystick.cli.showing.demo_merchant import demo_credentials
from tallystick.cli.showing.stories import Webhook
from tallystick.platform.settings import Settings, secret

PATIENCE_S: Final = 60.0
"""How long a customer asks again, under the same key, while the API is away."""


@dataclass(frozen=True)
class Stage:
    """The house itself, to look into, and its API, to be called like anybody calls it."""

    app: App
    api: ApiClient
    home: Path
    webhook: Webhook
    credentials: Credentials | None  # None in live mode, where nobody plays


@asynccontextmanager
async def own_stage(settings: Settings, platform: Platform) -> AsyncIterator[Stage]:
    """The stage on a platform of ours, once its API answers. Raises CannotRun."""
    async with _stage(settings, platform.reached, platform.api_url, platform.sandbox_port) as stage:
        await platform.api_answers()
        yield stage


@asynccontextmanager
async def borrowed_stage(
    settings: Settings, running: Running, reached: Reached
) -> AsyncIterator[Stage]:
    """The stage on a platform that somebody else runs."""
    async with _stage(settings, reached, running.api_url, running.sandbox_port) as stage:
        yield stage


@asynccontextmanager
async def _stage(
    settings: Settings, reached: Reached, api_url: str, sandbox_port: int
) -> AsyncIterator[Stage]:
    home = settings.tallystick_home.resolve()
    signed = settings.webhook_auth_enabled
    webhook = Webhook(
        settings.webhook_auth_header, secret(settings.webhook_auth_secret) if signed else None
    )
    async with app_over(settings, reached, sandbox_port=sandbox_port) as app:
        credentials = await demo_credentials(app, home) if settings.mode == "test" else None
        key = credentials.merchant_key if credentials else None
        async with ApiClient.open(api_url, key, patience_s=PATIENCE_S) as api:
            yield Stage(app, api, home, webhook, credentials)
