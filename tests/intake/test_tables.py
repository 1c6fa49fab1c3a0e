"""The tables are document 000's own: its SQL, run beside ours, makes the same columns."""

from collections.abc import AsyncIterator

import pytest

from tallystick.platform.postgres.pools import Address, Connection, connect

pytestmark = pytest.mark.anyio

DOCUMENTED = """
CREATE SCHEMA documented;
SET search_path = documented;

CREATE TABLE payments (
  id UUID DEFAULT gen_random_uuid(),
  reference_number VARCHAR(255) NOT NULL,
  loan_account_number VARCHAR(20) NOT NULL,
  cif VARCHAR(20) NOT NULL,
  amount DECIMAL(15,2) NOT NULL,
  payment_date TIMESTAMP NOT NULL,
  payment_channel VARCHAR(100),
  source VARCHAR(50) NOT NULL, -- 'staging' or 'webhook'
  metadata JSONB,
  created_at TIMESTAMP DEFAULT NOW(),
  PRIMARY KEY (id, payment_date)
) PARTITION BY RANGE (payment_date);

CREATE INDEX idx_payments_reference ON payments (reference_number);
CREATE INDEX idx_payments_loan_account ON payments (loan_account_number, payment_date DESC);
CREATE INDEX idx_payments_cif ON payments (cif, payment_date DESC);
CREATE INDEX idx_payments_created_at ON payments (created_at);

CREATE TABLE payment_references (
  reference_number VARCHAR(255) PRIMARY KEY,
  payment_id UUID NOT NULL,
  payment_date TIMESTAMP NOT NULL,
  created_at TIMESTAMP DEFAULT NOW()
);

CREATE INDEX idx_payment_refs_created ON payment_references (created_at);

CREATE TABLE staging_process_log (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  batch_start_id BIGINT NOT NULL,
  batch_end_id BIGINT NOT NULL,
  total_records INTEGER NOT NULL,
  processed_records INTEGER DEFAULT 0,
  duplicate_records INTEGER DEFAULT 0,
  error_records INTEGER DEFAULT 0,
  status VARCHAR(50) DEFAULT 'processing',
  started_at TIMESTAMP DEFAULT NOW(),
  completed_at TIMESTAMP,
  error_details JSONB
);

CREATE TABLE payment_staging (
  id BIGSERIAL PRIMARY KEY,
  reference_number VARCHAR(255) NOT NULL,
  loan_account_number VARCHAR(20) NOT NULL,
  cif VARCHAR(20) NOT NULL,
  amount DECIMAL(15,2) NOT NULL,
  payment_date TIMESTAMP NOT NULL,
  payment_channel VARCHAR(100),
  metadata JSONB,
  processed BOOLEAN DEFAULT FALSE,
  processed_at TIMESTAMP,
  created_at TIMESTAMP DEFAULT NOW()
);
"""
# Beside the documented ones: what waits is found without what is done, and logs by their age.
OURS = [
    ("_started", "btree (started_at)"),
    ("_under_way", "btree (started_at) WHERE ((status)::text = 'processing'::text)"),
    ("_unprocessed", "btree (id) WHERE (processed IS NOT TRUE)"),
]
COLUMNS = """
SELECT attname, format_type(atttypid, atttypmod), attnotnull,
       replace(pg_get_expr(adbin, adrelid), 'documented.', '')
  FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
 WHERE attrelid = $1::regclass AND attnum > 0 ORDER BY attnum
"""
INDEXES = """
SELECT indexname, split_part(indexdef, ' USING ', 2)
  FROM pg_indexes WHERE schemaname = $1 AND tablename = $2 ORDER BY 2
"""


@pytest.fixture
async def both(owner_address: Address) -> AsyncIterator[Connection]:
    connection = await connect(owner_address)
    try:
        await connection.execute(DOCUMENTED)
        await connection.execute("SET search_path = payment_service")
        yield connection
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("ours", "documented", "added"),
    [
        ("recorded_payments", "payments", ["currency"]),
        ("payment_references", "payment_references", []),
        ("staging_process_log", "staging_process_log", []),
        ("payment_staging", "payment_staging", []),
    ],
)
async def test_columns_and_indexes_are_the_documented_ones(
    both: Connection, ours: str, documented: str, added: list[str]
) -> None:
    theirs = await both.fetch(COLUMNS, f"documented.{documented}")
    columns = await both.fetch(COLUMNS, f"payment_service.{ours}")

    assert columns[: len(theirs)] == theirs
    assert [column[0] for column in columns[len(theirs) :]] == added
    indexes = [
        [(row[0].removeprefix(table), row[1]) for row in await both.fetch(INDEXES, schema, table)]
        for schema, table in (("payment_service", ours), ("documented", documented))
    ]
    assert [index for index in indexes[0] if index not in OURS] == indexes[1]
