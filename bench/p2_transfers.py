"""P2: single transfers over HTTP, one request each, between random accounts.

`POST /api/v1/transfers` with an API key and a random Idempotency-Key, over keep-alive connections
to several API processes that share one socket and one lane.
"""

from typing import Final

from bench.plan import Length
from bench.results import Result
from bench.stage import Stage
from bench.transfers_over_http import Size, measure_transfers

SIZES: Final[dict[Length, Size]] = {
    "full": Size(1_000_000, connections=128, rounds=3, pgbench_s=10, ours_s=10, warm_s=2),
    "quick": Size(100_000, connections=128, rounds=1, pgbench_s=5, ours_s=6, warm_s=2),
    "tiny": Size(200, connections=16, rounds=1, pgbench_s=1, ours_s=0.5, warm_s=0.2),
}


async def measure(stage: Stage) -> list[Result]:
    """One result."""
    return await measure_transfers(stage, "P2", "transfer", SIZES[stage.plan.length])
