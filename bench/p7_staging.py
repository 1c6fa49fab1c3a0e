"""P7: what lies in the staging table, recorded, beside the raw `INSERT ... SELECT` of its rows.

The raw limit writes the rows into a copy of `recorded_payments`, with its partitions and indexes
and nothing else: no judging, no deduplication, no facts, no chain, nothing marked. Rows are filled
in by SQL before each round; five in a hundred repeat a reference.
"""

from statistics import median
from time import perf_counter
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from bench.plan import Length
from bench.results import Result, unpaired
from bench.stage import House, Stage, opened_house
from tallystick.intake.staging import Ingestion, IngestionSummary
from tallystick.platform.postgres.pools import Connection, connect


class Size(Struct, frozen=True):
    """How many rows a round, how many rounds, and how many a batch."""

    rows: int
    rounds: int
    batch: int = 10_000


SIZES: Final[dict[Length, Size]] = {
    "full": Size(1_000_000, rounds=3),
    "quick": Size(100_000, rounds=2),
    "tiny": Size(2_000, rounds=1, batch=500),
}
_COPY: Final = """
DO $$
DECLARE month text;
BEGIN
    CREATE TABLE raw_payments (LIKE recorded_payments INCLUDING ALL)
           PARTITION BY RANGE (payment_date);
    FOR month IN SELECT right(relname, 7) FROM pg_inherits JOIN pg_class AS c ON c.oid = inhrelid
                  WHERE inhparent = 'recorded_payments'::regclass LOOP
        EXECUTE format('CREATE TABLE raw_payments_%s PARTITION OF raw_payments '
                       'FOR VALUES FROM (%L) TO (%L)', month, to_date(month, 'YYYY_MM'),
                       to_date(month, 'YYYY_MM') + interval '1 month');
    END LOOP;
END $$
"""
_FILL: Final = """
INSERT INTO payment_staging (reference_number, loan_account_number, cif, amount, payment_date,
                             payment_channel, metadata)
SELECT format('BENCH-%s-%s', $1::integer, CASE WHEN n % 20 = 0 THEN n - 7 ELSE n END),
       'LA' || (random() * 6000000)::bigint, 'CIF' || (random() * 3000000)::bigint,
       round((1 + random() * 99999)::numeric, 2),
       date_trunc('day', now() AT TIME ZONE 'UTC') - random() * interval '60 days',
       'online_banking', jsonb_build_object('transaction_id', 'TXN-' || n, 'bank_code', 'VCB')
  FROM generate_series(1, $2::integer) AS n
"""
_RAW: Final = """
INSERT INTO raw_payments
SELECT gen_random_uuid(), reference_number, loan_account_number, cif, amount, payment_date,
       payment_channel, 'staging', metadata, now(), 'USD'
  FROM payment_staging WHERE processed IS NOT TRUE
"""


async def measure(stage: Stage) -> list[Result]:
    """Raw, ours, raw, ours, raw: medians count."""
    size = SIZES[stage.plan.length]
    async with opened_house(
        stage, "P7", accounts=200, staging_batch_size=size.batch, db_statement_timeout=60_000
    ) as house:
        owner_login = stage.cluster.owner.in_database(house.address.database)
        owner = await connect(owner_login, server_settings={"search_path": house.address.schema})
        try:
            raw, ours = await _rounds(house, owner, size)
        finally:
            await owner.close()
        audit = await house.audit()
    raw_rate, our_rate = median(raw), median(ours)
    return [
        unpaired(
            "P7",
            audit,
            figures={"ratio": our_rate / raw_rate, "rate": our_rate},
            note=f"{size.rows} rows a round, 5 % duplicates; raw INSERT ... SELECT "
            + ", ".join(f"{rate:.0f}" for rate in raw),
            details={"raw": raw, "ours": ours},
        )
    ]


async def _rounds(house: House, owner: Connection, size: Size) -> tuple[list[float], list[float]]:
    await owner.execute(_COPY)
    ingestion = house.app.upkeep.ingestion
    ingestion = replace_rules(ingestion, size)
    raw, ours = [], []
    for number in range(size.rounds):
        await owner.execute(_FILL, number, size.rows)
        await owner.execute("VACUUM ANALYZE payment_staging")
        raw.append(await _timed_raw(owner, size))
        ours.append(await _timed(ingestion, size))
    return raw, ours


def replace_rules(ingestion: Ingestion, size: Size) -> Ingestion:
    """The product's own, with the largest batches it allows."""
    return Ingestion(
        ingestion.journal,
        ingestion.database,
        ingestion.clock,
        ingestion.terms,
        replace(ingestion.rules, batch_size=size.batch),
    )


async def _timed_raw(owner: Connection, size: Size) -> float:
    began = perf_counter()
    await owner.execute(_RAW)
    rate = size.rows / (perf_counter() - began)
    await owner.execute("TRUNCATE raw_payments")
    return rate


async def _timed(ingestion: Ingestion, size: Size) -> float:
    began = perf_counter()
    summary: IngestionSummary = await ingestion.run()
    rate = size.rows / (perf_counter() - began)
    if (summary.total, summary.duplicates) != (size.rows, size.rows // 20):
        raise AssertionError(f"not what was filled in: {summary}")
    return rate
