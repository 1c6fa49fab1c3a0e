"""The outside program: rows as it leaves them in the staging table."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tallystick.platform.postgres.pools import Connection

COLUMNS = (
    *("reference_number", "loan_account_number", "cif", "amount", "payment_date"),
    *("payment_channel", "metadata"),
)
_INSERT = f"""
INSERT INTO payment_staging ({", ".join(COLUMNS)}) VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id
"""
_MANY = """
INSERT INTO payment_staging (reference_number, loan_account_number, cif, amount, payment_date)
SELECT $1 || n, 'LA' || n % 7, 'CIF' || n % 5, n, '2026-03-01' FROM generate_series(1, $2) AS n
"""


def plain(*parts: int) -> datetime:
    """An instant as document 000's columns have it: without a zone."""
    return datetime(*parts, tzinfo=UTC).replace(tzinfo=None)  # type: ignore[arg-type,misc]


async def leave(etl: Connection, **changes: Any) -> int:
    """One row, good but for `changes`; its id."""
    row: dict[str, Any] = {
        "reference_number": "PAY-2026-001",
        "loan_account_number": "LA123456789",
        "cif": "CIF123456",
        "amount": Decimal("1000.50"),
        "payment_date": plain(2026, 3, 1, 10, 30),
        "payment_channel": "online_banking",
        "metadata": '{"transaction_id": "TXN-001", "bank_code": "VCB"}',
    } | changes
    row_id: int = await etl.fetchval(_INSERT, *(row[column] for column in COLUMNS))
    return row_id


async def leave_many(etl: Connection, prefix: str, rows: int) -> None:
    """Good rows, a reference each."""
    await etl.execute(_MANY, prefix, rows)


async def count(etl: Connection, what: str) -> int:
    """How many rows `what`, a table with or without WHERE, has."""
    return int(await etl.fetchval(f"SELECT count(*) FROM {what}"))
