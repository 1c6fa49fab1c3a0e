"""Who has a reference: the question that makes a report a new payment or a duplicate."""

import asyncio
import hmac
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import Final
from uuid import UUID

from tallystick.intake.dedup import store
from tallystick.intake.dedup.layers import Layer, LayerCount, layer_metrics
from tallystick.intake.dedup.memory import REMEMBERED_MAX, Memory
from tallystick.intake.dedup.sealed import SealedReferences
from tallystick.platform.joint_reads import JointReads
from tallystick.platform.postgres.pools import Database, Overloaded
from tallystick.platform.redis_link import RedisAway, RedisLink, State
from tallystick.platform.settings import Settings, secret
from tallystick.platform.telemetry import get_logger

BOOKS_BELIEVED_S: Final = 1.0
SLOW_MS: Final = 1_000
LATELY: Final = 100
MANY_KNOWN: Final = 0.25

_log = get_logger("tallystick.intake")


class References:
    """Finds the payment of a reference. Remembers only hits: a miss may be recorded any moment."""

    def __init__(
        self,
        database: Database,
        *,
        memory_max: int = REMEMBERED_MAX,
        sealed: SealedReferences | None = None,
        warmed_at_start: int = 0,
    ) -> None:
        self._database = database
        self._memory = Memory(memory_max)
        self._sealed = sealed
        self._warmed_at_start = warmed_at_start
        self._books: str | None = None
        self._books_due_s = 0.0
        self._below = JointReads(self._ask)
        self._known_share = 0.0  # of the last `LATELY` that the database was asked for
        self._metrics = layer_metrics()
        self.counts: Final = {layer: LayerCount() for layer in Layer}

    @classmethod
    def over(cls, database: Database, redis: RedisLink, settings: Settings) -> "References":
        """The layers that the settings ask for."""
        sealed = None
        if settings.enable_redis_cache and redis.state != "disabled":
            pepper = secret(settings.key_pepper).encode()
            key = hmac.digest(pepper, b"references in redis", "sha256")
            sealed = SealedReferences(redis, key, settings.redis_ttl_seconds)
        return cls(
            database,
            memory_max=settings.memory_cache_max_size if settings.enable_memory_cache else 0,
            sealed=sealed,
            warmed_at_start=settings.cache_warming_limit if settings.enable_cache_warming else 0,
        )

    @property
    def redis_state(self) -> State:
        """Whether the layer in Redis is there."""
        return self._sealed.link.state if self._sealed else "disabled"

    @property
    def remembered(self) -> int:
        """How many references this process remembers."""
        return len(self._memory)

    async def find(self, reference: str) -> UUID | None:
        """The payment that has `reference`. Raises Overloaded."""
        return (await self.find_many([reference])).get(reference)

    async def find_nearby(self, reference: str) -> UUID | None:
        """The payment that has `reference`, if memory or Redis know it.

        The database is left to the journal, which asks it for a whole batch; but while it knows
        many of those it is asked for, it is asked first, lest so much be written up in vain.
        Whoever comes meanwhile joins the next question. Raises Overloaded.
        """
        known = self._memory.get(reference)
        self._count(Layer.MEMORY, 1, known is not None)
        if known is not None:
            return known
        await self._require_same_books()
        if self._sealed is None and not self._many_known:
            return None
        return await self._below.find(reference)

    async def find_many(self, references: Collection[str]) -> dict[str, UUID]:
        """The payments of those among `references` that are taken. Raises Overloaded."""
        found = {r: known for r in references if (known := self._memory.get(r)) is not None}
        self._count(Layer.MEMORY, len(references), len(found))
        unknown = [reference for reference in references if reference not in found]
        return found | await self._look_below(unknown) if unknown else found

    def remember_recorded(self, reference: str, payment_id: UUID, *, known: bool) -> None:
        """Keep what the journal has recorded, or has found in the database (`known`)."""
        self._count(Layer.DATABASE, 1, int(known))
        self.remember({reference: payment_id})

    def remember(self, payments: Mapping[str, UUID]) -> None:
        """Keep what surely stands in the database."""
        self._memory.update(payments)
        if self._sealed and self._books:
            self._sealed.remember(self._books, payments)

    async def warm(self, limit: int) -> int:
        """Remember the newest references, here and in Redis; how many. Raises Overloaded."""
        await self._require_same_books()
        newest = await store.newest_references(self._database, limit)
        self._memory.update(newest)
        if self._sealed and self._books:
            try:
                await self._sealed.warm(self._books, newest)
            except RedisAway as away:
                _log.info("redis_not_warmed", reason=str(away))
        return len(newest)

    async def warm_at_start(self) -> None:
        """Warm as the settings say; a database that is too busy for it is no reason to fail."""
        if self._warmed_at_start:
            try:
                _log.info("references_warmed", count=await self.warm(self._warmed_at_start))
            except Overloaded as error:
                _log.warning("references_not_warmed", reason=str(error))

    async def clear(self) -> int:
        """Forget everything, here and in Redis; how much. `payment_references` stays as it is.

        Raises RedisAway: what this process remembered is forgotten even then.
        """
        forgotten = len(self._memory)
        self._memory.clear()
        if self._sealed and self._books:
            forgotten = max(forgotten, await self._sealed.clear(self._books))
        return forgotten

    async def _ask(self, references: Sequence[str]) -> dict[str, UUID]:
        ask = self._look_below if self._many_known else self._ask_redis
        return await ask(references)

    async def _look_below(self, references: Collection[str]) -> dict[str, UUID]:
        """Below the memory: Redis, then the database."""
        await self._require_same_books()
        found = await self._ask_redis(references)
        unknown = [reference for reference in references if reference not in found]
        if unknown:
            standing = await self._ask_database(unknown)
            self.remember(standing)
            found |= standing
        return found

    async def _ask_redis(self, references: Collection[str]) -> dict[str, UUID]:
        if self._sealed is None or self._books is None:
            return {}
        try:
            found = await self._sealed.find_many(self._books, list(references))
        except RedisAway:
            return {}
        self._count(Layer.REDIS, len(references), len(found))
        self._memory.update(found)
        return found

    async def _ask_database(self, references: Collection[str]) -> dict[str, UUID]:
        with _told_if_slow(len(references)):
            found = await store.find_references(self._database, references)
        self._count(Layer.DATABASE, len(references), len(found))
        return found

    async def _require_same_books(self) -> None:
        """Forget what was remembered of other books: before a failover, or a restore, say.

        Raises Overloaded.
        """
        now_s = asyncio.get_running_loop().time()
        if now_s < self._books_due_s:
            return
        # Whoever comes while this is asked goes on with what was known a moment ago.
        self._books_due_s = now_s + BOOKS_BELIEVED_S
        try:
            books = await store.find_books(self._database)
        except Overloaded:
            self._books_due_s = 0.0
            raise
        if self._books is not None and books != self._books:
            _log.warning("references_forgotten", reason="these are other books than before")
            self._memory.clear()
        self._books = books

    def _count(self, layer: Layer, lookups: int, hits: int) -> None:
        self._metrics.count(layer, self.counts[layer], lookups, hits)
        if layer is Layer.DATABASE and lookups:
            weight = min(1.0, lookups / LATELY)
            self._known_share += weight * (hits / lookups - self._known_share)

    @property
    def _many_known(self) -> bool:
        return self._known_share > MANY_KNOWN


@contextmanager
def _told_if_slow(reference_count: int) -> Iterator[None]:
    started_s = perf_counter()
    try:
        yield
    finally:
        duration_ms = round((perf_counter() - started_s) * 1000)
        if duration_ms > SLOW_MS:
            _log.warning(
                "slow_query",
                query_type="duplicate_check",
                duration_ms=duration_ms,
                threshold_ms=SLOW_MS,
                reference_count=reference_count,
            )
