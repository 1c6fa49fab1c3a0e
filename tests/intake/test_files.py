"""Files are read row by row as text, and a malformed row costs only itself."""

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from tallystick.intake import InvalidPayment
from tallystick.intake.files import FileRow, fingerprint
from tallystick.intake.formats import open_import_file
from tallystick.intake.model import ReportedPayment, UnreadableFile
from tallystick.intake.rows import reported_by
from tests.intake.factories import USD

HEADER = "reference_number,loan_account_number,cif,amount,payment_date,payment_channel,metadata"
GOOD = "R-{n},LA-1,CIF-1,10.50,2026-03-01T10:00:00Z,branch,"


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write(*lines: str, name: str = "payments.csv", end: str = "\n") -> Path:
        path = tmp_path / name
        path.write_bytes(end.join(lines).encode(errors="surrogateescape"))
        return path

    return write


def rows_of(path: Path) -> list[FileRow]:
    with open_import_file(path) as file:
        return file.take(1_000)


def reports_of(path: Path) -> list[ReportedPayment]:
    return [reported_by(row, USD, str(fingerprint(path))) for row in rows_of(path)]


def faults_of(path: Path) -> dict[int, str]:
    """What is wrong with each bad row of the file, by its line."""
    found = {}
    for row in rows_of(path):
        try:
            reported_by(row, USD, str(fingerprint(path)))
        except InvalidPayment as invalid:
            found[row.number] = str(invalid)
    return found


class TestCsv:
    def test_a_row_becomes_a_report(self, write: Callable[..., Path]) -> None:
        path = write(HEADER, 'R-1,LA-1,CIF-1,10.50,2026-03-01T10:00:00Z,,"{""bank"": ""VCB""}"')

        (report,) = reports_of(path)

        assert (report.reference_number, report.amount.amount_minor) == ("R-1", 1_050)
        assert report.payment_channel is None
        assert report.metadata == {"bank": "VCB", "import_id": str(fingerprint(path))}

    def test_columns_come_in_any_order_and_unknown_ones_are_kept(
        self, write: Callable[..., Path]
    ) -> None:
        path = write(
            "Agent, Amount ,PAYMENT_DATE,cif,loan_account_number,reference_number",
            "Nguyễn,10,2026-03-01,CIF-1,LA-1,R-1",
        )

        (report,) = reports_of(path)

        assert report.amount.amount_minor == 1_000
        assert report.metadata["Agent"] == "Nguyễn"

    @pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
    def test_delimiters_line_ends_and_a_byte_order_mark_are_recognised(
        self, write: Callable[..., Path], delimiter: str, end: str
    ) -> None:
        lines = [line.replace(",", delimiter) for line in (HEADER, GOOD.format(n=1), "")]
        path = write("\ufeff" + lines[0], *lines[1:], end=end)

        assert [report.reference_number for report in reports_of(path)] == ["R-1"]

    def test_bad_rows_in_the_middle_are_told_by_line_and_cost_only_themselves(
        self, write: Callable[..., Path]
    ) -> None:
        path = write(
            HEADER,
            GOOD.format(n=1),
            "R-2,LA-1,CIF-1,10.50,2026-03-01T10:00:00Z,branch,,extra",
            "R-3,LA-1",
            "",
            '"R-5","LA-1",CIF-1,10.50,"2026-03-01\nT",branch,',
            GOOD.format(n=6).replace("R-6", "R-\udcff"),
            'R-8,LA-1,CIF-1,"10.50"0,2026-03-01T10:00:00Z,branch,',
            'R-9,LA-1,,"1,000.50",2026-03-01T10:00:00Z,branch,{',
            GOOD.format(n=10),
        )

        assert faults_of(path) == {
            3: "row has 8 cells, its header 7",
            4: "row has 2 cells, its header 7",
            6: "payment_date must be an ISO 8601 date and time, such as 2024-01-15T10:30:00Z",
            8: "reference_number must be valid Unicode text",
            9: "row line 9 to 9: ',' expected after '\"'",
            10: "cif is required; amount must be a number; metadata must be an object",
        }
        assert [row.number for row in rows_of(path)] == [2, 3, 4, 6, 8, 9, 10, 11]

    def test_an_open_quote_does_not_swallow_the_rest_of_a_long_file(
        self, write: Callable[..., Path]
    ) -> None:
        rows = [GOOD.format(n=n) for n in range(5_000)]
        path = write(HEADER, 'R-open,LA-1,"CIF', *rows)

        with open_import_file(path) as file:
            first, *rest = file.take(10_000)

        assert first.fault is not None
        assert first.fault.startswith("line 2 to ")
        assert rest[-1].values["reference_number"] == "R-4999"
        assert len(rest) > 2_000

    @pytest.mark.parametrize("amount", ["-5", "0", "99999999999999999999", "0.00" + "0" * 30 + "1"])
    def test_a_number_beyond_the_limits_is_told_the_limits(
        self, write: Callable[..., Path], amount: str
    ) -> None:
        path = write(HEADER, GOOD.format(n=1).replace("10.50", amount))

        assert faults_of(path) == {2: "amount must be from 0.01 to 9999999999999.99"}

    @pytest.mark.parametrize(
        "amount", ["1e3", "+5", "-5", ".5", "5.", "0x10", "1_000", "10.505", "NaN", "٣", "$5", "0"]
    )
    def test_amounts_are_plain_decimal_text(self, write: Callable[..., Path], amount: str) -> None:
        path = write(HEADER, GOOD.format(n=1).replace("10.50", amount))

        assert list(faults_of(path)) == [2]

    @pytest.mark.parametrize(
        "metadata",
        ["[1]", "{", "7", '{"import_id": 1}', '{"_tallystick": 1}', '{"a": NaN}', "[" * 90],
    )
    def test_metadata_is_a_json_object_that_leaves_our_keys_alone(
        self, write: Callable[..., Path], metadata: str
    ) -> None:
        quoted = '"' + metadata.replace('"', '""') + '"'

        assert "metadata" in faults_of(write(HEADER, GOOD.format(n=1) + quoted))[2]

    def test_a_column_and_a_metadata_key_of_one_name_clash(
        self, write: Callable[..., Path]
    ) -> None:
        path = write(HEADER + ",bank", GOOD.format(n=1) + '"{""bank"": ""VCB""}",ACB')

        assert faults_of(path) == {2: "metadata has the key bank, which is a column or ours"}

    def test_an_endless_line_is_read_in_pieces_and_left_behind(
        self, write: Callable[..., Path]
    ) -> None:
        path = write(HEADER, "x" * 3_500_000, GOOD.format(n=2))

        *pieces, last = rows_of(path)

        assert [piece.fault is not None for piece in pieces] == [True] * 4
        assert last.values["reference_number"] == "R-2"


