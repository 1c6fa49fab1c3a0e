"""A reference stands for one payment, and a payment is posted once."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from tallystick.books import PLATFORM, account_id
from tallystick.intake import (
    InvalidPayment,
    Recorded,
    Recording,
    checks,
    ensure_partitions,
    projections,
)
from tallystick.intake.dedup import Layer
from tallystick.intake.model import Receipt, Source
from tallystick.intake.retention.store import clean_references
from tallystick.journal import Change, Refused
from tallystick.ledger import Freeze
from tallystick.platform.clock import HandClock
from tallystick.platform.ids import bucket_of, new_id
from tallystick.platform.postgres.pools import Address, Database, connect
from tests.intake.factories import RECEIPT, make_report, open_recording

pytestmark = pytest.mark.anyio


async def owner_runs(owner: Address, sql: str, *args: object) -> None:
    connection = await connect(owner, server_settings={"search_path": owner.schema})
    try:
        await connection.execute(sql, *args)
    finally:
        await connection.close()


async def posted_minor(database: Database, code: str = "loans:receivable:USD") -> int:
    account = account_id(PLATFORM, code)
    posted: int = await database.fetchval(
        "SELECT debits_posted - credits_posted FROM ledger_accounts WHERE id = $1", account
    )
    return posted


def asked_database(recording: Recording) -> tuple[int, int]:
    """How often the last layer was asked, and knew it."""
    count = recording.references.counts[Layer.DATABASE]
    return count.lookups, count.hits


async def offences(database: Database) -> dict[str, list[Any]]:
    return {check.name: await database.fetch(check.sql) for check in checks}


class TestAWebhook:
    async def test_creates_a_payment_with_all_its_columns(
        self, recording: Recording, database: Database, clock: HandClock
    ) -> None:
        receipt = Receipt(clock.now(), channel="vcb", request_id="req-1", client_ip="192.0.2.7")

        recorded = await recording.record_webhook(make_report(), receipt)

        row = await recording.find_payment("PAY-2026-001")
        assert row is not None
        assert recorded == Recorded("created", row.id)
        assert (row.loan_account_number, row.cif) == ("LA123456789", "CIF123456")
        assert (row.amount, row.currency) == (Decimal("1000.50"), "USD")
        assert (row.payment_channel, row.source) == ("online_banking", "webhook")
        assert row.payment_date == datetime.fromisoformat("2026-03-01T10:30:00")
        assert row.created_at == clock.now().replace(tzinfo=None)
        assert msgspec.json.decode(row.metadata or "") == {
            "transaction_id": "TXN-001",
            "bank_code": "VCB",
            "_tallystick": {
                "channel": "vcb",
                "request_id": "req-1",
                "received_at": "2026-03-02T09:30:00Z",
                "client_ip": "192.0.2.7",
            },
        }

    async def test_posts_from_the_channel_to_the_receivable(
        self, recording: Recording, database: Database
    ) -> None:
        recorded = await recording.record_webhook(make_report(), RECEIPT)

        (posting,) = await database.fetch("SELECT id, amount, code FROM ledger_transfers")
        assert tuple(posting) == (recorded.payment_id, 100_050, "recorded_payment")
        assert await posted_minor(database, "channel:clearing:USD") == 100_050
        assert await posted_minor(database, "loans:receivable:USD") == -100_050

    async def test_sent_again_is_a_duplicate_of_the_first_whatever_else_it_says(
        self, recording: Recording, database: Database
    ) -> None:
        first = await recording.record_webhook(make_report(), RECEIPT)
        for changes in ({}, {"amount": Decimal(7)}, {"payment_date": "1999-01-01"}):
            again = await recording.record_webhook(make_report(**changes), RECEIPT)
            assert again == Recorded("duplicate", first.payment_id)

        assert await posted_minor(database) == -100_050

    async def test_loses_nothing_when_the_memory_of_references_is_empty(
        self, recording: Recording, database: Database, clock: HandClock
    ) -> None:
        first = await recording.record_webhook(make_report(), RECEIPT)

        async with open_recording(database, clock) as elsewhere:
            again = await elsewhere.record_webhook(make_report(), RECEIPT)

        assert again == Recorded("duplicate", first.payment_id)

    async def test_sent_64_times_at_once_through_two_processes_is_one_payment(
        self, recording: Recording, database: Database, clock: HandClock
    ) -> None:
        async with open_recording(database, clock) as elsewhere:
            answers = await asyncio.gather(
                *(
                    room.record_webhook(make_report(), RECEIPT)
                    for _ in range(32)
                    for room in (recording, elsewhere)
                )
            )

        assert Counter(answer.status for answer in answers) == {"created": 1, "duplicate": 63}
        assert len({answer.payment_id for answer in answers}) == 1
        assert await posted_minor(database) == -100_050

    async def test_with_a_91_days_old_reference_is_still_a_duplicate(
        self, recording: Recording, database: Database, owner_address: Address, clock: HandClock
    ) -> None:
        first = await recording.record_webhook(make_report(), RECEIPT)
        clock.advance(timedelta(days=91))
        owner = await connect(owner_address, server_settings={"search_path": owner_address.schema})
        async with owner.transaction():
            assert await clean_references(owner, clock.now() - timedelta(days=90), 100) == 1
        await owner.close()

        async with open_recording(database, clock) as later:
            again = await later.record_webhook(make_report(), RECEIPT)

        assert again == Recorded("duplicate", first.payment_id)
        assert await posted_minor(database) == -100_050

    async def test_sent_again_to_another_process_is_found_by_the_journal(
        self, recording: Recording, database: Database, clock: HandClock
    ) -> None:
        first = await recording.record_webhook(make_report(), RECEIPT)
        assert asked_database(recording) == (1, 0)

        async with open_recording(database, clock) as other:
            again = await other.record_webhook(make_report(), RECEIPT)
            assert asked_database(other) == (1, 1)

        assert again == Recorded("duplicate", first.payment_id)

    async def test_sent_again_with_a_date_of_no_month_is_a_duplicate_everywhere(
        self, recording: Recording, database: Database, clock: HandClock
    ) -> None:
        first = await recording.record_webhook(make_report(), RECEIPT)

        async with open_recording(database, clock) as other:
            again = await other.record_webhook(make_report(payment_date="1999-12-31"), RECEIPT)

        assert again == Recorded("duplicate", first.payment_id)

    async def test_with_the_documented_body_of_2024_is_recorded_under_a_clock_of_2024(
        self, database: Database, owner_address: Address
    ) -> None:
        clock = HandClock(datetime(2024, 1, 15, 10, 35, tzinfo=UTC))
        await ensure_partitions(owner_address, clock.now())

        async with open_recording(database, clock) as recording:
            report = make_report(payment_date="2024-01-15T10:30:00Z")
            recorded = await recording.record_webhook(report, RECEIPT)

        month = await database.fetchval("SELECT tableoid::regclass::text FROM recorded_payments")
        assert (recorded.status, month) == ("created", "recorded_payments_2024_01")

    @pytest.mark.parametrize("date", ["1999-12-31", "2025-02-28T23:59:59Z", "2035-01-01"])
    async def test_of_a_month_that_is_not_held_is_refused_in_words(
        self, recording: Recording, database: Database, date: str
    ) -> None:
        with pytest.raises(
            InvalidPayment, match=f"payment_date is in {date[:7]}, which is not held"
        ):
            await recording.record_webhook(make_report(payment_date=date), RECEIPT)

        facts = "SELECT count(*) FROM journal_facts WHERE kind = 'payment.recorded'"
        assert await database.fetchval(facts) == 0

    async def test_of_a_month_dropped_a_moment_ago_spoils_nobody_elses(
        self, recording: Recording, database: Database, owner_address: Address
    ) -> None:
        await recording.record_webhook(make_report(), RECEIPT)
        await owner_runs(owner_address, "DROP TABLE recorded_payments_2025_05")

        answers = await asyncio.gather(
            *(
                recording.record_webhook(
                    make_report(reference_number=f"R-{n}", payment_date=date), RECEIPT
                )
                for n, date in enumerate(["2025-05-05", "2026-01-01", "2026-02-02"])
            ),
            return_exceptions=True,
        )

        assert isinstance(answers[0], InvalidPayment)
        assert [a.status for a in answers[1:] if isinstance(a, Recorded)] == ["created"] * 2

    async def test_is_refused_when_the_books_refuse_it(
        self, recording: Recording, database: Database, clock: HandClock
    ) -> None:
        receivable = account_id(PLATFORM, "loans:receivable:USD")
        freeze = Change(new_id(clock.now(), 0), accounts=(Freeze(receivable, "all"),))
        await recording.journal.record(freeze)

        with pytest.raises(Refused):
            await recording.record_webhook(make_report(), RECEIPT)

        assert await recording.find_payment("PAY-2026-001") is None

    @pytest.mark.parametrize("reference", ["№ 支払い 🧾", "a" * 255, "🧾" * 255, "%_\\'\"; --"])
    async def test_keeps_any_reference_as_it_was_written(
        self, recording: Recording, reference: str
    ) -> None:
        recorded = await recording.record_webhook(make_report(reference_number=reference), RECEIPT)

        row = await recording.find_payment(reference)
        assert row is not None
        assert (row.id, row.reference_number) == (recorded.payment_id, reference)


async def test_recording_the_same_change_twice_answers_as_at_first(recording: Recording) -> None:
    change = recording.change_for(make_report(), Source.STAGING, RECEIPT)

    answers = [await recording.record_change(change) for _ in range(2)]

    assert answers == [Recorded("created", change.id)] * 2


async def test_a_payment_lies_in_the_bucket_of_its_loan(recording: Recording) -> None:
    ids = [
        (await recording.record_webhook(make_report(reference_number=f"R-{n}"), RECEIPT)).payment_id
        for n in range(3)
    ]

    assert len({bucket_of(payment_id) for payment_id in ids}) == 1


async def test_the_fact_folds_to_the_rows_that_were_written(
    recording: Recording, database: Database
) -> None:
    recorded = await recording.record_webhook(make_report(), RECEIPT)

    payment = await recording.journal.row_as_of(projections[0], recorded.payment_id, 1)
    reference = await recording.journal.row_as_of(projections[1], recorded.payment_id, 1)

    written = await recording.find_payment("PAY-2026-001")
    assert written is not None
    assert msgspec.json.decode(payment.metadata) == msgspec.json.decode(written.metadata or "")
    assert msgspec.structs.replace(payment, metadata=written.metadata) == written
    standing = await database.fetchrow("SELECT * FROM payment_references")
    assert standing is not None
    assert msgspec.structs.astuple(reference) == tuple(standing)


class TestTheChecks:
    async def test_are_green_over_what_was_recorded(
        self, recording: Recording, database: Database
    ) -> None:
        await recording.record_webhook(make_report(), RECEIPT)

        assert await offences(database) == {check.name: [] for check in checks}

    async def test_find_a_payment_that_is_not_posted_and_a_reference_that_stands_twice(
        self, recording: Recording, database: Database, owner_address: Address
    ) -> None:
        recorded = await recording.record_webhook(make_report(), RECEIPT)
        await owner_runs(
            owner_address,
            """
            ALTER TABLE ledger_transfers DISABLE TRIGGER append_only;
            UPDATE ledger_transfers SET amount = amount - 1;
            INSERT INTO recorded_payments SELECT gen_random_uuid(), reference_number, 'L', 'C', 1,
                payment_date, NULL, 'webhook', NULL, now(), 'USD' FROM recorded_payments;
            """,
        )

        found = await offences(database)

        assert [row[0] for row in found["recorded_payments_posted"]] == [recorded.payment_id]
        assert [row[0] for row in found["recorded_payments_once"]] == ["PAY-2026-001"]
