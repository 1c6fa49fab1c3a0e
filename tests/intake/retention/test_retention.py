"""What is let go is let go by fact, and everything else still proves."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from pydantic import SecretStr

from tallystick.app import App, open_app
from tallystick.cli.running.environment import database_url
from tallystick.intake.retention.maintenance import NotTheOwner
from tallystick.platform.clock import HandClock
from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.pools import Connection, connect
from tallystick.platform.settings import Settings
from tests.intake.factories import RECEIPT, make_report

pytestmark = pytest.mark.anyio
DAY = timedelta(days=1)
OLD = {"reference_number": "OLD", "payment_date": "2025-03-05T10:00:00Z"}


@pytest.fixture
async def owner(owner_address: Address) -> AsyncIterator[Connection]:
    connection = await connect(owner_address, server_settings={"search_path": owner_address.schema})
    yield connection
    await connection.close()


@pytest.fixture
async def app(
    settings: Settings, address: Address, owner_address: Address, clock: HandClock
) -> AsyncIterator[App]:
    owned = settings.model_copy(
        update={"db_owner_url": secret_url(owner_address), "sandbox_port": 1}
    )
    async with open_app(owned, address=address, clock=clock) as app:
        await app.upkeep.maintenance.run()
        yield app


async def proves(app: App) -> list[str]:
    return [check.name for check in (await app.prove()).checks if not check.green]


async def test_a_missing_month_is_made_and_a_dry_run_says_so(app: App, owner: Connection) -> None:
    name = "recorded_payments_2026_05"
    await owner.execute("SELECT intake_drop_partition('2026-05-01')")
    planned = await app.upkeep.maintenance.run(dry_run=True)
    assert planned.made == (name,)
    assert name not in [one.name for one in await app.upkeep.maintenance.list_partitions()]
    done = await app.upkeep.maintenance.run()
    assert done.made == (name,)
    assert name in [partition.name for partition in done.partitions]
    assert (await app.upkeep.maintenance.run()).made == ()


async def test_a_month_is_dropped_with_a_fact_and_the_books_prove(
    app: App, clock: HandClock, owner: Connection
) -> None:
    await app.recording.record_webhook(make_report(**OLD), RECEIPT)
    await app.recording.record_webhook(make_report(), RECEIPT)
    clock.advance(31 * DAY)

    planned = await app.upkeep.maintenance.run(dry_run=True)
    assert await owner.fetchval("SELECT count(*) FROM recorded_payments") == 2
    done = await app.upkeep.maintenance.run()

    names = [partition.name for partition in planned.dropped]
    assert names == [partition.name for partition in done.dropped]
    assert "recorded_payments_2025_03" in names
    dropped = {partition.name: partition for partition in done.dropped}
    assert dropped["recorded_payments_2025_03"].payments == 1
    assert dropped["recorded_payments_2025_03"].bytes > 0
    assert await owner.fetchval("SELECT count(*) FROM recorded_payments") == 1
    assert await proves(app) == []
    async with app.database.reading() as connection:
        compared = {c.table: c for c in await app.journal.verify_projections(connection)}
    assert (compared["recorded_payments"].rows, compared["recorded_payments"].let_go) == (1, 1)
    rebuilt = await app.journal.rebuild(owner, "recorded_payments")
    assert rebuilt.equal
    assert await owner.fetchval("SELECT count(*) FROM recorded_payments") == 1


async def test_above_the_cut_a_missing_payment_is_still_found(
    app: App, clock: HandClock, owner: Connection
) -> None:
    await app.recording.record_webhook(make_report(**OLD), RECEIPT)
    await app.recording.record_webhook(make_report(), RECEIPT)
    clock.advance(31 * DAY)
    await app.upkeep.maintenance.run()
    await owner.execute("DELETE FROM recorded_payments")
    assert await proves(app) == ["projections"]


async def test_a_partition_that_vanished_without_a_fact_is_found(
    app: App, owner: Connection
) -> None:
    await app.recording.record_webhook(make_report(**OLD), RECEIPT)
    await owner.execute("SELECT intake_drop_partition('2025-03-01')")
    assert await proves(app) == ["projections"]


async def test_references_are_cleaned_after_ninety_days_and_still_count(
    app: App, clock: HandClock, owner: Connection
) -> None:
    first = await app.recording.record_webhook(make_report(), RECEIPT)
    clock.advance(91 * DAY)
    await app.upkeep.maintenance.run()
    late = await app.recording.record_webhook(make_report(reference_number="LATE"), RECEIPT)

    report = await app.upkeep.cleanup.run()

    assert report.references == 1
    left = await owner.fetch("SELECT reference_number FROM payment_references")
    assert [row[0] for row in left] == ["LATE"]
    assert await proves(app) == []
    await app.recording.references.clear()
    again = await app.recording.record_webhook(make_report(), RECEIPT)
    assert (again.status, again.payment_id) == ("duplicate", first.payment_id)
    await owner.execute(
        "INSERT INTO payment_staging (reference_number, loan_account_number, cif, amount,"
        " payment_date) VALUES ('PAY-2026-001', 'L', 'C', 1, '2026-05-01')"
    )
    assert (await app.upkeep.ingestion.run()).duplicates == 1
    assert late.status == "created"
    assert (await app.journal.rebuild(owner, "payment_references")).equal


async def test_logs_are_forgotten_after_thirty_days(
    app: App, clock: HandClock, owner: Connection
) -> None:
    await owner.execute(
        "INSERT INTO staging_process_log (batch_start_id, batch_end_id, total_records, started_at)"
        " SELECT 1, 1, 1, $1::timestamp - day * interval '1 day'"
        " FROM generate_series(1, 40) AS day",
        clock.now().replace(tzinfo=None),
    )
    report = await app.upkeep.cleanup.run()
    assert report.log_rows == 10
    assert await owner.fetchval("SELECT count(*) FROM staging_process_log") == 30


async def test_without_the_owners_login_nothing_is_made(
    settings: Settings, address: Address, clock: HandClock
) -> None:
    ours = settings.model_copy(update={"sandbox_port": 1})
    async with open_app(ours, address=address, clock=clock) as app:
        with pytest.raises(NotTheOwner):
            await app.upkeep.maintenance.run()


def secret_url(owner: Address) -> SecretStr:
    return SecretStr(database_url(owner))
