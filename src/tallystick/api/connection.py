"""The HTTP/1.1 connection: uvicorn's httptools protocol with limits on what comes before a request.

Uvicorn limits neither how long a client may take over its headers nor how large they may be, and
answers what it cannot parse in plain text. Bodies and answers are the gate's business.
"""

import asyncio
import os
from typing import Any, Final, cast

from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tallystick.api.lingering import LingeringTransport
from tallystick.api.problems import problem, render_problem

HEADERS_S: Final = 10.0
HEADERS_BYTES_MAX: Final = 16_384


class HeadersTooLarge(Exception):
    """The request line and the headers are longer than any honest request's."""


class PatientConnection(HttpToolsProtocol):
    """Patient for ten seconds and sixteen kilobytes of headers."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._headers_due: asyncio.TimerHandle | None = None
        self._within_headers = False
        self._unfinished_bytes = 0
        self._header_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Open: the headers are due."""
        self._line = LingeringTransport(transport, self.loop, self._is_fed)
        super().connection_made(cast("asyncio.Transport", self._line))
        self._expect_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Over."""
        self._have_headers()
        self._line.has_closed()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes that leave the headers unfinished are counted."""
        if self._line.is_leaving:
            self._line.throw_away(data)
            return
        super().data_received(data)
        if self._within_headers and not self.transport.is_closing():
            if self._headers_due is None:  # nearly always they come in one piece
                self._expect_headers()
            self._unfinished_bytes += len(data)
            if self._unfinished_bytes > HEADERS_BYTES_MAX:
                self._refuse("headers_too_large")

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._header_bytes = 0
        self._within_headers = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header; raising ends in `send_400_response`."""
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > HEADERS_BYTES_MAX:
            raise HeadersTooLarge
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The request is known; from here the gate's limits hold."""
        self._have_headers()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """What cannot be parsed is answered as a problem too."""
        del msg
        large = self._header_bytes > HEADERS_BYTES_MAX
        self._refuse("headers_too_large" if large else "malformed_request")

    def _expect_headers(self) -> None:
        self._within_headers = True
        self._unfinished_bytes = 0
        self._headers_due = self.loop.call_later(HEADERS_S, self._cut)

    def _have_headers(self) -> None:
        self._within_headers = False
        if self._headers_due is not None:
            self._headers_due.cancel()
            self._headers_due = None

    def _cut(self) -> None:
        self._headers_due = None
        self.transport.close()

    def _refuse(self, code: str) -> None:
        self._have_headers()
        answer = render_problem(problem(code), f"req_{os.urandom(12).hex()}")
        self.transport.write(_as_bytes(answer))
        self._line.leave()  # what cannot be parsed has no end that we could know of

    def _is_fed(self) -> bool:
        """Whether a request's body is not all here yet."""
        return bool(getattr(self.cycle, "more_body", False))  # there is none before the first


def _as_bytes(answer: Response) -> bytes:
    headers = [*answer.raw_headers, (b"connection", b"close")]
    lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
    return b"HTTP/1.1 %d \r\n%s\r\n%s" % (answer.status_code, lines, bytes(answer.body))
