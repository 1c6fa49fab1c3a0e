"""A month has one partition, made before its payments come."""

import asyncio
from datetime import UTC, datetime

import pytest

from tallystick.intake import InvalidPayment, ensure_partitions
from tallystick.intake.partitions import HeldMonths
from tallystick.platform.postgres.pools import Address, Database

pytestmark = pytest.mark.anyio


async def months(database: Database) -> list[str]:
    rows = await database.fetch(
        "SELECT inhrelid::regclass::text FROM pg_inherits"
        " WHERE inhparent = 'recorded_payments'::regclass ORDER BY 1"
    )
    return [row[0].removeprefix("recorded_payments_") for row in rows]


async def test_the_migration_makes_the_past_twelve_months_and_the_next_three(
    database: Database,
) -> None:
    now = await database.fetchval("SELECT now()")
    held = await months(database)

    assert len(held) == 16
    assert held[12] == f"{now:%Y_%m}"


async def test_there_is_no_default_partition(database: Database) -> None:
    strategies = "SELECT partdefid FROM pg_partitioned_table"

    assert await database.fetchval(strategies) == 0


async def test_months_are_added_once_around_the_year_end(
    database: Database, owner_address: Address
) -> None:
    before = await months(database)
    for now in (datetime(2020, 12, 31, 23, 59, tzinfo=UTC), datetime(2021, 1, 1, tzinfo=UTC)):
        await asyncio.gather(*(ensure_partitions(owner_address, now) for _ in range(3)))

    added = sorted(set(await months(database)) - set(before))

    assert (added[0], added[-1], len(added)) == ("2019_12", "2021_04", 17)


async def test_partitions_have_the_documented_indexes(database: Database) -> None:
    names = await database.fetch(
        "SELECT indexdef FROM pg_indexes WHERE tablename = 'recorded_payments' ORDER BY indexname"
    )
    month = (await months(database))[0]
    own = await database.fetch(
        "SELECT indexdef FROM pg_indexes WHERE tablename = $1", f"recorded_payments_{month}"
    )

    columns = sorted(row[0].split("(", 1)[1] for row in names)
    assert sorted(row[0].split("(", 1)[1] for row in own) == columns
    assert columns == [
        "cif, payment_date DESC)",
        "created_at)",
        "id, payment_date)",
        "loan_account_number, payment_date DESC)",
        "reference_number)",
    ]


async def test_a_month_made_a_moment_ago_is_held_after_a_second_look(
    database: Database, owner_address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = iter((0.0, 0.0, 0.0, 0.5, 2.0, 2.0, 2.0))
    monkeypatch.setattr("tallystick.intake.partitions.monotonic", lambda: next(seconds))
    held, date = HeldMonths(database), datetime(2001, 5, 31, 23, 59, 59, tzinfo=UTC)
    with pytest.raises(InvalidPayment):
        await held.require(date)
    await ensure_partitions(owner_address, date)
    with pytest.raises(InvalidPayment):
        await held.require(date)

    await held.require(date)
