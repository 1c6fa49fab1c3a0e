"""One API process, as `tallystick serve` runs it, on a socket that it shares with others."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvloop
from msgspec import Struct

from bench.children import end_with_parent, read_order, say
from bench.stage import house_settings
from tallystick.api import serve
from tallystick.app import App, open_app
from tallystick.platform.postgres.address import Address
from tallystick.platform.telemetry import configure_logging


class ServeOrder(Struct, frozen=True):
    """What to serve, and on which inherited socket."""

    listener: int
    address: Address
    home: Path
    overrides: dict[str, Any]


async def serve_api(order: ServeOrder) -> None:
    """Serve until our parent closes our standard input."""
    settings = house_settings(order.home, **order.overrides)
    configure_logging(settings.log_level)

    @asynccontextmanager
    async def opened() -> AsyncIterator[App]:
        async with open_app(settings, address=order.address) as app:
            end_with_parent()
            say("ready")
            yield app

    with socket.socket(fileno=order.listener) as listener:
        await serve(opened, settings, [listener])


if __name__ == "__main__":
    uvloop.run(serve_api(read_order(ServeOrder)))
