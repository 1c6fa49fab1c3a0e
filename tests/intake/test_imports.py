"""A file is imported once, however often it is run, and its bad rows come back to be mended."""

import asyncio
import csv
from collections.abc import Callable
from pathlib import Path

import duckdb
import msgspec
import pytest

from tallystick.intake import Imports, ImportSummary, IntakeError, Recording, checks
from tallystick.intake.imports import CHUNK_ROWS
from tallystick.intake.model import ImportInterrupted
from tallystick.journal import BulkLoader, Busy
from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.pools import Connection, Database, connect
from tests.intake.factories import RECEIPT, make_report

pytestmark = pytest.mark.anyio

HEADER = "reference_number,loan_account_number,cif,amount,payment_date,payment_channel,agent"


def line(n: int, amount: str = "10.50") -> str:
    return f"R-{n},LA-{n % 7},CIF-{n},{amount},2026-0{n % 3 + 1}-01T10:00:00Z,branch,A-{n}"


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write(*lines: str) -> Path:
        path = tmp_path / "paid.csv"
        path.write_text("\n".join((HEADER, *lines)), encoding="utf-8")
        return path

    return write


def tally(summary: ImportSummary) -> tuple[int, int, int, int]:
    return summary.rows_read, summary.created, summary.duplicates, summary.rejected


async def posted_minor(database: Database) -> int:
    total: int = await database.fetchval(
        "SELECT credits_posted FROM ledger_accounts WHERE code = 'loans:receivable:USD'"
    )
    return total


async def test_each_row_becomes_a_payment_posted_once(
    recording: Recording, database: Database, write: Callable[..., Path]
) -> None:
    count = 2 * CHUNK_ROWS + 7
    summary = await Imports(recording).import_file(write(*map(line, range(count))))

    assert tally(summary) == (count, count, 0, 0)
    assert summary.rejects_path is None
    assert await database.fetchval("SELECT count(*) FROM recorded_payments") == count
    assert await posted_minor(database) == count * 1_050
    for check in checks:
        assert await database.fetch(check.sql) == []


async def test_an_imported_payment_says_which_import_it_came_with(
    recording: Recording, write: Callable[..., Path]
) -> None:
    summary = await Imports(recording).import_file(write(line(1)))

    row = await recording.find_payment("R-1")
    assert row is not None
    assert row.source == "staging"
    assert msgspec.json.decode(row.metadata or "") == {
        "agent": "A-1",
        "import_id": str(summary.import_id),
        "_tallystick": {"received_at": "2026-03-02T09:30:00Z", "channel": "file"},
    }


async def test_bad_rows_go_to_the_rejects_file_and_can_be_mended_there(
    recording: Recording, database: Database, write: Callable[..., Path], tmp_path: Path
) -> None:
    path = write(
        line(1), line(2, "ten"), line(3).replace("2026-01", "1999-01"), "R-4,LA-4", line(5)
    )
    summary = await Imports(recording).import_file(path)

    assert tally(summary) == (5, 2, 0, 3)
    assert summary.rejects_path == tmp_path / "paid.rejects.csv"
    with summary.rejects_path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["_row", "_reason", *HEADER.split(",")]
    assert [(row[0], row[1].split(";")[0], row[2]) for row in rows] == [
        ("3", "amount must be a number", "R-2"),
        ("4", "payment_date is in 1999-01, which is not held: 2025-03 to 2027-02 are", "R-3"),
        ("5", "row has 2 cells, its header 7", "R-4"),
    ]

    mended = tmp_path / "mended.csv"
    text = summary.rejects_path.read_text(encoding="utf-8")
    mended.write_text(text.replace(",ten,", ",10.50,"), encoding="utf-8")
    again = await Imports(recording).import_file(mended)

    assert tally(again) == (3, 1, 0, 2)
    row = await recording.find_payment("R-2")
    assert row is not None
    assert set(msgspec.json.decode(row.metadata or "")) == {"agent", "import_id", "_tallystick"}


