-- What callers keep beside an account; the two questions that reading history asks again and again,
-- neither of which needs an index beyond those by which an account's lines are found; leaner rows.

CREATE TABLE account_metadata (
    id          uuid        PRIMARY KEY,        -- follows from the account's id
    version     integer     NOT NULL,
    account_id  uuid        NOT NULL,
    sealed      text        NOT NULL,           -- free text, sealed under the account's key
    updated_at  timestamptz NOT NULL
);

GRANT SELECT ON account_metadata TO tallystick_writer, tallystick_reader;
GRANT INSERT, UPDATE ON account_metadata TO tallystick_writer;

-- The number of an account's last line that was recorded at the instant or before it, among its
-- first `newest` lines; 0 when there was none. Lines are numbered without gap and their instants
-- never run backwards, so halving finds it: 30 index probes among a thousand million lines.
CREATE FUNCTION ledger_version_at(account uuid, newest bigint, instant timestamptz) RETURNS bigint
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    low        bigint := 0;       -- recorded in time, or before everything
    high       bigint := newest;  -- everything after it was recorded too late
    middle     bigint;
    is_in_time boolean;
BEGIN
    WHILE low < high LOOP
        middle := (low + high + 1) / 2;
        SELECT b.at <= instant INTO STRICT is_in_time
          FROM (SELECT lane, batch FROM ledger_transfers
                 WHERE debit = account AND debit_version = middle
                 UNION ALL
                SELECT lane, batch FROM ledger_transfers
                 WHERE credit = account AND credit_version = middle) AS line
          JOIN journal_batches AS b USING (lane, batch);
        IF is_in_time THEN low := middle; ELSE high := middle - 1; END IF;
    END LOOP;
    RETURN low;
END $$;

-- The account's posted balance after its line of this number, on its normal side.
CREATE FUNCTION ledger_balance_after(account uuid, version bigint) RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce(
        (SELECT debit_balance FROM ledger_transfers
          WHERE debit = account AND debit_version = version),
        (SELECT credit_balance FROM ledger_transfers
          WHERE credit = account AND credit_version = version),
        0)
$$;

REVOKE ALL ON FUNCTION ledger_version_at, ledger_balance_after FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger_version_at, ledger_balance_after
    TO tallystick_writer, tallystick_reader;

-- A change's first transfer has the change's id, and most changes have no other: only the further
-- ones still say what they are part of. Sixteen bytes less a row.
ALTER TABLE ledger_transfers RENAME COLUMN change_id TO part_of;
ALTER TABLE ledger_transfers ALTER COLUMN part_of DROP NOT NULL;

CREATE OR REPLACE VIEW ledger_entries AS
    SELECT t.id AS transfer_id, coalesce(t.part_of, t.id) AS transaction_id,
           t.debit AS account_id, -t.amount AS amount,
           t.currency, 'DEBIT' AS entry_type, t.kind, t.code, t.debit_balance AS balance_after,
           t.debit_version AS account_version, t.effective_at, t.lane, t.batch
      FROM ledger_transfers t
    UNION ALL
    SELECT t.id, coalesce(t.part_of, t.id), t.credit, t.amount,
           t.currency, 'CREDIT', t.kind, t.code, t.credit_balance,
           t.credit_version, t.effective_at, t.lane, t.batch
      FROM ledger_transfers t;
