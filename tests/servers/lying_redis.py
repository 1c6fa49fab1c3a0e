"""Something at Redis' address that answers every command at once, and nothing of it is true."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

ID_AND_TAG_BYTES = 32


class LyingRedis:
    """Answers of the right kind with made-up content, or with anything at all."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self.asked = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while words := await _command(reader):
                self.asked += 1
                writer.write(self._answer(words))
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError, ValueError):
            pass
        finally:
            writer.close()

    def _answer(self, words: list[bytes]) -> bytes:
        match words[0].upper():
            case b"PING":
                return b"+PONG\r\n"
            case b"MGET":
                values = [self._value() for _ in words[1:]]
                return b"*%d\r\n" % len(values) + b"".join(values)
            case _:
                return self._value()

    def _value(self) -> bytes:
        size = self._chance.choice([0, 1, 16, ID_AND_TAG_BYTES, ID_AND_TAG_BYTES, 64])
        text = self._chance.randbytes(size)
        number = self._chance.randrange(-(2**40), 2**40)
        return self._chance.choice(
            [
                b"$%d\r\n%s\r\n" % (size, text),
                b"$%d\r\n%s\r\n" % (size, text),
                b"$-1\r\n",
                b":%d\r\n" % number,
                b"-ERR no\r\n",
                b"*2\r\n:1\r\n$1\r\nx\r\n",
            ]
        )


async def _command(reader: asyncio.StreamReader) -> list[bytes]:
    head = await reader.readline()
    words = []
    for _ in range(int(head[1:] or 0)):
        size = int((await reader.readline())[1:])
        words.append((await reader.readexactly(size + 2))[:-2])
    return words


@asynccontextmanager
async def lying_redis(seed: int) -> AsyncIterator[tuple[LyingRedis, int]]:
    """The liar and its port."""
    liar = LyingRedis(seed)
    server = await asyncio.start_server(liar.serve, "127.0.0.1", 0)
    try:
        yield liar, server.sockets[0].getsockname()[1]
    finally:
        server.close()
