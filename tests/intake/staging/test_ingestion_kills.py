"""`kill -9` of the ingestion: every row ends in exactly one of recorded, duplicate, failed."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random

import msgspec
import pytest

from tallystick.intake import Recording
from tallystick.platform.clock import HandClock
from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.pools import Connection
from tests.intake.staging.ingester import Plan
from tests.intake.staging.table import count, leave

pytestmark = pytest.mark.anyio

REPOSITORY = Path(__file__).parents[3]
KILLED = -9
POINTS = (
    "staging.after_claim",
    "staging.after_references",
    "staging.after_record",
    "bulk.before_commit",
    "bulk.after_commit",
)
Run = Callable[[str], Awaitable[int]]


@pytest.fixture
def run(address: Address, clock: HandClock, tmp_path: Path) -> Run:
    """The ingestion in a process of its own; how it ended."""

    async def start(point: str) -> int:
        path = tmp_path / "plan.json"
        path.write_bytes(msgspec.json.encode(Plan(address, clock.now(), workers=2)))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.intake.staging.ingester", str(path), point),
            cwd=REPOSITORY,
            stdout=asyncio.subprocess.DEVNULL,
        )
        async with asyncio.timeout(60):
            return await process.wait()

    return start


async def fill(etl: Connection, random: Random) -> tuple[int, int, int]:
    """Some rows of each fate, shuffled: how many are new, repeated and wrong."""
    new, repeated, wrong = random.randint(25, 45), random.randint(1, 9), random.randint(1, 9)
    references = [f"N{number}" for number in range(new)]
    rows = [(reference, "C") for reference in references]
    rows += [(random.choice(references), "C") for _ in range(repeated)]
    rows += [(f"W{number}", "") for number in range(wrong)]
    random.shuffle(rows)
    for reference, cif in rows:
        await leave(etl, reference_number=reference, cif=cif)
    return new, repeated, wrong


async def require_every_fate(
    etl: Connection, recording: Recording, fates: tuple[int, int, int]
) -> None:
    new, repeated, wrong = fates
    assert await count(etl, "payment_staging WHERE processed IS NOT TRUE") == 0
    for table in ("recorded_payments", "payment_references", "ledger_transfers"):
        assert await count(etl, table) == new, table
    assert await count(etl, "journal_facts WHERE kind = 'payment.recorded'") == new
    assert await count(etl, "intake_staging_failures WHERE reason <> ''") == wrong
    told = await etl.fetchrow(
        "SELECT sum(processed_records), sum(duplicate_records), sum(error_records)"
        " FROM staging_process_log"
    )
    assert tuple(told or ()) == (new, repeated, wrong)
    async with recording.database.reading() as connection:
        assert (await recording.journal.verify_chain(connection)).breaks == ()
        compared = await recording.journal.verify_projections(connection)
        assert all(table.equal for table in compared)


@pytest.mark.parametrize("point", ["staging.after_references:2", "bulk.after_commit:2"])
async def test_a_killed_ingestion_loses_and_doubles_nothing(
    recording: Recording, etl: Connection, run: Run, point: str
) -> None:
    fates = await fill(etl, Random(point))
    assert await run(point) == KILLED
    assert await run("-") == 0
    await require_every_fate(etl, recording, fates)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("point", POINTS)
async def test_killed_again_and_again(
    recording: Recording, etl: Connection, run: Run, point: str, seed: int
) -> None:
    random = Random(f"{point} {seed}")
    fates = await fill(etl, random)
    for _ in range(random.randint(1, 3)):
        assert await run(f"{point}:{random.randint(1, 3)}") in (KILLED, 0)
    assert await run("-") == 0
    await require_every_fate(etl, recording, fates)
