"""The cap on a request's body, kept while it arrives: nothing larger is ever held in memory."""

import re
from typing import Final

from starlette.types import Message, Receive

_DIGITS: Final = re.compile(rb"[0-9]{1,18}")


class BodyTooLarge(Exception):
    """The request body is longer than its address accepts."""

    code = "body_too_large"


class CappedBody:
    """A `receive` that refuses to go on after `limit_bytes`, announced (length) or not (chunks)."""

    def __init__(self, receive: Receive, limit_bytes: int) -> None:
        self._receive = receive
        self._limit_bytes = limit_bytes
        self._taken_bytes = 0

    async def __call__(self) -> Message:
        """The next ASGI message. Raises BodyTooLarge."""
        message = await self._receive()
        if message["type"] == "http.request":
            self._taken_bytes += len(message.get("body", b""))
            self._require(self._taken_bytes)
        return message

    def require_announced(self, content_length: bytes) -> None:
        """Refuse by Content-Length, before a byte is read. Raises BodyTooLarge."""
        if _DIGITS.fullmatch(content_length):
            self._require(int(content_length))

    def _require(self, length_bytes: int) -> None:
        if length_bytes > self._limit_bytes:
            raise BodyTooLarge(f"a body here has at most {self._limit_bytes} bytes")
