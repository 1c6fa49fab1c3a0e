"""A process that works through the staging table, to be killed while it does.

python -m tests.intake.staging.ingester PLAN POINT        (PLAN is a file, POINT may be "-")
"""

import asyncio
import sys
from datetime import datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from tallystick.intake import Recording, projections
from tallystick.intake.staging import Ingestion, StagingRules
from tallystick.journal import Journal
from tallystick.platform import crash
from tallystick.platform.clock import HandClock
from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.pools import open_database
from tallystick.platform.settings import load_settings


class Plan(Struct, frozen=True):
    """Where the table is, what time it is, and how many work at once."""

    address: Address
    clock_at: datetime
    workers: int = 1


async def ingest(plan: Plan) -> None:
    """Everything that may be taken."""
    clock = HandClock(plan.clock_at)
    settings = load_settings(env_file=None, db_pool_min=0)
    async with (
        open_database(plan.address, settings) as database,
        Journal.open(database, clock, projections=projections, master_key=bytes(32)) as journal,
    ):
        terms = Recording.over(journal, database, clock, currency="USD", timezone="UTC").terms
        rules = StagingRules(
            batch_size=10, max_retries=1, retry_delay_ms=0, parallel=True, workers=plan.workers
        )
        await Ingestion.over(journal, database, clock, terms=terms, rules=rules).run()


if __name__ == "__main__":
    path, point = sys.argv[1:]
    crash.arm(None if point == "-" else point)
    asyncio.run(ingest(msgspec.json.decode(Path(path).read_bytes(), type=Plan)))
