"""A layer above saves a question to the one below, and is counted."""

import asyncio
from uuid import uuid4

import pytest

from tallystick.intake.dedup import Layer, References
from tallystick.platform.postgres.pools import Address, Database, connect
from tallystick.platform.settings import Settings
from tallystick.platform.telemetry import configure_logging
from tests.intake.dedup.conftest import opened, take
from tests.servers.redis_server import RedisServer

pytestmark = pytest.mark.anyio


def asked(references: References) -> dict[str, tuple[int, int]]:
    return {layer: (count.lookups, count.hits) for layer, count in references.counts.items()}


async def until_told(server: RedisServer, count: int) -> None:
    """Redis is told after the answer: wait until it has heard."""
    async with asyncio.timeout(5):
        while server.say("DBSIZE") != b":%d\r\n" % count:  # noqa: ASYNC110 - it is another process
            await asyncio.sleep(0.005)


async def test_each_layer_is_asked_only_for_what_the_one_above_does_not_know(
    redis_server: RedisServer, database: Database, settings: Settings, owner_address: Address
) -> None:
    known = {f"R-{n}": uuid4() for n in range(3)}
    await take(owner_address, known)

    async with opened(database, settings, redis_server.port) as (here, _):
        assert await here.find_many([*known, "new"]) == known
        assert asked(here) == {"memory": (4, 0), "redis": (4, 0), "database": (4, 3)}
        assert await here.find("R-0") == known["R-0"]
        assert asked(here) == {"memory": (5, 1), "redis": (4, 0), "database": (4, 3)}
        await until_told(redis_server, 3)
    async with opened(database, settings, redis_server.port) as (elsewhere, _):
        assert await elsewhere.find("R-1") == known["R-1"]
        assert asked(elsewhere) == {"memory": (1, 0), "redis": (1, 1), "database": (0, 0)}
        assert elsewhere.counts[Layer.REDIS].hit_rate == 1.0


async def test_what_is_near_is_asked_without_the_database_and_by_all_who_come_at_once(
    redis_server: RedisServer, database: Database, settings: Settings
) -> None:
    known = {f"R-{n}": uuid4() for n in range(50)}
    async with opened(database, settings, redis_server.port) as (here, _):
        await here.find("R-0")  # learns whose books these are
        here.remember(known)
        await until_told(redis_server, 50)
    async with opened(database, settings, redis_server.port) as (elsewhere, _):
        assert await elsewhere.find_nearby("new") is None
        names = [*known, "new"]
        found = await asyncio.gather(*(elsewhere.find_nearby(name) for name in names))
        assert dict(zip(names, found, strict=True)) == known | {"new": None}
        assert asked(elsewhere) == {"memory": (52, 0), "redis": (52, 50), "database": (0, 0)}
        assert await elsewhere.find_nearby("R-1") == known["R-1"]
        assert asked(elsewhere)["memory"] == (53, 1)


async def test_while_the_database_knows_many_it_is_asked_first(
    database: Database, owner_address: Address
) -> None:
    known = {f"R-{n}": uuid4() for n in range(100)}
    await take(owner_address, known)
    references = References(database, memory_max=0)

    assert await references.find_nearby("R-0") is None
    await references.find_many(known)
    assert await references.find_nearby("R-0") == known["R-0"]
    await references.find_many([f"new-{n}" for n in range(100)])
    assert await references.find_nearby("R-0") is None


async def test_what_is_recorded_here_is_known_elsewhere_by_redis(
    redis_server: RedisServer, database: Database, settings: Settings
) -> None:
    payment_id = uuid4()
    async with (
        opened(database, settings, redis_server.port) as (here, _),
        opened(database, settings, redis_server.port) as (there, _),
    ):
        assert await here.find("R") is None
        here.remember({"R": payment_id})
        await until_told(redis_server, 1)
        assert await there.find("R") == payment_id


