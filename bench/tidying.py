"""Waiting until the server has nothing left to do for what was made before."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from bench.stage import House, Stage
from tallystick.platform.postgres.pools import Connection, connect

_TIDYING: Final = """
SELECT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'autovacuum worker')
"""
_LOOK_EVERY_S: Final = 0.5
_LOOKS: Final = 240


@asynccontextmanager
async def owner_of(stage: Stage, house: House) -> AsyncIterator[Connection]:
    """A connection that may do all there is to do to the house's tables."""
    login = stage.cluster.owner.in_database(house.address.database)
    owner = await connect(login, server_settings={"search_path": house.address.schema})
    try:
        yield owner
    finally:
        await owner.close()


async def settle(owner: Connection) -> None:
    """Let autovacuum end what it has begun, and write all that has not been written yet."""
    for _ in range(_LOOKS):
        if not await owner.fetchval(_TIDYING):
            break
        await asyncio.sleep(_LOOK_EVERY_S)
    await owner.execute("CHECKPOINT")
