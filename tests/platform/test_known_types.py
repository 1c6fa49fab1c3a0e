"""What PostgreSQL's own arrays are made of is asked once a process; of other types, each time."""

from uuid import UUID

import pytest

from tallystick.platform.postgres import known_types
from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.pools import connect

pytestmark = pytest.mark.anyio
IDS = [UUID(int=1), UUID(int=2)]


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_types, "_known", {})


@pytest.mark.parametrize("statement_cache_size", [100, 0])
async def test_the_second_connection_knows_what_the_first_was_told(
    address: Address, statement_cache_size: int
) -> None:
    asked = [
        await _asked(address, "SELECT $1::uuid[]", IDS, statement_cache_size=statement_cache_size)
        for _ in range(3)
    ]
    assert asked == [True, False, False]


async def test_a_type_made_by_hand_is_asked_about_on_every_connection(
    address: Address, owner_address: Address
) -> None:
    owner = await connect(owner_address)
    await owner.execute("CREATE TYPE public.mood AS ENUM ('calm', 'busy')")
    await owner.close()

    query = "SELECT $1::public.mood[]"
    assert [await _asked(address, query, ["calm", "busy"]) for _ in range(2)] == [True, True]


async def _asked(address: Address, query: str, value: object, **options: int) -> bool:
    """Whether a new connection asks about types for this; the value must come back as it is."""
    statements: list[str] = []
    connection = await connect(address, **options)
    try:
        connection.add_query_logger(lambda statement: statements.append(statement.query))
        for _ in range(2):
            assert await connection.fetchval(query, value) == value
    finally:
        await connection.close()
    return any("typeinfo_tree" in statement for statement in statements)