async def test_the_same_file_again_creates_nothing(
    recording: Recording, database: Database, write: Callable[..., Path]
) -> None:
    path = write(*map(line, range(50)))
    first = await Imports(recording).import_file(path)
    again = await Imports(recording).import_file(path)

    assert tally(again) == (50, 0, 50, 0)
    assert again.import_id == first.import_id
    assert await posted_minor(database) == 50 * 1_050


async def test_two_runs_at_once_record_each_payment_once(
    recording: Recording, database: Database, write: Callable[..., Path]
) -> None:
    path = write(*map(line, range(500)))
    one, other = await asyncio.gather(
        *(Imports(recording).import_file(path, rejects_path=path.with_name(n)) for n in "ab")
    )

    assert one.created + other.created == 500
    assert one.duplicates + other.duplicates == 500
    assert await posted_minor(database) == 500 * 1_050


async def test_a_reference_known_by_webhook_or_twice_in_the_file_is_a_duplicate(
    recording: Recording, database: Database, write: Callable[..., Path]
) -> None:
    await recording.record_webhook(make_report(reference_number="R-1"), RECEIPT)

    summary = await Imports(recording).import_file(write(line(1), line(2), line(2, "99"), line(3)))

    assert tally(summary) == (4, 2, 2, 0)
    kept = await recording.find_payment("R-2")
    assert kept is not None
    assert str(kept.amount) == "10.50"


async def test_of_two_rows_with_one_reference_the_earlier_counts_even_chunks_apart(
    recording: Recording, database: Database, write: Callable[..., Path]
) -> None:
    repeated = (line(n, "99.00") for n in range(CHUNK_ROWS))
    path = write(*map(line, range(CHUNK_ROWS)), *repeated)

    summary = await Imports(recording).import_file(path)

    assert tally(summary) == (2 * CHUNK_ROWS, CHUNK_ROWS, CHUNK_ROWS, 0)
    assert await posted_minor(database) == CHUNK_ROWS * 1_050


async def test_an_import_cut_short_is_resumed_by_running_it_again(
    recording: Recording, database: Database, write: Callable[..., Path]
) -> None:
    count = 3 * CHUNK_ROWS
    path = write(*map(line, range(count)))
    told: list[ImportSummary] = []

    def cut(summary: ImportSummary) -> None:
        told.append(summary)
        running.cancel()

    running = asyncio.ensure_future(Imports(recording).import_file(path, on_progress=cut))
    with pytest.raises(asyncio.CancelledError):
        await running
    resumed = await Imports(recording).import_file(path)

    assert told[0].created == CHUNK_ROWS
    assert resumed.duplicates >= CHUNK_ROWS
    assert resumed.created + resumed.duplicates == count
    assert await posted_minor(database) == count * 1_050


