"""What an outside program leaves in the staging table ends recorded, as duplicate or as failed."""

import asyncio
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from msgspec import json

from tallystick.intake import Recording
from tallystick.intake.model import PaymentRecorded, loan_bucket
from tallystick.intake.staging import Ingestion
from tallystick.platform.ids import bucket_of
from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.pools import Connection, connect
from tests.intake.factories import RECEIPT, make_report
from tests.intake.staging.conftest import ingestion_over
from tests.intake.staging.table import count, leave, leave_many, plain

pytestmark = pytest.mark.anyio


async def fact_of(etl: Connection, reference: str) -> tuple[UUID, PaymentRecorded]:
    row = await etl.fetchrow(
        "SELECT aggregate_id, data FROM journal_facts"
        " WHERE kind = 'payment.recorded' AND data ->> 'reference_number' = $1",
        reference,
    )
    assert row is not None
    return row[0], json.decode(row[1], type=PaymentRecorded)


async def test_a_row_becomes_a_payment_its_reference_and_a_posting(
    ingestion: Ingestion, etl: Connection
) -> None:
    await leave(etl)

    summary = await ingestion.run()

    assert (summary.recorded, summary.duplicates, summary.errors) == (1, 0, 0)
    payment = await etl.fetchrow("SELECT * FROM recorded_payments")
    assert payment is not None
    assert (payment["source"], payment["currency"]) == ("staging", "USD")
    assert bucket_of(payment["id"]) == loan_bucket("LA123456789")
    assert json.decode(payment["metadata"]) == {
        "transaction_id": "TXN-001",
        "bank_code": "VCB",
        "_tallystick": {"channel": "staging", "received_at": "2026-03-02T09:30:00Z"},
    }
    assert await etl.fetchval("SELECT payment_id FROM payment_references") == payment["id"]
    assert await etl.fetchval("SELECT amount FROM ledger_transfers") == 100_050
    assert await count(etl, "payment_staging WHERE processed AND processed_at IS NOT NULL") == 1


async def test_its_fact_looks_like_that_of_a_webhook(
    recording: Recording, ingestion: Ingestion, etl: Connection
) -> None:
    exact = plain(2026, 3, 1, 10, 30, 0, 120_000)
    awkward = 'quotes " and \\ and \t tabs é 𝄞'
    for date, channel in ((exact, None), (exact.replace(microsecond=0), awkward)):
        report = make_report(
            reference_number=f"W {channel}",
            payment_date=f"{date.isoformat()}Z",
            payment_channel=channel,
        )
        await recording.record_webhook(report, RECEIPT)
        await leave(
            etl, reference_number=f"S {channel}", payment_date=date, payment_channel=channel
        )
    await ingestion.run()

    for channel in (None, awkward):
        _, webhook = await fact_of(etl, f"W {channel}")
        _, staged = await fact_of(etl, f"S {channel}")
        for field in PaymentRecorded.__struct_fields__:
            if field not in ("reference_number", "source", "metadata"):
                assert getattr(staged, field) == getattr(webhook, field), field
    texts = await etl.fetch("SELECT data FROM journal_facts WHERE kind = 'payment.recorded'")
    keys = [list(json.decode(row[0])) for row in texts]
    dates = sorted(json.decode(row[0])["payment_date"] for row in texts)
    assert keys == [keys[0]] * 4  # in one order
    assert (dates[0], dates[2]) == (dates[1], dates[3])  # spelled alike


async def test_of_one_reference_the_first_row_wins_and_the_rest_are_duplicates(
    recording: Recording, ingestion: Ingestion, etl: Connection
) -> None:
    await recording.record_webhook(make_report(reference_number="KNOWN"), RECEIPT)
    await leave(etl, reference_number="KNOWN")
    await leave(etl, reference_number="TWICE", cif="FIRST")
    await leave(etl, reference_number="TWICE", cif="SECOND")

    summary = await ingestion.run()

    assert (summary.total, summary.recorded, summary.duplicates) == (3, 1, 2)
    assert (await fact_of(etl, "TWICE"))[1].cif == "FIRST"
    assert await count(etl, "payment_staging WHERE processed") == 3


async def test_a_reference_that_was_cleaned_is_found_in_its_month(
    ingestion: Ingestion, etl: Connection
) -> None:
    await leave(etl)
    await ingestion.run()
    await etl.execute("DELETE FROM payment_references")
    await etl.execute("INSERT INTO intake_cleaned_months VALUES ('2026-03-01')")
    await leave(etl)

    assert (await ingestion.run()).duplicates == 1
    assert await count(etl, "recorded_payments") == 1


