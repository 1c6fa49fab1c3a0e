"""P2: single transfers over HTTP, one request each, between random accounts.

`POST /api/v1/transfers` with an API key and a random Idempotency-Key, over keep-alive connections
to several API processes that share one socket and one lane. `P2deadlocks` is the same between a
hundred accounts alone, each moved both ways at once by both processes: PostgreSQL sees no deadlock.
"""

from typing import Final

from msgspec.structs import replace

from bench.plan import Length
from bench.results import Result
from bench.stage import Stage
from bench.transfers_over_http import Size, measure_transfers

SIZES: Final[dict[Length, Size]] = {
    "full": Size(1_000_000, connections=128, rounds=3, pgbench_s=10, ours_s=10, warm_s=2),
    "quick": Size(100_000, connections=128, rounds=1, pgbench_s=5, ours_s=6, warm_s=2),
    "tiny": Size(200, connections=16, rounds=1, pgbench_s=1, ours_s=0.5, warm_s=0.2),
}
HOT_ACCOUNTS: Final = 100


async def measure(stage: Stage) -> list[Result]:
    """`P2` and `P2deadlocks`; a deadlock makes either of them invalid."""
    size = SIZES[stage.plan.length]
    hot = replace(size, accounts=HOT_ACCOUNTS, rounds=1)
    return [
        *await measure_transfers(stage, "P2", "transfer", size),
        *await measure_transfers(stage, "P2deadlocks", "transfer", hot),
    ]
