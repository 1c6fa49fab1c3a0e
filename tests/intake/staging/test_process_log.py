"""The log of batches tells what is under way, what was done, and who never came back."""

import asyncio
from datetime import timedelta

import pytest
from asyncpg import Record

from tallystick.intake import Recording
from tallystick.intake.staging.process_log import GRACE
from tallystick.platform.clock import HandClock
from tallystick.platform.postgres.pools import Connection
from tests.intake.staging.conftest import ingestion_over
from tests.intake.staging.table import leave, leave_many

pytestmark = pytest.mark.anyio

UNDER_WAY = """
INSERT INTO staging_process_log (batch_start_id, batch_end_id, total_records, started_at)
VALUES (1, 9, 9, $1)
"""


async def logged(etl: Connection) -> list[Record]:
    return list(await etl.fetch("SELECT * FROM staging_process_log ORDER BY started_at"))


async def first_logged(etl: Connection) -> Record:
    async with asyncio.timeout(10):
        while not (rows := await logged(etl)):  # noqa: ASYNC110 - told by another connection
            await asyncio.sleep(0.01)
    return rows[0]


async def test_a_batch_under_way_is_told_to_others_with_its_rows(
    recording: Recording, etl: Connection
) -> None:
    await leave_many(etl, "P-", 5)

    lock = etl.transaction()
    await lock.start()
    await etl.execute("LOCK TABLE recorded_payments IN SHARE MODE")
    run = asyncio.create_task(ingestion_over(recording).run())
    told = await first_logged(etl)
    await lock.commit()
    await run

    (settled,) = await logged(etl)
    assert (told["status"], told["total_records"], told["completed_at"]) == ("processing", 5, None)
    assert (settled["id"], settled["status"]) == (told["id"], "completed")
    assert settled["processed_records"] == 5


async def test_a_batch_whose_process_died_is_called_failed_once_it_cannot_be_alive(
    recording: Recording, etl: Connection, clock: HandClock
) -> None:
    ingestion = ingestion_over(recording, timeout_ms=1_000)
    await etl.execute(UNDER_WAY, clock.now().replace(tzinfo=None))

    clock.advance(GRACE)
    await ingestion.run()
    assert [row["status"] for row in await logged(etl)] == ["processing"]

    clock.advance(timedelta(seconds=1.5))
    await ingestion.run()
    (row,) = await logged(etl)
    assert (row["status"], row["batch_end_id"]) == ("failed", 9)
    assert "its process ended" in row["error_details"]


async def test_a_batch_that_came_to_nothing_keeps_its_rows_and_says_why(
    recording: Recording, etl: Connection
) -> None:
    first = await leave(etl)
    await etl.execute("ALTER TABLE recorded_payments ADD CONSTRAINT no_x CHECK (cif = 'X')")

    await ingestion_over(recording, max_retries=0, batch_size=1).run()

    failed, given_up = sorted(await logged(etl), key=lambda row: str(row["status"] == "completed"))
    assert (failed["status"], failed["batch_start_id"]) == ("failed", first)
    assert "no_x" in failed["error_details"]
    assert (given_up["status"], given_up["error_records"]) == ("completed", 1)
