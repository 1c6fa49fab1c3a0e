-- Payments loaded by the thousand: batches that PostgreSQL itself hashes, what became of staging
-- rows that could not be recorded, what is no longer kept, and the jobs that see to all of it.

-- How a batch's head was computed: 0 over its rows as MessagePack, 1 over their texts, by SQL.
-- It needs no seal of its own: under the other rule the rows have another head.
ALTER TABLE journal_batches ADD COLUMN hashing smallint NOT NULL DEFAULT 0
    CHECK (hashing IN (0, 1));

-- Staging ------------------------------------------------------------------------------------

-- What is still to be looked at, in the order of the ids. An outside program commits its rows in
-- an order of its own, so this, and no id up to which all was read, says what is left.
CREATE INDEX payment_staging_unprocessed ON payment_staging (id) WHERE processed IS NOT TRUE;

CREATE TABLE intake_staging_failures (
    staging_id  bigint      PRIMARY KEY,
    reason      text        NOT NULL,
    attempts    integer     NOT NULL CHECK (attempts > 0),
    at          timestamptz NOT NULL         -- of the last attempt
);
CREATE INDEX staging_process_log_started ON staging_process_log (started_at);

-- Months of which references have been cleaned: only there must the payments themselves be asked
-- whether a reference is taken.
CREATE TABLE intake_cleaned_months (
    month  date PRIMARY KEY
);

GRANT SELECT ON intake_staging_failures, intake_cleaned_months
    TO tallystick_writer, tallystick_reader;
GRANT INSERT, UPDATE, DELETE ON intake_staging_failures TO tallystick_writer;
GRANT INSERT ON intake_cleaned_months TO tallystick_writer;
GRANT UPDATE (processed, processed_at) ON payment_staging TO tallystick_writer;
GRANT DELETE ON payment_references, staging_process_log TO tallystick_writer;

-- What is no longer kept, and since when: folded from facts. What facts make and this table lets
-- go is missing on purpose.
CREATE TABLE intake_retention (
    id        uuid        PRIMARY KEY,       -- follows from the subject
    version   integer     NOT NULL,
    subject   text        NOT NULL UNIQUE,   -- recorded_payments_2025_03, payment_references
    month     date,                          -- of a partition that was dropped
    before    timestamptz NOT NULL,          -- what was recorded before this instant is let go
    removed   bigint      NOT NULL,          -- how many rows, the last time
    bytes     bigint      NOT NULL,
    at        timestamptz NOT NULL
);
GRANT SELECT ON intake_retention TO tallystick_writer, tallystick_reader;
GRANT INSERT, UPDATE ON intake_retention TO tallystick_writer;

-- A partition goes as it came: by its owner, under a lock that waits for nobody for long.
CREATE FUNCTION intake_drop_partition(month date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    name text := to_char(month, '"recorded_payments_"YYYY_MM');
BEGIN
    IF to_regclass(name) IS NULL THEN RETURN; END IF;
    EXECUTE format('ALTER TABLE recorded_payments DETACH PARTITION %I', name);
    EXECUTE format('DROP TABLE %I', name);
END $$;
REVOKE ALL ON FUNCTION intake_drop_partition FROM PUBLIC;

-- Scheduled jobs -----------------------------------------------------------------------------

-- One row a job: who runs it, up to when he may be believed to live, what he was called for.
CREATE TABLE job_leases (
    name          text        PRIMARY KEY,
    epoch         bigint      NOT NULL DEFAULT 0, -- counts the runners: an older one is fenced off
    holder        text,
    expires_at    timestamptz,
    due_at        timestamptz,                      -- the occurrence that was last taken
    requested_at  timestamptz,                      -- somebody wants a run now
    failures      integer     NOT NULL DEFAULT 0,   -- in a row
    paused_until  timestamptz
);
CREATE TABLE job_runs (
    id          uuid        PRIMARY KEY,
    name        text        NOT NULL,
    occasion    text        NOT NULL CHECK (occasion IN ('schedule', 'request')),
    status      text        NOT NULL CHECK (status IN ('running', 'completed', 'failed', 'lost')),
    epoch       bigint      NOT NULL,
    holder      text        NOT NULL,
    started_at  timestamptz NOT NULL,
    ended_at    timestamptz,
    result      json,
    error       text
);
CREATE INDEX job_runs_name ON job_runs (name, epoch DESC);
GRANT SELECT ON job_leases, job_runs TO tallystick_writer, tallystick_reader;
GRANT INSERT, UPDATE ON job_leases, job_runs TO tallystick_writer;
GRANT DELETE ON job_runs TO tallystick_writer;
