"""P13: agents who look payments up by loan account and by customer, with all of them present.

The payments are made by SQL, straight into their months: how long that took is told beside the
figure. Each agent has a connection of its own and asks every `PAUSE_S` seconds, for a loan account
or a customer at random. Nobody may be told that there is nothing.
"""

from time import perf_counter
from typing import Final

from msgspec import Struct

from bench.plan import Length
from bench.results import Audit, Result, unpaired
from bench.served import PROCESSES, Watch, served_house
from bench.stage import House, Stage, opened_house
from bench.tidying import owner_of, settle
from tallystick.platform.postgres.pools import Connection

PAUSE_S: Final = 2.0
PAYMENTS_AT_ONCE: Final = 1_000_000


class Size(Struct, frozen=True):
    """How much of it. Every loan has `payments` / `loans` of them, rounded up or down."""

    loans: int
    payments: int
    agents: int
    seconds: float
    warm_s: float


SIZES: Final[dict[Length, Size]] = {
    "full": Size(6_000_000, 20_000_000, agents=2_000, seconds=30, warm_s=10),
    "quick": Size(60_000, 200_000, agents=500, seconds=6, warm_s=3),
    "tiny": Size(600, 2_000, agents=20, seconds=1, warm_s=0.5),
}
# The payments of a loan lie months apart, as payments do; two loans belong to one customer.
_FILL: Final = """
INSERT INTO recorded_payments (id, reference_number, loan_account_number, cif, amount, payment_date,
                               payment_channel, source, metadata, created_at, currency)
SELECT gen_random_uuid(), 'P13-' || n, 'LA' || n % $3, 'CIF' || n % $3 / 2,
       round((1 + random() * 99999)::numeric, 2),
       now() AT TIME ZONE 'UTC' - (n::double precision / $4) * interval '330 days',
       'online_banking', 'staging', '{"transaction_id": "TXN-001", "bank_code": "VCB"}',
       now() AT TIME ZONE 'UTC', 'USD'
  FROM generate_series($1::bigint, $2::bigint - 1) AS n
"""

_WARM: Final = "SELECT sum(amount) FROM recorded_payments WHERE {owner} >= ''"


async def measure(stage: Stage) -> list[Result]:
    """One result: the latencies of a look-up."""
    size = SIZES[stage.plan.length]
    watch = Watch()
    async with opened_house(stage, "P13", accounts=0) as house:
        built_s = await _build(stage, house, size)
        _, key = await house.app.keys.create(None, "bench")
        async with served_house(stage, house) as served:
            report = await served.load(
                "lookup",
                keys=[key],
                connections=size.agents,
                seconds=size.seconds,
                warm_s=size.warm_s,
                pace_per_s=size.agents / PAUSE_S,
                loans=size.loans,
            )
        latency = watch.seen(report)
        audit = Audit(watch.failures(), await house.gauges.deadlocks())
    return [
        unpaired(
            "P13",
            audit,
            figures={
                "p50_ms": latency.p50_ms,
                "p95_ms": latency.p95_ms,
                "p99_ms": latency.p99_ms,
                "rate": latency.rate,
                "built_s": built_s,
            },
            note=f"{size.agents} agents, each every {PAUSE_S:.0f} s; {size.loans} loans and "
            f"{size.payments} payments present; {PROCESSES} API processes",
            details={"latency": latency},
        )
    ]


async def _build(stage: Stage, house: House, size: Size) -> float:
    """Seconds that it took."""
    began = perf_counter()
    async with owner_of(stage, house) as owner:
        await _fill(owner, size)
        await owner.execute("VACUUM ANALYZE recorded_payments")
        await settle(owner)  # or its writing would go on beside the agents
        await _warm(owner)
    return perf_counter() - began


async def _warm(owner: Connection) -> None:
    """Read what agents look at, by the way they take, as those of the days before have done.

    Of tables larger than a quarter of its buffers, PostgreSQL keeps nothing that it reads in order.
    """
    await owner.execute("SET enable_seqscan = off; SET enable_bitmapscan = off")
    for owner_of_payment in ("loan_account_number", "cif"):
        await owner.execute(_WARM.format(owner=owner_of_payment))


async def _fill(owner: Connection, size: Size) -> None:
    for start in range(0, size.payments, PAYMENTS_AT_ONCE):
        end = min(start + PAYMENTS_AT_ONCE, size.payments)
        await owner.execute(_FILL, start, end, size.loans, size.payments)
