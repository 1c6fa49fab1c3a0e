"""The readable schema is what the migrations make, and can be run."""

from collections.abc import AsyncIterator

import pytest

from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.pools import connect
from tools.schema import FILE, readable_schema

pytestmark = pytest.mark.anyio


@pytest.fixture
async def empty_address(owner_address: Address) -> AsyncIterator[Address]:
    """The owner's login at a database without any table."""
    empty = owner_address.in_database(f"{owner_address.database}_empty")
    connection = await connect(owner_address)
    try:
        await connection.execute(f"CREATE DATABASE {empty.database} TEMPLATE template0")
        yield empty
    finally:
        await connection.execute(f"DROP DATABASE IF EXISTS {empty.database} WITH (FORCE)")
        await connection.close()


async def test_the_migrations_make_the_readable_schema(owner_address: Address) -> None:
    written = FILE.read_text(encoding="utf-8")

    assert readable_schema(owner_address) == written, "run `make schema`"


async def test_the_readable_schema_makes_the_same_database(empty_address: Address) -> None:
    written = FILE.read_text(encoding="utf-8")
    path = {"search_path": empty_address.schema}
    connection = await connect(empty_address, server_settings=path)
    try:
        await connection.execute(written)
    finally:
        await connection.close()

    assert readable_schema(empty_address) == written