async def test_a_database_away_for_a_moment_is_ridden_out_and_for_longer_ends_the_import(
    recording: Recording, write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tallystick.intake.imports.PAUSES_S", (0.0, 0.0))
    connected, failures = BulkLoader.connected, iter([True, True, False, False])

    async def connect_sometimes(loader: BulkLoader) -> Connection:
        if next(failures, True):
            raise Busy("the database is away")
        return await connected(loader)

    monkeypatch.setattr(BulkLoader, "connected", connect_sometimes)
    path = write(line(1))

    assert (await Imports(recording).import_file(path)).created == 1
    with pytest.raises(ImportInterrupted, match="run it again to resume"):
        await Imports(recording).import_file(path)


async def test_a_dry_run_tells_what_would_happen_and_records_nothing(
    recording: Recording, database: Database, write: Callable[..., Path]
) -> None:
    await recording.record_webhook(make_report(reference_number="R-1"), RECEIPT)
    path = write(line(1), line(2), line(2), line(3, "0"), line(4))

    summary = await Imports(recording).import_file(path, dry_run=True)

    assert tally(summary) == (5, 2, 2, 1)
    assert summary.dry_run
    assert summary.rejects_path is not None
    assert await database.fetchval("SELECT count(*) FROM recorded_payments") == 1


async def test_progress_is_told_after_each_chunk_and_ends_at_the_whole(
    recording: Recording, write: Callable[..., Path]
) -> None:
    told: list[ImportSummary] = []
    path = write(*map(line, range(2 * CHUNK_ROWS + 1)))

    await Imports(recording).import_file(path, dry_run=True, on_progress=told.append)

    assert [summary.rows_read for summary in told] == [
        CHUNK_ROWS,
        2 * CHUNK_ROWS,
        2 * CHUNK_ROWS + 1,
    ]
    assert [summary.share_read for summary in told] == sorted(s.share_read for s in told)
    assert told[-1].share_read == 1.0


async def test_a_row_that_a_table_refuses_is_rejected_alone(
    recording: Recording, owner_address: Address, write: Callable[..., Path]
) -> None:
    owner = await connect(owner_address, server_settings={"search_path": owner_address.schema})
    await owner.execute("ALTER TABLE recorded_payments ADD CONSTRAINT no_7 CHECK (cif <> 'CIF-7')")
    await owner.close()

    summary = await Imports(recording).import_file(write(*map(line, range(20))))

    assert tally(summary) == (20, 19, 0, 1)
    assert "no_7" in (summary.rejects_path or Path()).read_text(encoding="utf-8")


async def test_columns_of_other_names_are_mapped(recording: Recording, tmp_path: Path) -> None:
    path = tmp_path / "bank.csv"
    path.write_text(
        "UTR;loan;cif;Amount;value date\nU-1;LA-1;C-1;5.00;2026-02-01\n", encoding="utf-8"
    )
    names = {"UTR": "reference_number", "loan": "loan_account_number", "value date": "payment_date"}

    summary = await Imports(recording).import_file(path, names=names)

    assert tally(summary) == (1, 1, 0, 0)
    row = await recording.find_payment("U-1")
    assert row is not None
    assert row.loan_account_number == "LA-1"
    with pytest.raises(IntakeError, match="has no column utr"):
        await Imports(recording).import_file(path, names={"utr": "reference_number"})


async def test_parquet_is_imported_like_csv(recording: Recording, tmp_path: Path) -> None:
    path = tmp_path / "paid.parquet"
    duckdb.connect().execute(f"""
        COPY (SELECT 'Р-' || n AS reference_number, 'LA-1' AS loan_account_number, 'C' AS cif,
                     (n * 1.01)::DECIMAL(15, 2) AS amount,
                     TIMESTAMP '2026-02-01 10:00:00' + INTERVAL (n) MINUTE AS payment_date
                FROM range(1, 101) AS numbers(n)) TO '{path}' (FORMAT parquet)
    """)

    summary = await Imports(recording).import_file(path)

    assert tally(summary) == (100, 100, 0, 0)
    row = await recording.find_payment("Р-100")
    assert row is not None
    assert (str(row.amount), str(row.payment_date)) == ("101.00", "2026-02-01 11:40:00")


async def test_a_file_is_not_overwritten_by_its_own_rejects(
    recording: Recording, write: Callable[..., Path]
) -> None:
    path = write(line(1, "bad"))

    same = path.parent / "." / "x" / ".." / path.name
    (path.parent / "x").mkdir()
    with pytest.raises(IntakeError, match="cannot hold its own rejects"):
        await Imports(recording).import_file(path, rejects_path=same)
    for nowhere in (path.parent, path.parent / "missing" / "rejects.csv"):
        with pytest.raises(IntakeError, match="rejects cannot be written to"):
            await Imports(recording).import_file(path, rejects_path=nowhere)

    assert path.read_text(encoding="utf-8").startswith(HEADER)


async def test_a_folder_without_a_name_is_no_file(recording: Recording) -> None:
    with pytest.raises(IntakeError):
        await Imports(recording).import_file(Path("/"))