class TestParquet:
    @pytest.fixture
    def parquet(self, tmp_path: Path) -> Callable[[str], Path]:
        def parquet(select: str) -> Path:
            path = tmp_path / "payments[1].parquet"
            duckdb.connect().execute(f"COPY ({select}) TO '{path}' (FORMAT parquet)")
            return path

        return parquet

    def test_typed_columns_keep_their_values(self, parquet: Callable[[str], Path]) -> None:
        path = parquet("""
            SELECT 'Ref-ü-1' AS reference_number, 'LA-1'::BLOB AS loan_account_number, 77 AS cif,
                   1000.5::DECIMAL(18, 4) AS amount,
                   TIMESTAMPTZ '2026-03-01 10:30:00+05:30' AS payment_date,
                   {'bank': 'VCB', 'tries': [1, 2]} AS metadata, 0.1::DOUBLE AS fee, NULL AS note
        """)

        (report,) = reports_of(path)

        assert report.reference_number == "Ref-ü-1"
        assert (report.loan_account_number, report.cif) == ("LA-1", "77")
        assert report.amount.amount_minor == 100_050
        assert report.payment_date.isoformat() == "2026-03-01T05:00:00+00:00"
        assert report.metadata == {
            "bank": "VCB",
            "tries": [1, 2],
            "fee": "0.1",
            "import_id": str(fingerprint(path)),
        }

    def test_rows_are_numbered_from_one_and_faults_are_told(
        self, parquet: Callable[[str], Path]
    ) -> None:
        path = parquet("""
            SELECT 'R-' || n AS reference_number, 'LA-1' AS loan_account_number, 'C' AS cif,
                   CASE WHEN n = 2 THEN NULL ELSE n::DOUBLE / 100 END AS amount,
                   DATE '2026-03-01' + n::INTEGER AS payment_date
              FROM range(1, 4) AS numbers(n)
        """)

        assert faults_of(path) == {2: "amount is required"}
        with open_import_file(path) as file:
            assert file.rows_total == 3
            assert [len(file.take(2)), len(file.take(2)), len(file.take(2))] == [2, 1, 0]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("payments.csv", "reference_number,amount", "lacks the columns loan_account_number, cif"),
        ("payments.csv", HEADER + ",", "a column without a name"),
        ("payments.csv", HEADER + ",CIF", "two of the same name"),
        ("payments.csv", "", "lacks the columns"),
        ("payments.csv", "x" * 200_000, "field larger than field limit"),
        ("payments.csv", "\udcff\udcfe\0", "lacks the columns"),
        ("payments.parquet", "not parquet at all", "payments.parquet: "),
        ("payments.parquet", "", "payments.parquet: "),
        ("payments.xlsx", HEADER, "neither .csv nor .parquet"),
    ],
)
def test_an_unreadable_file_is_told_as_a_whole(
    write: Callable[..., Path], name: str, content: str, told: str
) -> None:
    with pytest.raises(UnreadableFile, match=told), open_import_file(write(content, name=name)):
        pass


def test_a_folder_or_nothing_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    for name in ("folder.csv", "missing.parquet"):
        with (
            pytest.raises(UnreadableFile, match="is not a file"),
            open_import_file(tmp_path / name),
        ):
            pass
