"""Sealed text: personal words in an append-only log, erasable by destroying one small key.

Each subject (a payment, a merchant, a user) has a key of its own, itself sealed under the master
key. The log keeps only ciphertext, so its hash chain still holds after the key is gone. A sealed
text is `key.text` in base64: which key, so that one whose key was destroyed is told from one that
was changed. Older texts do not say which key, and are not told apart; nor is one whose key's name
was changed with it, which only the hash chain tells.
"""

import asyncio
import base64
import os
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import Any
from uuid import UUID

from cachetools import TTLCache
from msgspec import json
from prometheus_client import Counter

from tallystick.journal import store
from tallystick.journal.model import Fits, SealedText
from tallystick.platform.clock import Clock
from tallystick.platform.crypto import SealBroken, keyed_hash, open_sealed, seal
from tallystick.platform.postgres.pools import Connection, Database
from tallystick.platform.telemetry import REGISTRY, get_logger

KEY_BYTES = 32
CACHED_KEYS = 10_000
CACHED_FOR_S = 5.0  # an erasure reaches every process within this time
_KEY_ID = "master-1"
_NAME_BYTES = 6  # of a subject's key; it has had a few in its life at most

_log = get_logger("tallystick.journal")


class SealTampered(Exception):
    """Somebody has changed a text: the key that sealed it is there and does not open it.

    Or it opens, and is not the text that was recorded.

    `reason` names the subject, for whoever runs the platform; the message does not.
    """

    code = "seal_tampered"

    def __init__(self, reason: str) -> None:
        super().__init__("a text kept with this was changed since it was sealed: it is not shown")
        self.reason = reason


class Seals:
    """Seals and opens text under its subject's key."""

    def __init__(self, database: Database, clock: Clock, master_key: bytes) -> None:
        self._database = database
        self._clock = clock
        self._master_key = master_key
        self._keys: TTLCache[UUID, bytes] = TTLCache(CACHED_KEYS, CACHED_FOR_S)
        self._made: dict[UUID, bytes] = {}  # wrapped keys that wait to be written
        self._turn = asyncio.Lock()
        self._writer: Connection | None = None

    async def close(self) -> None:
        if self._writer:
            await self._writer.close()

    async def seal(self, subject_id: UUID, clear: Mapping[str, object]) -> str:
        key = await self._find_key(subject_id) or await self._make_key(subject_id)
        sealed = seal(key, json.encode(clear), subject_id.bytes)
        return f"{_name_of(key)}.{base64.b64encode(sealed).decode()}"

    async def unseal(
        self,
        subject_id: UUID,
        sealed: str,
        *,
        leniently: bool = False,
        fits: Fits | None = None,
    ) -> dict[str, Any] | None:
        """None once the key was destroyed; `leniently`, also for a text that was changed.

        A changed text is logged and counted whenever it is met. Raises SealTampered.
        """
        try:
            key = await self._find_key(subject_id)
            return _opened(key, subject_id, sealed, fits) if key else None
        except SealTampered as tampered:
            _tampered_texts().inc()
            _log.error("seal_tampered", subject_id=str(subject_id), reason=tampered.reason)
            if leniently:
                return None
            raise

    async def find_tampered(
        self, connection: Connection, sealed: Iterable[SealedText]
    ) -> list[UUID]:
        """The ids of those whose text, or whose key, was changed."""
        texts = list(sealed)
        subjects = list({text.subject_id for text in texts})
        found = await connection.fetch(store.SUBJECT_KEYS, subjects) if subjects else ()
        keys: dict[UUID, bytes] = {record[0]: record[1] for record in found}
        tampered = []
        for text in texts:
            if wrapped := keys.get(text.subject_id):
                try:
                    key = self._unwrapped(text.subject_id, wrapped)
                    _opened(key, text.subject_id, text.sealed, text.fits)
                except SealTampered:
                    tampered.append(text.id)
        return tampered

    async def erase(self, subject_ids: Collection[UUID]) -> None:
        for subject_id in subject_ids:
            self._keys.pop(subject_id, None)
        async with self._turn:
            await (await self._connected()).execute(store.DELETE_SUBJECT_KEYS, list(subject_ids))

    async def _find_key(self, subject_id: UUID) -> bytes | None:
        key = self._keys.get(subject_id)
        if key is None:
            wrapped = await self._database.fetchval(store.SUBJECT_KEY, subject_id)
            if wrapped is None:
                return None
            key = self._keys[subject_id] = self._unwrapped(subject_id, wrapped)
        return key

    def _unwrapped(self, subject_id: UUID, wrapped: bytes) -> bytes:
        try:
            return open_sealed(self._master_key, wrapped, subject_id.bytes)
        except SealBroken:
            detail = f"the key of {subject_id} was changed, or the master key is another one"
            raise SealTampered(detail) from None

    async def _make_key(self, subject_id: UUID) -> bytes:
        self._made[subject_id] = seal(self._master_key, os.urandom(KEY_BYTES), subject_id.bytes)
        # Whoever gets the turn writes for all who wait: many new subjects cost one commit.
        async with self._turn:
            made, self._made = self._made, {}
            if made:
                await (await self._connected()).execute(
                    store.INSERT_SUBJECT_KEYS, *_columns(made), _KEY_ID, self._clock.now()
                )
        # Somebody may have been faster: the key that stands is the key.
        key = await self._find_key(subject_id)
        if key is None:
            raise LookupError(f"the key of {subject_id} was destroyed at this very moment")
        return key

    async def _connected(self) -> Connection:
        if self._writer is None or self._writer.is_closed():
            self._writer = await self._database.open_writer("journal seals")
        return self._writer


def _opened(key: bytes, subject_id: UUID, sealed: str, fits: Fits | None) -> dict[str, Any] | None:
    """The text; None if it was sealed with another key. Raises SealTampered."""
    name, _, text = sealed.rpartition(".")
    try:
        clear = open_sealed(key, base64.b64decode(text, validate=True), subject_id.bytes)
    except (SealBroken, ValueError):
        if name == _name_of(key):
            raise SealTampered(f"a text of {subject_id} was changed") from None
        return None  # its key was destroyed; this one was made for what was said since
    opened: dict[str, Any] = json.decode(clear)
    if fits and not fits(opened):
        raise SealTampered(f"a text of {subject_id} is not the one that was recorded")
    return opened


def _name_of(key: bytes) -> str:
    """What a key is called beside the texts it seals; tells nothing of it."""
    return base64.b64encode(keyed_hash(key, b"name")[:_NAME_BYTES]).decode()


@cache
def _tampered_texts() -> Counter:
    return Counter(
        "tallystick_tampered_texts_total",
        "How often a sealed text was to be read that somebody had changed, or its key",
        registry=REGISTRY,
    )


def _columns(made: Mapping[UUID, bytes]) -> tuple[list[UUID], list[bytes]]:
    ordered = sorted(made)
    return ordered, [made[subject_id] for subject_id in ordered]
