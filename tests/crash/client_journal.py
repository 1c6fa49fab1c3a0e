"""What the clients know for sure: what they sent and what they were answered, on disk before more.

It is written with fdatasync before a request leaves and when its answer has come, so it would
survive whatever happens, and it is read back from the file for the audit.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct


class Wish(Struct, frozen=True, tag="wish"):
    """Something a client wants once. `key` is its Idempotency-Key, a webhook's reference."""

    verb: str
    key: str
    path: str
    body: str


class Heard(Struct, frozen=True, tag="heard"):
    """The definite answer to a wish; what asked for patience or cut the line is no answer."""

    verb: str
    key: str
    status: int
    body: str


class ClientJournal:
    """A file of lines, appended only."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)

    def write(self, line: Wish | Heard) -> None:
        """On disk when this returns."""
        os.write(self._file, msgspec.json.encode(line) + b"\n")
        os.fdatasync(self._file)

    def read(self) -> Iterator[Wish | Heard]:
        """Everything, in its order."""
        decode = msgspec.json.Decoder(Wish | Heard).decode
        with self.path.open("rb") as lines:
            yield from map(decode, lines)

    def close(self) -> None:
        os.close(self._file)
