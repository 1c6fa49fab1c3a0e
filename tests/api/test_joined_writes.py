"""An answer leaves in one piece, whatever it was written in."""

import asyncio

import pytest

from tallystick.api.joined_writes import JoinedWrites

pytestmark = pytest.mark.anyio


class Line(asyncio.Transport):
    """Keeps what it is told to send."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent.append(bytes(data))

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture
async def joined(line: Line) -> JoinedWrites:
    return JoinedWrites(line, asyncio.get_running_loop())


async def test_what_is_written_in_one_turn_leaves_together(
    joined: JoinedWrites, line: Line
) -> None:
    joined.write(b"head ")
    joined.writelines([b"bo", b"dy"])
    assert line.sent == []
    await asyncio.sleep(0)
    joined.write(b"next")
    await asyncio.sleep(0)

    assert line.sent == [b"head body", b"next"]


async def test_closing_sends_what_is_left(joined: JoinedWrites, line: Line) -> None:
    joined.write(b"last words")
    joined.close()

    assert (line.sent, line.closed) == ([b"last words"], True)


async def test_who_has_gone_is_sent_nothing(joined: JoinedWrites, line: Line) -> None:
    joined.write(b"too late")
    line.close()
    await asyncio.sleep(0)

    assert line.sent == []


async def test_an_answer_arrives_in_one_piece(base_url: str) -> None:
    host, _, port = base_url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    for _ in range(5):
        writer.write(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
        head, _, body = (await reader.read(65_536)).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        assert body.endswith(b"}")
    writer.close()
