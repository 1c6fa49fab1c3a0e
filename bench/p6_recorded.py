"""P6: payments made elsewhere, reported over HTTP by a signed webhook; and the same told again.

`P6` reports references that nobody knows, `P6dup` references that are recorded already. Signature,
allow-list, allowance and the layers of the deduplication are in the way, as in production; only the
number of reports a minute is raised. The posting to the ledger is a consumer's, and not in here.
"""

import asyncio
from decimal import Decimal
from typing import Final

from msgspec import Struct

from bench.errands import KNOWN_REPORTS, known_reference
from bench.load import Kind
from bench.plan import Length
from bench.results import Result, paired
from bench.rounds import Measured, interleave
from bench.served import PROCESSES, Served, Watch, served_house
from bench.stage import House, Stage, opened_house
from tallystick.intake import Receipt, ReportedPayment
from tallystick.money import Currency, Money
from tallystick.platform.settings import secret

AT_ONCE: Final = 1_000
UNLIMITED: Final = 1_000_000_000


class Size(Struct, frozen=True):
    """How much of it."""

    connections: int
    rounds: int
    pgbench_s: int
    ours_s: float
    warm_s: float


SIZES: Final[dict[Length, Size]] = {
    "full": Size(128, rounds=3, pgbench_s=10, ours_s=10, warm_s=2),
    "quick": Size(128, rounds=1, pgbench_s=5, ours_s=6, warm_s=1),
    "tiny": Size(8, rounds=1, pgbench_s=1, ours_s=0.5, warm_s=0.2),
}


async def measure(stage: Stage) -> list[Result]:
    """Two results; every payment that was called created must be on record, and no other."""
    size = SIZES[stage.plan.length]
    fresh, repeated = Watch(), Watch()
    terms = {"webhook_rate_limit_max": UNLIMITED}
    async with opened_house(stage, "P6", accounts=0, **terms) as house:
        await _report_the_known(house)
        key = secret(house.app.settings.webhook_auth_secret)
        async with served_house(stage, house, **terms) as served:
            rounds = await interleave(
                lambda: stage.pgbench.tps(size.pgbench_s),
                {
                    "P6": lambda: _round(served, "report", key, size, fresh),
                    "P6dup": lambda: _round(served, "duplicate", key, size, repeated),
                },
                size.rounds,
            )
        on_record = await house.gauges.recorded_payments() - KNOWN_REPORTS
        faults = [*fresh.faults(on_record), *repeated.failures()]
        audit = (await house.audit()).also(faults)
    return [
        paired(
            name,
            rounds,
            audit,
            figures={"p50_ms": rounds.p50_ms(name), "p95_ms": rounds.p95_ms(name)},
            note=f"{what}, {size.connections} connections, {PROCESSES} API processes",
        )
        for name, what in (("P6", "new references"), ("P6dup", "known references"))
    ]


async def _round(served: Served, kind: Kind, key: str, size: Size, watch: Watch) -> Measured:
    report = await served.load(
        kind,
        keys=[key],
        connections=size.connections,
        seconds=size.ours_s,
        warm_s=size.warm_s,
    )
    return watch.seen(report)


async def _report_the_known(house: House) -> None:
    recording, now = house.app.recording, house.app.clock.now()
    for start in range(0, KNOWN_REPORTS, AT_ONCE):
        reports = (
            ReportedPayment(
                reference_number=known_reference(number),
                loan_account_number=f"LA{number}",
                cif=f"CIF{number}",
                amount=Money.from_major(Decimal("10.50"), Currency("USD")),
                payment_date=now,
                payment_channel=None,
                metadata={},
            )
            for number in range(start, start + AT_ONCE)
        )
        await asyncio.gather(
            *(recording.record_webhook(report, Receipt(received_at=now)) for report in reports)
        )
