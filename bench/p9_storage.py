"""P9: what a transfer, and a complete change, leave on the disk for ever, indexes included."""

from random import Random
from typing import Final

from msgspec import Struct

from bench.plan import Length
from bench.results import Result, unpaired
from bench.stage import Stage, opened_house
from bench.traffic import Traffic, measure_calls


class Size(Struct, frozen=True):
    """How much of it. Long enough that half-filled index pages no longer count."""

    accounts: int
    callers: int
    seconds_each: float


SIZES: Final[dict[Length, Size]] = {
    "full": Size(1_000_000, callers=4, seconds_each=30),
    "quick": Size(100_000, callers=4, seconds_each=6),
    "tiny": Size(200, callers=2, seconds_each=0.2),
}


async def measure(stage: Stage) -> list[Result]:
    """A transfer first, then the complete change, each on what the other has left."""
    size = SIZES[stage.plan.length]
    async with opened_house(stage, "P9", accounts=size.accounts) as house:
        traffic = Traffic(house.app, house.accounts, Random(stage.plan.seed))
        bare, complete = [
            await measure_calls(house, call, callers=size.callers, seconds=size.seconds_each)
            for call in (traffic.bare, traffic.complete)
        ]
        audit = await house.audit()
    return [
        unpaired(
            "P9",
            audit,
            figures={
                "bytes_transfer": bare.extra["bytes"],
                "bytes_change": complete.extra["bytes"],
                "wal_bytes_transfer": bare.extra["wal_bytes"],
                "wal_bytes_change": complete.extra["wal_bytes"],
            },
            note=f"{bare.count} transfers, then {complete.count} complete changes",
            details={"bare": bare, "complete": complete},
        )
    ]
