"""Rows that cannot be recorded: found by set, told with every reason, tried again, given up."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec import json

from tallystick.intake import Recording
from tallystick.intake.model import IntakeTerms
from tallystick.intake.staging import Ingestion, StagingFailed
from tallystick.intake.staging.model import LoadTerms
from tallystick.platform.clock import HandClock
from tallystick.platform.postgres.pools import Connection
from tests.intake.staging.conftest import ingestion_over
from tests.intake.staging.table import count, leave, plain

pytestmark = pytest.mark.anyio

DEEP = '{"a": ' * 33 + "1" + "}" * 33
DEEP_ENOUGH = '{"a": ' * 32 + "[]" + "}" * 32
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no reference": (
        {"reference_number": ""},
        "reference_number must have 1 to 255 characters",
    ),
    "no loan": ({"loan_account_number": ""}, "loan_account_number must have 1 to 20 characters"),
    "no cif": ({"cif": ""}, "cif must have 1 to 20 characters"),
    "nothing": ({"amount": Decimal(0)}, "amount must be from 0.01 to 9999999999999.99"),
    "negative": ({"amount": Decimal(-5)}, "amount must be from 0.01 to 9999999999999.99"),
    "not a number": ({"amount": Decimal("NaN")}, "amount must be from 0.01 to 9999999999999.99"),
    "long ago": (
        {"payment_date": plain(1999, 12, 31)},
        "payment_date is in 1999-12, which is not held",
    ),
    "far ahead": (
        {"payment_date": plain(2031, 1, 1)},
        "payment_date is in 2031-01, which is not held",
    ),
    "a list": ({"metadata": "[1]"}, "metadata must be an object"),
    "our key": ({"metadata": '{"_tallystick": 1}'}, "metadata must not have the key _tallystick"),
    "large": (
        {"metadata": json.encode({"a": "x" * 33_000}).decode()},
        "metadata must be at most 32768 bytes",
    ),
    "deep": ({"metadata": DEEP}, "metadata must be at most 32 levels deep"),
    "huge number": ({"metadata": '{"a": 1e309}'}, "metadata holds a number beyond 1e308"),
    "fine number": ({"metadata": '{"a": 1e-309}'}, "or finer than 1e-308"),
}


async def reasons(etl: Connection) -> dict[int, str]:
    return dict(
        map(tuple, await etl.fetch("SELECT staging_id, reason FROM intake_staging_failures"))
    )


async def test_every_fault_is_told_and_holds_up_nobody(
    recording: Recording, etl: Connection
) -> None:
    ids = {}
    for case, (change, _) in WRONG.items():
        ids[case] = await leave(etl, **({"reference_number": case} | change))
    for place, date in enumerate(("infinity", "-infinity", "4713-01-01 BC")):
        text = "INSERT INTO payment_staging (reference_number, loan_account_number, cif, amount,"
        await etl.execute(f"{text} payment_date) VALUES ('T{place}', 'L', 'C', 1, '{date}')")
    good = await leave(etl, reference_number="good", metadata=DEEP_ENOUGH)

    summary = await ingestion_over(recording, max_retries=0).run()

    assert (summary.recorded, summary.errors) == (1, len(WRONG) + 3)
    found = await reasons(etl)
    for case, (_, reason) in WRONG.items():
        assert reason in found[ids[case]], case
    assert [found[good - place] for place in (1, 2, 3)] == [
        "payment_date is no date of the calendar"
    ] * 3
    assert await count(etl, "payment_staging WHERE NOT processed") == 0


async def test_all_faults_of_a_row_are_told_at_once(recording: Recording, etl: Connection) -> None:
    row = await leave(etl, cif="", amount=Decimal(0), payment_date=plain(1999, 1, 1))
    await ingestion_over(recording, max_retries=0).run()
    assert (await reasons(etl))[row].count(";") == 2


@pytest.mark.parametrize(
    ("currency", "amount", "is_good"),
    [
        ("JPY", "100.00", True),
        ("JPY", "100.50", False),
        ("KWD", "100.55", True),
        ("KWD", "999999999999.99", True),
        ("KWD", "1000000000000.00", False),
        ("USD", "9999999999999.99", True),
    ],
)
async def test_the_currency_says_which_amounts_there_are(
    recording: Recording, etl: Connection, currency: str, amount: str, is_good: bool
) -> None:
    plain = ingestion_over(recording, max_retries=0, is_posting=False)
    terms = LoadTerms.of(IntakeTerms.of(currency, "UTC"))
    ingestion = Ingestion(plain.journal, plain.database, plain.clock, terms, plain.rules)
    await leave(etl, amount=Decimal(amount))

    summary = await ingestion.run()

    assert (summary.recorded, summary.errors) == ((1, 0) if is_good else (0, 1))
    if is_good:
        minor = await etl.fetchval(
            "SELECT (data ->> 'amount_minor')::bigint FROM journal_facts"
            " WHERE kind = 'payment.recorded'"
        )
        assert minor == int(Decimal(amount).scaleb({"JPY": 0, "KWD": 3, "USD": 2}[currency]))


async def test_a_row_is_tried_again_after_the_delay_and_then_given_up(
    recording: Recording, etl: Connection, clock: HandClock
) -> None:
    ingestion = ingestion_over(recording, max_retries=2, retry_delay_ms=5_000)
    await leave(etl, amount=Decimal(0))
    attempts = []
    for _ in range(3):
        summary = await ingestion.run()
        attempts.append((summary.total, summary.to_be_retried, summary.errors))
        assert (await ingestion.run()).total == 0  # not before its time
        clock.advance(timedelta(seconds=5.1))

    assert attempts == [(1, 1, 0), (1, 1, 0), (1, 0, 1)]
    assert (await ingestion.run()).total == 0
    assert await ingestion.count_backlog() == 0
    details = await etl.fetchval(
        "SELECT error_details FROM staging_process_log WHERE error_records = 1"
    )
    assert json.decode(details)["rows"][0]["attempts"] == 3


async def test_a_row_that_is_mended_in_time_is_recorded_and_its_failure_forgotten(
    recording: Recording, etl: Connection, clock: HandClock
) -> None:
    ingestion = ingestion_over(recording, retry_delay_ms=1_000)
    await leave(etl, amount=Decimal(0))
    assert (await ingestion.run()).to_be_retried == 1
    await etl.execute("UPDATE payment_staging SET amount = 7")
    clock.advance(timedelta(seconds=1.1))

    assert (await ingestion.run()).recorded == 1
    assert await count(etl, "intake_staging_failures") == 0


async def test_a_row_that_a_table_refuses_is_set_aside_alone(
    recording: Recording, etl: Connection
) -> None:
    await etl.execute("ALTER TABLE recorded_payments ADD CONSTRAINT no_x CHECK (cif <> 'X')")
    for number in range(12):
        await leave(etl, reference_number=f"R{number}", cif="X" if number == 5 else "C")

    summary = await ingestion_over(recording, max_retries=0, batch_size=10).run()

    assert (summary.recorded, summary.errors) == (11, 1)
    assert "no_x" in next(iter((await reasons(etl)).values()))


async def test_a_batch_that_takes_too_long_comes_to_nothing_and_is_logged(
    recording: Recording, etl: Connection
) -> None:
    await leave(etl)
    async with etl.transaction():
        await etl.execute("LOCK TABLE recorded_payments IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(StagingFailed):
            await ingestion_over(recording, timeout_ms=200).run()

    assert await etl.fetchval("SELECT status FROM staging_process_log") == "failed"
    assert (await ingestion_over(recording).run()).recorded == 1
