"""P3: transfers in bulk over HTTP, hundreds a request, each with a verdict of its own.

`POST /api/v1/transfers/bulk` with an API key and a random Idempotency-Key; what is counted are
transfers, what takes time are requests.
"""

from typing import Final

from bench.plan import Length
from bench.results import Result
from bench.stage import Stage
from bench.transfers_over_http import Size, measure_transfers

SIZES: Final[dict[Length, Size]] = {
    "full": Size(1_000_000, 16, rounds=3, pgbench_s=10, ours_s=10, warm_s=2, bulk=500),
    "quick": Size(100_000, 16, rounds=1, pgbench_s=5, ours_s=6, warm_s=2, bulk=500),
    "tiny": Size(200, 4, rounds=1, pgbench_s=1, ours_s=0.5, warm_s=0.2, bulk=20),
}


async def measure(stage: Stage) -> list[Result]:
    """One result."""
    return await measure_transfers(stage, "P3", "bulk", SIZES[stage.plan.length])
