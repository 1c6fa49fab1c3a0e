"""References over a real Redis, and without one."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import pytest

from tallystick.intake.dedup import References
from tallystick.platform.postgres.pools import Address, Database, connect
from tallystick.platform.redis_link import RedisLink, open_redis
from tallystick.platform.settings import Settings
from tests.servers.redis_server import RedisServer, running_redis


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of this test's own."""
    with running_redis(tmp_path) as server:
        yield server


@asynccontextmanager
async def opened(
    database: Database, settings: Settings, port: int, **changes: object
) -> AsyncIterator[tuple[References, RedisLink]]:
    """The layers as another process would build them, over the Redis at `port`."""
    chosen = {"redis_host": "127.0.0.1", "redis_port": port, "redis_pause_ms": 200}
    patient = {"redis_timeout_ms": 300}  # the test machine may be busy
    own = settings.model_copy(update=chosen | patient | changes)
    async with open_redis(own) as link:
        yield References.over(database, link, own), link


async def take(owner: Address, references: dict[str, UUID], age_days: int = 0) -> None:
    """Have these references taken, as if payments had been recorded so many days ago."""
    connection = await connect(owner, server_settings={"search_path": owner.schema})
    try:
        await connection.execute(
            "INSERT INTO payment_references SELECT *, now(), now() - $3 * interval '1 day'"
            " FROM unnest($1::text[], $2::uuid[])",
            list(references),
            list(references.values()),
            age_days,
        )
    finally:
        await connection.close()
