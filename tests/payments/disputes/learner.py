"""A process that learns of disputes once, to be killed while it does.

python -m tests.payments.disputes.learner PLAN POINT        (PLAN is a file, POINT may be "-")
"""

import asyncio
import sys
from datetime import datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from tallystick import identity, payments
from tallystick.journal import Journal
from tallystick.payments import Operations
from tallystick.payments.disputes import Disputes
from tallystick.payments.disputes.beats import DisputeBeats
from tallystick.platform import crash
from tallystick.platform.clock import HandClock
from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.pools import open_database
from tallystick.platform.settings import load_settings
from tallystick.rails import Rails, Route


class Plan(Struct, frozen=True):
    """Where the house and the bank are, and what time it is."""

    address: Address
    bank_url: str
    clock_at: datetime


async def learn(plan: Plan) -> None:
    """One round of the feed, and what is due."""
    clock = HandClock(plan.clock_at)
    route = Route(
        name="hdfc_bank",
        provider="hdfc_bank",
        base_url=plan.bank_url,
        priority=1,
        max_amount_minor={"INR": 10_000_000},
        fee_bp=50,
    )
    projections = (*identity.projections, *payments.projections)
    settings = load_settings(env_file=None, db_pool_min=0)
    async with (
        open_database(plan.address, settings) as database,
        Journal.open(database, clock, projections=projections, master_key=bytes(32)) as journal,
        Rails.open([route], timeout_ms=5_000) as rails,
    ):
        disputes = Disputes(DisputeBeats(Operations(journal, database, rails, clock)))
        await disputes.feed.read_all()
        await disputes.look_at_due()


if __name__ == "__main__":
    path, point = sys.argv[1:]
    crash.arm(None if point == "-" else point)
    asyncio.run(learn(msgspec.json.decode(Path(path).read_bytes(), type=Plan)))
