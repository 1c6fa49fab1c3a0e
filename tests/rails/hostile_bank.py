"""A bank on a bare socket that answers every request with the same prepared bytes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def hostile_bank(answer: Answer) -> AsyncIterator[str]:
    """Serve until the block is left; the address is the bank's."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length or 0))
            await answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        except RuntimeError:
            # uvloop's word for a write after the caller has hung up.
            if not writer.transport.is_closing():
                raise
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"


def says(raw: bytes) -> Answer:
    """Exactly these bytes, then the end."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()

    return answer


async def silence(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Nothing, until the caller hangs up."""
    await reader.read()


def http(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """A sound HTTP answer around a body."""
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", "connection: close", *headers]
    if not any(line.lower().startswith("content-type") for line in lines):
        lines.append("content-type: application/json")
    return "\r\n".join([*lines, "", ""]).encode() + body
