"""Of the processes that share a socket, each gets its share of the connections."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from tallystick.api.even_listener import EvenListener, patience_s
from tallystick.platform.listening import listening_socket

pytestmark = pytest.mark.anyio


class Process:
    """One of several on the same socket, with the connections it holds."""

    def __init__(self, shared: socket.socket) -> None:
        self.connections: set[asyncio.BaseTransport] = set()
        self._own = shared.dup()
        self.listener = EvenListener(self._own, self._connection, lambda: len(self.connections))

    def _connection(self) -> asyncio.Protocol:
        connections = self.connections

        class Held(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                connections.add(transport)

        return Held()

    async def end(self) -> None:
        self.listener.close()
        await self.listener.wait_closed()
        for connection in self.connections:
            with suppress(RuntimeError):
                connection.close()
        self._own.close()


@pytest.fixture
async def pair() -> AsyncIterator[tuple[Process, Process, int]]:
    with listening_socket("127.0.0.1", 0) as shared:
        one, other = Process(shared), Process(shared)
        yield one, other, shared.getsockname()[1]
        await one.end()
        await other.end()


async def _open(port: int, count: int, processes: tuple[Process, ...]) -> list[asyncio.Transport]:
    """Connections, one after the other, each in somebody's hands before the next."""
    made = []
    for _ in range(count):
        expected = _held(processes) + 1
        transport, _ = await asyncio.get_running_loop().create_connection(
            asyncio.Protocol, "127.0.0.1", port
        )
        made.append(transport)
        async with asyncio.timeout(5):
            while _held(processes) < expected:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
    return made


def _held(processes: tuple[Process, ...]) -> int:
    return sum(len(process.connections) for process in processes)


async def test_the_emptier_process_is_the_first_to_accept(
    pair: tuple[Process, Process, int],
) -> None:
    one, other, port = pair
    one.listener.close()
    callers = await _open(port, 100, (one, other))
    assert (len(one.connections), len(other.connections)) == (0, 100)

    one.listener._watch()
    callers += await _open(port, 30, (one, other))

    assert len(one.connections) > 20
    for caller in callers:
        caller.close()


async def test_whoever_holds_nothing_does_not_wait_and_nobody_waits_long() -> None:
    waits = [patience_s(held) for held in (0, 1, 10, 100, 1_000, 100_000)]
    assert waits[0] == 0
    assert waits == sorted(waits)
    assert waits[-1] < 0.01


async def test_a_closed_listener_accepts_no_more_and_keeps_what_it_has(
    pair: tuple[Process, Process, int],
) -> None:
    one, other, port = pair
    callers = await _open(port, 4, (one, other))
    held = one.connections | other.connections
    one.listener.close()
    other.listener.close()

    transport, _ = await asyncio.get_running_loop().create_connection(
        asyncio.Protocol, "127.0.0.1", port
    )
    await asyncio.sleep(0.05)

    assert one.connections | other.connections == held
    assert not any(connection.is_closing() for connection in held)
    for caller in (*callers, transport):
        caller.close()
