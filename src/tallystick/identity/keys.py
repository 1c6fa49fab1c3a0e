"""API keys: made, shown once, recognised, revoked.

What is stored is HMAC-SHA-256 of the whole key under a pepper the database never sees: a dump
of the table opens nothing.
"""

import os
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from tallystick.books import PLATFORM
from tallystick.identity import store
from tallystick.identity.key_text import SECRET_BYTES, read_key, write_key
from tallystick.identity.model import (
    MERCHANT_PERMISSIONS,
    NOBODY,
    OPERATOR_PERMISSIONS,
    ApiKey,
    ApiKeyCreated,
    ApiKeyRevoked,
    InvalidKey,
    InvalidMerchant,
    KeyNotFound,
    MerchantNotFound,
    Principal,
)
from tallystick.identity.recent_keys import RecentKeys
from tallystick.journal import Change, Conflict, Fact, Journal, Origin
from tallystick.platform.clock import Clock
from tallystick.platform.crypto import keyed_hash, same
from tallystick.platform.ids import bucket_of, new_id, typeid
from tallystick.platform.postgres.pools import Database

NAME_LENGTH_MAX: Final = 200
_NOBODYS_DIGEST: Final = bytes(32)


@dataclass(frozen=True)
class Keys:
    """The verbs of API keys. `pepper` never leaves this process."""

    journal: Journal
    database: Database
    clock: Clock
    pepper: bytes = field(repr=False)
    test_mode: bool
    recent: RecentKeys = field(default_factory=RecentKeys, repr=False)

    async def create(
        self,
        merchant_id: UUID | None,
        name: str,
        permissions: Collection[str] | None = None,
        *,
        origin: Origin = NOBODY,
    ) -> tuple[ApiKey, str]:
        """A new key of a merchant (None: of the platform's operator) and its text, shown once.

        Raises MerchantNotFound, InvalidMerchant (a permission such a key may not carry).
        """
        granted = _granted(merchant_id, permissions)
        if (
            merchant_id is not None
            and await store.find_merchant(self.database, merchant_id) is None
        ):
            raise MerchantNotFound("no such merchant")
        owner = merchant_id or PLATFORM
        now = self.clock.now()
        key_id = new_id(now, bucket_of(owner))
        text = write_key(key_id, os.urandom(SECRET_BYTES), test_mode=self.test_mode)
        created = ApiKeyCreated(
            merchant_id=merchant_id,
            name_sealed=await self.journal.seal(owner, {"name": name[:NAME_LENGTH_MAX]}),
            permissions=granted,
            digest=keyed_hash(self.pepper, text.encode()),
            test_mode=self.test_mode,
        )
        await self.journal.record(
            Change(
                id=new_id(now, bucket_of(owner)),
                facts=(Fact(key_id, 1, "api_key.created", created),),
                origin=origin,
            )
        )
        self.recent.forget(_public_id(key_id))
        return await self.get_key(key_id), text

    async def authenticate(self, secret: str) -> Principal:
        """Whom this key stands for. Raises InvalidKey, without saying what was wrong with it."""
        key = read_key(secret)
        known = await self.recent.find(
            key.public_id, lambda: store.find_api_key(self.database, key.id)
        )
        digest = keyed_hash(self.pepper, key.text)
        # A key that is nobody's is compared too, so that both answers take as long.
        proven = same(known.digest if known else _NOBODYS_DIGEST, digest)
        if known is None or not proven or key.test_mode != self.test_mode:
            raise InvalidKey("this API key is not valid")
        return known.principal

    async def revoke(self, key_id: UUID, *, origin: Origin = NOBODY) -> ApiKey:
        """End a key: at once in this process, within five seconds in all others.

        A key that is revoked already stays as it is. Raises KeyNotFound.
        """
        row = await self.get_key(key_id)
        if row.revoked_at is None:
            now = self.clock.now()
            fact = Fact(key_id, row.version + 1, "api_key.revoked", ApiKeyRevoked())
            change = Change(id=new_id(now, bucket_of(key_id)), facts=(fact,), origin=origin)
            with suppress(Conflict):  # somebody else revoked it in the same moment
                await self.journal.record(change)
        self.recent.forget(_public_id(key_id))
        return await self.get_key(key_id)

    async def get_key(self, key_id: UUID) -> ApiKey:
        """Raises KeyNotFound."""
        row = await store.find_api_key(self.database, key_id)
        if row is None:
            raise KeyNotFound("no such API key")
        return row

    async def list_keys(self, merchant_id: UUID | None) -> tuple[ApiKey, ...]:
        """All keys of a merchant (None: of the platform's operators), oldest first."""
        return await store.list_api_keys(self.database, merchant_id)


def _granted(merchant_id: UUID | None, permissions: Collection[str] | None) -> tuple[str, ...]:
    most = OPERATOR_PERMISSIONS if merchant_id is None else MERCHANT_PERMISSIONS
    wanted = set(most if permissions is None else permissions)
    if not wanted or not wanted <= most:
        raise InvalidMerchant(f"such a key may carry only: {', '.join(sorted(most))}")
    return tuple(sorted(wanted))


def _public_id(key_id: UUID) -> str:
    return typeid("key", key_id).removeprefix("key_")