async def test_redis_keeps_a_reference_for_a_day(
    redis_server: RedisServer, database: Database, settings: Settings, owner_address: Address
) -> None:
    await take(owner_address, {"R": uuid4()})
    async with opened(database, settings, redis_server.port) as (references, _):
        await references.find("R")
        await until_told(redis_server, 1)
        key = redis_server.say("RANDOMKEY").split(b"\r\n")[1].decode()
    ttl_s = int(redis_server.say("TTL", key)[1:])

    assert key.startswith("payment_ref:")
    assert 86_390 <= ttl_s <= 86_400


async def test_warming_reads_the_newest_into_memory_and_redis(
    redis_server: RedisServer, database: Database, settings: Settings, owner_address: Address
) -> None:
    for age_days in range(5):
        await take(owner_address, {f"R-{age_days}": uuid4()}, age_days)
    async with opened(database, settings, redis_server.port) as (references, _):
        assert await references.warm(3) == 3
        assert redis_server.say("DBSIZE") == b":3\r\n"
        assert await references.find_many([f"R-{n}" for n in range(3)])
        assert asked(references) == {"memory": (3, 3), "redis": (0, 0), "database": (0, 0)}


async def test_warming_beyond_what_memory_holds_keeps_the_newest(
    redis_server: RedisServer, database: Database, settings: Settings, owner_address: Address
) -> None:
    for age_days in range(5):
        await take(owner_address, {f"R-{age_days}": uuid4()}, age_days)
    changes = {"memory_cache_max_size": 2}
    async with opened(database, settings, redis_server.port, **changes) as (references, _):
        await references.warm(5)
        await references.find_many(["R-0", "R-1"])
        assert references.counts[Layer.MEMORY].hits == 2


async def test_clearing_empties_memory_and_redis_and_nothing_else(
    redis_server: RedisServer, database: Database, settings: Settings, owner_address: Address
) -> None:
    known = {f"R-{n}": uuid4() for n in range(1_200)}
    await take(owner_address, known)
    redis_server.say("SET", "somebody-elses", "1")
    async with opened(database, settings, redis_server.port) as (references, _):
        await references.warm(2_000)
        assert await references.clear() == 1_200
        assert redis_server.say("DBSIZE") == b":1\r\n"
        assert references.remembered == 0
        assert await references.find_many(known) == known


async def test_a_layer_can_be_left_out(
    redis_server: RedisServer, database: Database, settings: Settings, owner_address: Address
) -> None:
    await take(owner_address, {"R": uuid4()})
    changes = {"enable_memory_cache": False, "enable_redis_cache": False}
    async with opened(database, settings, redis_server.port, **changes) as (references, _):
        for _ in range(2):
            assert await references.find("R")
        assert asked(references) == {"memory": (2, 0), "redis": (0, 0), "database": (2, 2)}
        assert redis_server.say("DBSIZE") == b":0\r\n"


async def test_a_slow_look_is_logged_with_the_documents_fields(
    database: Database,
    owner_address: Address,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging("info")  # to the stderr of now, not of an earlier test
    monkeypatch.setattr("tallystick.intake.dedup.references.SLOW_MS", 20)
    owner = await connect(owner_address, server_settings={"search_path": owner_address.schema})
    references = References(database)
    async with owner.transaction():
        await owner.execute("LOCK TABLE payment_references IN ACCESS EXCLUSIVE MODE")
        look = asyncio.create_task(references.find_many(["a", "b"]))
        await asyncio.sleep(0.05)
    await look
    await owner.close()

    said = capsys.readouterr()
    told = said.out + said.err
    assert "slow_query" in told
    for field in ("duplicate_check", "duration_ms", "threshold_ms", "reference_count"):
        assert field in told


async def test_a_starting_process_warms_as_the_settings_say(
    redis_server: RedisServer, database: Database, settings: Settings, owner_address: Address
) -> None:
    await take(owner_address, {f"R-{n}": uuid4() for n in range(5)})
    for changes, remembered in (
        ({}, 5),
        ({"cache_warming_limit": 2}, 2),
        ({"enable_cache_warming": False}, 0),
    ):
        async with opened(database, settings, redis_server.port, **changes) as (references, _):
            await references.warm_at_start()
            assert references.remembered == remembered