async def test_a_row_that_commits_late_is_not_skipped(
    ingestion: Ingestion, etl: Connection, owner_address: Address
) -> None:
    slow = await connect(owner_address, server_settings={"search_path": owner_address.schema})
    late = slow.transaction()
    await late.start()
    early_id = await leave(slow, reference_number="LATE")
    assert await leave(etl, reference_number="EARLY") > early_id
    assert (await ingestion.run()).recorded == 1
    await late.commit()
    await slow.close()

    assert (await ingestion.run()).recorded == 1
    assert await count(etl, "payment_staging WHERE NOT processed") == 0


async def test_workers_share_the_rows_without_overlap(
    recording: Recording, etl: Connection
) -> None:
    await leave_many(etl, "P-", 300)
    ingestion = ingestion_over(recording, batch_size=20, parallel=True, workers=3)

    summary = await ingestion.run()

    assert (summary.total, summary.recorded, summary.duplicates) == (300, 300, 0)
    log = await etl.fetchrow("SELECT sum(total_records), count(*) FROM staging_process_log")
    assert tuple(log or ()) == (300, summary.batches)
    async with ingestion.database.reading() as connection:
        assert (await ingestion.journal.verify_chain(connection)).breaks == ()
        compared = await ingestion.journal.verify_projections(connection)
        assert all(table.equal for table in compared)
    assert await etl.fetchval("SELECT max(debit_version) FROM ledger_transfers") == 300


async def test_rows_that_somebody_works_on_are_left_to_him(
    ingestion: Ingestion, etl: Connection
) -> None:
    await leave(etl, reference_number="HIS")
    await leave(etl, reference_number="OURS")
    async with etl.transaction():
        await etl.execute("SELECT FROM payment_staging WHERE reference_number = 'HIS' FOR UPDATE")
        assert (await ingestion.run()).recorded == 1


async def test_a_reference_sent_on_two_paths_at_once_is_one_payment(
    recording: Recording, ingestion: Ingestion, etl: Connection
) -> None:
    for number in range(20):
        await leave(etl, reference_number=f"BOTH-{number}")
    reports = [make_report(reference_number=f"BOTH-{number}") for number in range(20)]

    staged = asyncio.create_task(ingestion.run())
    told = await asyncio.gather(*(recording.record_webhook(report, RECEIPT) for report in reports))
    summary = await staged

    created = sum(one.status == "created" for one in told)
    assert created + summary.recorded == await count(etl, "recorded_payments") == 20
    assert await count(etl, "ledger_transfers") == 20


async def test_each_batch_is_logged_as_document_000_does(
    recording: Recording, etl: Connection
) -> None:
    ids = [await leave(etl, reference_number=reference) for reference in ("A", "A", "B")]
    await ingestion_over(recording, batch_size=2).run()

    log = await etl.fetch("SELECT * FROM staging_process_log ORDER BY batch_start_id")
    assert [(row["batch_start_id"], row["batch_end_id"], row["total_records"]) for row in log] == [
        (ids[0], ids[1], 2),
        (ids[2], ids[2], 1),
    ]
    assert [
        (row["processed_records"], row["duplicate_records"], row["error_records"], row["status"])
        for row in log
    ] == [(1, 1, 0, "completed"), (1, 0, 0, "completed")]


@pytest.mark.parametrize(
    ("zone", "recorded"),
    [("UTC", plain(2026, 3, 1, 10, 30)), ("Asia/Kolkata", plain(2026, 3, 1, 5, 0))],
)
async def test_a_date_without_zone_is_in_the_zone_of_the_settings(
    recording: Recording, etl: Connection, zone: str, recorded: datetime
) -> None:
    plain = ingestion_over(recording)
    zoned: Any = Ingestion(
        plain.journal,
        plain.database,
        plain.clock,
        type(plain.terms)("USD", plain.terms.amount_max, plain.terms.minor_units, 2, zone),
        plain.rules,
    )
    await leave(etl)
    await zoned.run()
    assert await etl.fetchval("SELECT payment_date FROM recorded_payments") == recorded


async def test_without_posting_only_the_fact_is_told(recording: Recording, etl: Connection) -> None:
    await leave(etl)
    await ingestion_over(recording, is_posting=False).run()
    assert await count(etl, "ledger_transfers") == 0
    assert (await fact_of(etl, "PAY-2026-001"))[1].amount_minor == 100_050
