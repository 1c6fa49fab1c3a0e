"""Whatever Redis does, no wrong payment is named and nobody waits for it for long."""

import asyncio
from time import perf_counter
from uuid import UUID, uuid4

import pytest

from tallystick.intake.dedup import Layer
from tallystick.platform.postgres.pools import Address, Database
from tallystick.platform.redis_link import RedisAway, RedisLink
from tallystick.platform.settings import Settings
from tests.intake.dedup.conftest import opened, take
from tests.servers.lying_redis import lying_redis
from tests.servers.redis_server import RedisServer

pytestmark = pytest.mark.anyio
PATIENCE_MS = 2_000  # of a busy test machine; Redis itself is given 300 in these tests


@pytest.fixture
async def known(owner_address: Address) -> dict[str, UUID]:
    known = {f"R-{n}": uuid4() for n in range(50)}
    await take(owner_address, known)
    return known


def stands(link: RedisLink) -> bool:
    return link.state == "ok"


async def took_ms(look: asyncio.Future[object] | asyncio.Task[object]) -> float:
    started_s = perf_counter()
    await look
    return (perf_counter() - started_s) * 1000


async def test_a_redis_that_is_not_there_costs_nothing(
    database: Database, settings: Settings, known: dict[str, UUID]
) -> None:
    async with opened(database, settings, port=1) as (references, link):
        assert await references.find_many([*known, "new"]) == known
        assert (link.state, references.counts[Layer.REDIS].lookups) == ("error", 0)
        assert await references.warm(10) == 10
        with pytest.raises(RedisAway):
            await references.clear()


async def test_a_redis_that_is_killed_and_comes_back_is_used_again(
    redis_server: RedisServer, database: Database, settings: Settings, known: dict[str, UUID]
) -> None:
    changes = {"enable_memory_cache": False}
    async with opened(database, settings, redis_server.port, **changes) as (references, link):
        assert await references.find_many(known) == known
        redis_server.kill()
        assert await references.find_many(known) == known
        assert stands(link) is False
        redis_server.start()
        async with asyncio.timeout(5):
            while not stands(link):
                assert await references.find_many([*known, "new"]) == known
                await asyncio.sleep(0.02)
        await references.warm(100)
        before = references.counts[Layer.REDIS].hits
        assert await references.find_many(known) == known
        assert references.counts[Layer.REDIS].hits - before == len(known)


async def test_a_redis_that_froze_keeps_nobody_waiting(
    redis_server: RedisServer, database: Database, settings: Settings, known: dict[str, UUID]
) -> None:
    changes = {"enable_memory_cache": False, "redis_pause_ms": 60_000}
    async with opened(database, settings, redis_server.port, **changes) as (references, _):
        assert await references.find("R-0")
        redis_server.freeze()
        waits_ms = await asyncio.gather(
            *(took_ms(asyncio.create_task(references.find_nearby(name))) for name in known)
        )
        assert max(waits_ms) < PATIENCE_MS
        started_s = perf_counter()
        assert await references.find_many(known) == known
        assert (perf_counter() - started_s) * 1000 < PATIENCE_MS


async def test_a_redis_that_is_flushed_or_evicts_is_no_loss(
    redis_server: RedisServer, database: Database, settings: Settings, known: dict[str, UUID]
) -> None:
    changes = {"enable_memory_cache": False}
    async with opened(database, settings, redis_server.port, **changes) as (references, _):
        await references.warm(100)
        redis_server.say("FLUSHALL")
        assert await references.find_many([*known, "new"]) == known
        redis_server.say("CONFIG", "SET", "maxmemory", "1")
        redis_server.say("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        assert await references.find_many([*known, "new"]) == known
        redis_server.say("CONFIG", "SET", "maxmemory-policy", "noeviction")  # refuses to write
        assert await references.find_many([*known, "new"]) == known
        assert await references.warm(10) == 10


@pytest.mark.parametrize("seed", range(12))
async def test_a_redis_that_lies_is_never_believed(
    seed: int, database: Database, settings: Settings, known: dict[str, UUID]
) -> None:
    changes = {"enable_memory_cache": False}
    async with (
        lying_redis(seed) as (liar, port),
        opened(database, settings, port, **changes) as (references, _),
    ):
        for _ in range(20):
            assert await references.find_many([*known, "new"]) == known
            assert await references.find("new") is None
            assert await references.find("R-7") == known["R-7"]
        assert liar.asked > 10


async def test_a_value_of_another_reference_or_of_other_books_is_not_believed(
    redis_server: RedisServer, database: Database, settings: Settings, known: dict[str, UUID]
) -> None:
    changes = {"enable_memory_cache": False}
    async with opened(database, settings, redis_server.port, **changes) as (references, link):
        await references.warm(100)
        (names,) = await link.ask(("KEYS", "payment_ref:*"))
        place = names[0].rpartition(b":")[0]
        (value,) = await link.ask(("GET", place + b":R-1"))
        await link.ask(("SET", place + b":new", value), ("SET", place + b":R-2", value))

        assert await references.find_many(["new", "R-1", "R-2"]) == {
            "R-1": known["R-1"],
            "R-2": known["R-2"],
        }
        sealed = references._sealed
        assert sealed is not None
        await link.ask(("SET", sealed._name("other books", "new"), value))
        assert await sealed.find_many("other books", ["new"]) == {}


async def test_what_was_remembered_of_other_books_is_forgotten(
    redis_server: RedisServer,
    database: Database,
    settings: Settings,
    known: dict[str, UUID],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As after a failover: the time line is another, and what was last recorded may be gone."""
    async with opened(database, settings, redis_server.port) as (references, _):
        references_before = references.remembered
        await references.find_many(known)
        await references.warm(100)
        references.remember({"lost in the failover": uuid4()})
        assert references.remembered > references_before

        async def other_books(_: Database) -> str:
            return "payment_service:1:1:00000002"

        monkeypatch.setattr("tallystick.intake.dedup.store.find_books", other_books)
        references._books_due_s = 0.0
        assert await references.find_many(["new"]) == {}
        assert references.remembered == 0
        assert await references.find("lost in the failover") is None
        assert await references.find_many(known) == known


async def test_no_redis_is_asked_where_the_books_have_no_name(
    redis_server: RedisServer,
    database: Database,
    settings: Settings,
    known: dict[str, UUID],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def nameless(_: Database) -> None:
        return None

    monkeypatch.setattr("tallystick.intake.dedup.store.find_books", nameless)
    async with opened(database, settings, redis_server.port) as (references, _):
        assert await references.find_many([*known, "new"]) == known
        assert redis_server.say("DBSIZE") == b":0\r\n"


async def test_a_redis_that_is_slow_is_waited_for_no_longer_than_it_is_worth(
    redis_server: RedisServer, database: Database, settings: Settings, known: dict[str, UUID]
) -> None:
    changes = {"enable_memory_cache": False, "redis_pause_ms": 60_000}
    async with opened(database, settings, redis_server.port, **changes) as (references, link):
        await references.warm(100)
        redis_server.say("CLIENT", "PAUSE", "5000", "ALL")
        started_s = perf_counter()
        assert await references.find_many([*known, "new"]) == known
        assert (perf_counter() - started_s) * 1000 < PATIENCE_MS
        assert not stands(link)
