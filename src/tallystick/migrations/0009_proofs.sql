-- Proofs of the books: what accounts are asserted to have held, the reconciliation runs, and how far
-- the continuous proof has come. Columns stand in the order of the rows' fields. Only the journal
-- writes here.

CREATE TABLE balance_assertions (
    id            uuid        PRIMARY KEY,
    version       integer     NOT NULL,
    account_id    uuid        NOT NULL,
    currency      text        NOT NULL,
    basis         text        NOT NULL CHECK (basis IN ('recorded', 'effective')),
    stood_at      timestamptz NOT NULL,
    low_minor     bigint,                                 -- null: no limit on this side
    high_minor    bigint,
    made_by       uuid,
    made_at       timestamptz NOT NULL,
    withdrawn_at  timestamptz,
    CONSTRAINT balance_assertions_limits CHECK (
        coalesce(low_minor, high_minor) IS NOT NULL
        AND (low_minor <= high_minor) IS NOT FALSE)
);
CREATE INDEX balance_assertions_account ON balance_assertions (account_id, made_at DESC, id DESC);
CREATE INDEX balance_assertions_date ON balance_assertions (made_at DESC, id DESC);

CREATE TABLE reconciliation_runs (
    id            uuid        PRIMARY KEY,
    version       integer     NOT NULL,
    occasion      text        NOT NULL CHECK (occasion IN ('schedule', 'request')),
    since         timestamptz,                            -- null: from the beginning
    account_id    uuid,                                   -- null: every account
    status        text        NOT NULL CHECK (
        status IN ('queued', 'running', 'green', 'red', 'failed')),
    requested_by  uuid,
    requested_at  timestamptz NOT NULL,
    started_at    timestamptz,
    ended_at      timestamptz,
    accounts      bigint,                                 -- how many were examined
    transfers     bigint,
    differences   bigint,                                 -- broken promises, row by row
    broken        json,                                   -- the checks that found them
    by_account    json,                                   -- cached balance and calculated balance
    not_proven    json,                                   -- what the run's limits left out
    failure       text,
    CONSTRAINT reconciliation_runs_ended CHECK (
        (status IN ('green', 'red', 'failed')) = (ended_at IS NOT NULL))
) WITH (fillfactor = 70);
CREATE INDEX reconciliation_runs_date ON reconciliation_runs (requested_at DESC, id DESC);
CREATE INDEX reconciliation_runs_open ON reconciliation_runs (requested_at)
    WHERE status IN ('queued', 'running');

-- One row: the place behind which each lane is not proven yet.
CREATE TABLE proof_cursors (
    id           uuid        PRIMARY KEY,
    version      integer     NOT NULL,
    proved_at    timestamptz NOT NULL,
    lanes        json        NOT NULL,
    differences  integer     NOT NULL,                    -- found right behind those places
    findings     json        NOT NULL
) WITH (fillfactor = 50);

GRANT SELECT ON balance_assertions, reconciliation_runs, proof_cursors
    TO tallystick_writer, tallystick_reader;
GRANT INSERT, UPDATE ON balance_assertions, reconciliation_runs, proof_cursors
    TO tallystick_writer;
