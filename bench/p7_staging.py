"""P7: what lies in the staging table, recorded, beside the raw `INSERT ... SELECT` of its rows.

The raw limit writes the rows into a copy of `recorded_payments`, with its partitions and indexes
and nothing else: no judging, no deduplication, no facts, no chain, nothing marked. Rows are filled
in by SQL before each round; five in a hundred repeat a reference. `P7` is two workers on two bulk
lanes (`STAGING_PARALLEL`), `P7single` one, `P7import` a CSV of as many rows from its first byte to
its last. `P7growth`, which is measured only when named, goes on until `grown` rows are present.
"""

import csv
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from bench.plan import Length
from bench.results import Audit, Result, unpaired
from bench.stage import House, Stage, opened_house
from tallystick.intake import FIELDS
from tallystick.intake.staging import Ingestion
from tallystick.platform.postgres.pools import Connection, connect

WORKERS: Final = 2
REPEATED: Final = 20  # one row in so many repeats a reference
BATCH_ROWS: Final = 10_000


class Size(Struct, frozen=True):
    """How many rows a round and how many rounds; how many rows are present when growth ends."""

    rows: int
    rounds: int
    grown: int
    batch: int = BATCH_ROWS


SIZES: Final[dict[Length, Size]] = {
    "full": Size(1_000_000, rounds=3, grown=20_000_000),
    "quick": Size(100_000, rounds=2, grown=1_000_000),
    "tiny": Size(2_000, rounds=1, grown=8_000, batch=500),
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
    """Raw, one worker, raw, two workers, a file; again and again: medians count."""
    size = SIZES[stage.plan.length]
    names = [name for name in stage.plan.only if name.startswith("P7")]
    async with opened_house(
        stage, "P7", accounts=200, staging_batch_size=size.batch, db_statement_timeout=60_000
    ) as house:
        owner_login = stage.cluster.owner.in_database(house.address.database)
        owner = await connect(owner_login, server_settings={"search_path": house.address.schema})
        try:
            await owner.execute(_COPY)
            if names == ["P7growth"]:
                return [await _growth(_Loads(house, owner, size))]
            return await _rounds(_Loads(house, owner, size), stage)
        finally:
            await owner.close()


@dataclass
class _Loads:
    """The table being filled and worked through."""

    house: House
    owner: Connection
    size: Size
    filled: int = 0

    async def raw(self) -> float:
        """The raw limit, over rows that are still to be taken; rows a second."""
        began = perf_counter()
        await self.owner.execute(_RAW)
        rate = self.size.rows / (perf_counter() - began)
        await self.owner.execute("TRUNCATE raw_payments")
        return rate

    async def fill(self) -> None:
        """A round's rows, as an outside program leaves them."""
        await self.owner.execute(_FILL, self.filled, self.size.rows)
        await self.owner.execute("VACUUM ANALYZE payment_staging")
        self.filled += 1

    async def ingest(self, workers: int) -> float:
        """Rows a second."""
        ingestion = _with_workers(self.house.app.upkeep.ingestion, workers)
        began = perf_counter()
        summary = await ingestion.run()
        rate = self.size.rows / (perf_counter() - began)
        if (summary.total, summary.duplicates) != (self.size.rows, self.size.rows // REPEATED):
            raise AssertionError(f"not what was filled in: {summary}")
        return rate

    async def import_file(self, path: Path) -> float:
        """Rows a second."""
        began = perf_counter()
        summary = await self.house.app.imports.import_file(path)
        rate = self.size.rows / (perf_counter() - began)
        if (summary.rejected, summary.duplicates) != (0, self.size.rows // REPEATED):
            raise AssertionError(f"not what was written: {summary}")
        return rate


async def _rounds(loads: _Loads, stage: Stage) -> list[Result]:
    size, random = loads.size, Random(stage.plan.seed)
    raw: list[float] = []
    ours: dict[str, list[float]] = {"P7": [], "P7single": [], "P7import": []}

    async def staged(workers: int) -> float:
        await loads.fill()
        raw.append(await loads.raw())
        return await loads.ingest(workers)

    for number in range(size.rounds):
        ours["P7single"].append(await staged(1))
        ours["P7"].append(await staged(WORKERS))
        path = stage.folder / "payments.csv"
        _write_csv(path, f"FILE-{number}", size.rows, random)
        ours["P7import"].append(await loads.import_file(path))
    audit = await loads.house.audit()
    return [_result(name, rates, raw, size, audit) for name, rates in ours.items()]


def _result(name: str, rates: list[float], raw: list[float], size: Size, audit: Audit) -> Result:
    rate = median(rates)
    what = {"P7": f"{WORKERS} workers", "P7single": "one worker", "P7import": "a CSV"}[name]
    return unpaired(
        name,
        audit,
        figures={"ratio": rate / median(raw), "rate": rate, "seconds": size.rows / rate},
        note=f"{what}, {size.rows} rows a round, 5 % duplicates; raw INSERT ... SELECT "
        + ", ".join(f"{one:.0f}" for one in raw),
        details={"raw": raw, "ours": rates},
    )


async def _growth(loads: _Loads) -> Result:
    """Round after round until so many rows are present; the last three against the first three
    after the first.
    """
    raw, ours = [], []
    while loads.filled * loads.size.rows < loads.size.grown:
        await loads.fill()
        raw.append(await loads.raw())
        ours.append(await loads.ingest(WORKERS))
    early, late = median(ours[1:4]), median(ours[-3:])
    early_raw, late_raw = median(raw[1:4]), median(raw[-3:])
    return unpaired(
        "P7growth",
        await loads.house.audit(),
        figures={
            "kept": late / early,
            "rate": late,
            "rate_early": early,
            "ratio": late / late_raw,
            "ratio_early": early / early_raw,
        },
        note=f"{WORKERS} workers, {loads.size.rows} rows a round until {loads.size.grown}",
        details={"raw": raw, "ours": ours},
    )


def _with_workers(ingestion: Ingestion, workers: int) -> Ingestion:
    """The product's own, with so many workers."""
    rules = replace(ingestion.rules, parallel=workers > 1, workers=workers)
    return Ingestion(ingestion.journal, ingestion.database, ingestion.clock, ingestion.terms, rules)


def _write_csv(path: Path, prefix: str, rows: int, random: Random) -> None:
    """Rows such as those that `_FILL` makes."""
    today = datetime.now(UTC)
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(FIELDS)
        for n in range(1, rows + 1):
            date = today - timedelta(seconds=random.randrange(60 * 86_400))
            table.writerow(
                (
                    f"{prefix}-{n - 7 if n % REPEATED == 0 else n}",
                    f"LA{random.randrange(6_000_000)}",
                    f"CIF{random.randrange(3_000_000)}",
                    f"{random.randrange(100, 10_000_000) / 100:.2f}",
                    f"{date:%Y-%m-%dT%H:%M:%SZ}",
                    "online_banking",
                    f'{{"transaction_id": "TXN-{n}", "bank_code": "VCB"}}',
                )
            )
