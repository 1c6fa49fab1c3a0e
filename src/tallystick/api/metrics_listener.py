"""`METRICS_PORT`: the metrics on a port of their own, which need not be open to whoever calls the
API. Nothing else is answered there.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

from starlette.applications import Starlette
from starlette.routing import Route
from uvicorn import Config, Server

from tallystick.api.health import HealthRoutes
from tallystick.api.readiness import Readiness
from tallystick.app import App

PATH: Final = "/metrics"
CONNECTIONS_MAX: Final = 20
FINISH_S: Final = 2


class _Listener(Server):
    """Uvicorn's server, which leaves the signals to the process that it is a part of."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def metrics_on(listener: socket.socket | None, app: App) -> AsyncIterator[None]:
    """Show the metrics on this socket, if there is one, until the block is left."""
    if listener is None:
        yield
        return
    routes = [Route(PATH, HealthRoutes(app, Readiness()).metrics)]
    server = _Listener(
        Config(
            Starlette(routes=routes),
            http="h11",
            loop="none",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            limit_concurrency=CONNECTIONS_MAX,
            timeout_graceful_shutdown=FINISH_S,
        )
    )
    serving = asyncio.create_task(server.serve([listener]))
    try:
        yield
    finally:
        server.should_exit = True
        await serving
