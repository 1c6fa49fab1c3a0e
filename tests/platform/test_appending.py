"""Few rows and many go different ways into a table, and are the same there."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from asyncpg import UniqueViolationError

from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.appending import FEW_ROWS, AppendedTable
from tallystick.platform.postgres.pools import Connection, connect

pytestmark = pytest.mark.anyio

LINES = AppendedTable(
    "lines",
    {"place": "bigint", "id": "uuid", "data": "json", "at": "timestamptz", "note": "text"},
)


@pytest.fixture
async def connection(owner_address: Address) -> AsyncIterator[Connection]:
    connection = await connect(owner_address)
    await connection.execute(
        "CREATE TEMP TABLE lines (note text, place bigint PRIMARY KEY, id uuid, data json,"
        " at timestamptz, number serial)"
    )
    yield connection
    await connection.close()


def rows(count: int) -> list[tuple[Any, ...]]:
    at = datetime(2026, 3, 2, 9, 30, 0, 123456, tzinfo=UTC)
    return [
        (-n, UUID(int=n), f'{{"n":  {n}}}', at, None if n % 2 else f"note {n}")
        for n in range(count)
    ]


@pytest.mark.parametrize("count", [0, 1, FEW_ROWS, FEW_ROWS + 1])
async def test_rows_stand_there_in_their_order(connection: Connection, count: int) -> None:
    await LINES.append(connection, rows(count))

    found = await connection.fetch("SELECT place, id, data, at, note FROM lines ORDER BY number")
    assert [tuple(record) for record in found] == rows(count)


@pytest.mark.parametrize("count", [2, FEW_ROWS + 2])
async def test_a_key_that_is_taken_is_named(connection: Connection, count: int) -> None:
    await LINES.append(connection, rows(1))

    with pytest.raises(UniqueViolationError) as refused:
        await LINES.append(connection, rows(count))

    assert "(place)=(0)" in str(refused.value.detail)
