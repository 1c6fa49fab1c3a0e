"""References in Redis, shared by all processes: sealed, so that nothing false can be believed.

A value is the payment's id and a keyed digest (HMAC-SHA-256, cut to 128 bits) over the books, the
reference and the id. Redis can forget it and can withhold it; it cannot invent one, nor show that
of another reference, of other books, or of these books before a failover. What does not verify
counts as not found, and the layer below is asked.
"""

import hmac
from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from typing import Final
from uuid import UUID

from tallystick.platform.redis_link import Command, RedisLink
from tallystick.platform.telemetry import get_logger

PREFIX: Final = "payment_ref"  # document 000's
ASKED_MAX: Final = 1_000
WARMED_MAX: Final = 500
SCANNED: Final = 500
SCANS_MAX: Final = 20_000
_ID_BYTES: Final = 16
_TAG_BYTES: Final = 16
_PLACE_BYTES: Final = 6
_log = get_logger("tallystick.intake")


class SealedReferences:
    """The layer. `key` seals, and is the same for all processes of the house."""

    def __init__(self, link: RedisLink, key: bytes, ttl_s: int) -> None:
        self.link = link
        self._key = key
        self._ttl_s = ttl_s
        self._places: dict[str, str] = {}

    async def find_many(self, books: str, references: Sequence[str]) -> dict[str, UUID]:
        """The payments of those that Redis knows and proves. Raises RedisAway."""
        found: dict[str, UUID] = {}
        for start in range(0, len(references), ASKED_MAX):
            asked = references[start : start + ASKED_MAX]
            command = ("MGET", *(self._name(books, reference) for reference in asked))
            (values,) = await self.link.ask(command)
            found |= self._proven(books, asked, values)
        return found

    def remember(self, books: str, payments: Mapping[str, UUID]) -> None:
        """Tell Redis, if it has the time: what it never hears of costs a question, no more."""
        for reference, payment_id in payments.items():
            if not self.link.tell(self._put(books, reference, payment_id)):
                return

    async def warm(self, books: str, payments: Mapping[str, UUID]) -> None:
        """Tell Redis all of these, and wait until it has heard. Raises RedisAway."""
        commands = (self._put(books, reference, paid) for reference, paid in payments.items())
        while some := list(islice(commands, WARMED_MAX)):
            await self.link.ask(*some)

    async def clear(self, books: str) -> int:
        """Let Redis forget the references of these books; how many. Raises RedisAway."""
        cleared, cursor = 0, b"0"
        for _ in range(SCANS_MAX):
            scan: Command = ("SCAN", cursor, "MATCH", f"{self._name(books, '')}*", "COUNT", SCANNED)
            (page,) = await self.link.ask(scan)
            cursor, found = _scanned(page)
            ours = self._name(books, "").encode()
            names = [name for name in found if name.startswith(ours)]
            if names:
                await self.link.ask(("UNLINK", *names))
                cleared += len(names)
            if cursor == b"0":
                break
        return cleared

    def _name(self, books: str, reference: str) -> str:
        place = self._places.get(books)
        if place is None:
            place = hmac.digest(self._key, books.encode(), "sha256")[:_PLACE_BYTES].hex()
            self._places = {books: place}
        return f"{PREFIX}:{place}:{reference}"

    def _put(self, books: str, reference: str, payment_id: UUID) -> Command:
        sealed = payment_id.bytes + self._tag(books, reference, payment_id.bytes)
        return ("SET", self._name(books, reference), sealed, "EX", self._ttl_s)

    def _tag(self, books: str, reference: str, payment_id: bytes) -> bytes:
        said = f"{len(books)}:{books}{reference}".encode() + payment_id
        return hmac.digest(self._key, said, "sha256")[:_TAG_BYTES]

    def _proven(self, books: str, references: Collection[str], values: object) -> dict[str, UUID]:
        if not isinstance(values, list) or len(values) != len(references):
            _log.warning("redis_lies", about=PREFIX, told=type(values).__name__)
            return {}
        told = [pair for pair in zip(references, values, strict=True) if pair[1] is not None]
        proven = {
            reference: UUID(bytes=value[:_ID_BYTES])
            for reference, value in told
            if isinstance(value, bytes) and self._is_sealed(books, reference, value)
        }
        if len(proven) < len(told):
            _log.warning("redis_lies", about=PREFIX, values=len(told) - len(proven))
        return proven

    def _is_sealed(self, books: str, reference: str, value: bytes) -> bool:
        payment_id, tag = value[:_ID_BYTES], value[_ID_BYTES:]
        if len(payment_id) != _ID_BYTES:
            return False
        return hmac.compare_digest(tag, self._tag(books, reference, payment_id))


def _scanned(page: object) -> tuple[bytes, list[bytes]]:
    """The cursor to go on from, and the names; a page that is none ends the scan."""
    match page:
        case (int() | bytes() as cursor, [*names]):
            where = str(cursor).encode() if isinstance(cursor, int) else cursor
            return where, [name for name in names if isinstance(name, bytes)]
        case _:
            return b"0", []
