"""All banks of the sandbox on one loopback port, each under a path of its own name."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from starlette.routing import Mount, Router
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tallystick.sandbox.banks import BANKS
from tallystick.sandbox.book import BankBook, open_book
from tallystick.sandbox.door import acquirer_app
from tallystick.sandbox.model import Bank, Now, Pace

# Longer than any client keeps an idle connection, so that none is closed under a request.
_KEEP_ALIVE_S = 120
_DRAIN_S = 1
_BACKLOG = 1024


class SandboxPortTaken(Exception):
    """Something else listens where the sandbox should."""

    code = "sandbox_port_taken"


@dataclass(frozen=True)
class Sandbox:
    """A running sandbox: where each bank is found, and its book."""

    host: str
    port: int
    books: Mapping[str, BankBook]

    def base_url(self, bank: str) -> str:
        """The address under which the bank of this name answers, such as `.../hdfc_bank`."""
        if bank not in self.books:
            raise KeyError(f"the sandbox has no bank called {bank}")
        return f"http://{self.host}:{self.port}/{bank}"


@asynccontextmanager
async def serve_sandbox(
    folder: Path,
    *,
    banks: Sequence[Bank] = BANKS,
    pace: Pace | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    durable: bool = True,
    now: Now | None = None,
) -> AsyncIterator[Sandbox]:
    """Serve the banks, their books in `folder`, until the block is left; port 0 chooses one.

    Raises BookInUse, SandboxPortTaken.
    """
    async with AsyncExitStack() as stack:
        listener = stack.enter_context(_listening(host, port))
        books = {
            bank.name: await stack.enter_async_context(
                open_book(folder / f"{bank.name}.db", durable=durable)
            )
            for bank in banks
        }
        mounts = [
            Mount(f"/{bank.name}", acquirer_app(bank, books[bank.name], pace=pace, now=now))
            for bank in banks
        ]
        await stack.enter_async_context(_serving(Router(mounts), listener))
        yield Sandbox(host, listener.getsockname()[1], books)


class _Droppable(HttpToolsProtocol):
    """HTTP/1.1 that lets the application drop the connection without an answer."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.access_log = False

    def on_message_begin(self) -> None:
        super().on_message_begin()
        extensions: dict[str, Any] = {"sandbox.drop": self.transport.abort}
        self.scope["extensions"] = extensions


class _Server(uvicorn.Server):
    """A guest in somebody else's loop: signals are the host's."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def _serving(app: Router, listener: socket.socket) -> AsyncIterator[None]:
    config = uvicorn.Config(
        app,
        http=_Droppable,
        ws="none",
        lifespan="off",
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_DRAIN_S,
    )
    server = _Server(config)
    # The socket listens already: whoever connects before the server is up only waits a little.
    running = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield
    finally:
        server.should_exit = True
        await running


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, because asyncio turns Nagle's delay (40 ms an answer) off only then.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen(_BACKLOG)
        except OSError as error:
            raise SandboxPortTaken(f"{host}:{port} cannot be used: {error.strerror}") from error
        yield listener
