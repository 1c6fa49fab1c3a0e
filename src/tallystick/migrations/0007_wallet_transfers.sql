-- Transfers between wallets and their schedules: what their facts fold into. Columns stand in the
-- order of the rows' fields. Only the journal writes here.

CREATE TABLE wallet_transfers (
    id                 uuid        PRIMARY KEY,           -- follows from requester and transfer_id
    version            integer     NOT NULL,
    transfer_id        text        NOT NULL,              -- the requester's own name for it
    requester_id       uuid        NOT NULL,              -- a merchant, a schedule, or the platform
    from_wallet_id     uuid        NOT NULL,
    to_wallet_id       uuid        NOT NULL,
    status             text        NOT NULL CHECK (status IN ('completed', 'failed')),
    amount_minor       bigint      NOT NULL CHECK (amount_minor > 0),
    currency           text        NOT NULL,
    credited_minor     bigint      NOT NULL CHECK (credited_minor >= 0),
    credited_currency  text        NOT NULL,
    quote_id           uuid,
    schedule_id        uuid,
    due_at             timestamptz,                       -- when the schedule's run was due
    failure_code       text,
    posting_id         uuid,                              -- the change that moved the money
    created_at         timestamptz NOT NULL,
    CONSTRAINT wallet_transfers_moved CHECK (
        (status = 'completed') = (posting_id IS NOT NULL)
        AND (status = 'failed') = (failure_code IS NOT NULL)
        AND (status = 'failed') = (credited_minor = 0))
);
CREATE UNIQUE INDEX wallet_transfers_posting ON wallet_transfers (posting_id);
CREATE INDEX wallet_transfers_from ON wallet_transfers (from_wallet_id, created_at DESC, id DESC);
CREATE INDEX wallet_transfers_to ON wallet_transfers (to_wallet_id, created_at DESC, id DESC);
CREATE INDEX wallet_transfers_date ON wallet_transfers (created_at DESC, id DESC);
CREATE INDEX wallet_transfers_schedule ON wallet_transfers (schedule_id, created_at DESC, id DESC)
    WHERE schedule_id IS NOT NULL;

CREATE TABLE transfer_schedules (
    id                   uuid        PRIMARY KEY,
    version              integer     NOT NULL,
    requester_id         uuid        NOT NULL,            -- a merchant, or the platform
    from_wallet_id       uuid        NOT NULL,
    to_wallet_id         uuid        NOT NULL,
    status               text        NOT NULL CHECK (
        status IN ('active', 'paused', 'finished', 'stopped', 'cancelled')),
    amount_minor         bigint      NOT NULL CHECK (amount_minor > 0),
    currency             text        NOT NULL,
    frequency            text        NOT NULL CHECK (
        frequency IN ('once', 'daily', 'weekly', 'monthly')),
    starts_on            date        NOT NULL,
    local_time           time        NOT NULL,
    timezone             text        NOT NULL,
    ends_on              date,
    runs_max             integer,
    stop_after_failures  integer,
    runs                 integer     NOT NULL,
    failures             integer     NOT NULL CHECK (failures BETWEEN 0 AND runs),
    failures_in_a_row    integer     NOT NULL,
    skipped              integer     NOT NULL,
    last_transfer_id     uuid,
    last_failure_code    text,
    due_at               timestamptz,                     -- when it runs next
    created_at           timestamptz NOT NULL,
    updated_at           timestamptz NOT NULL,
    CONSTRAINT transfer_schedules_due_while_active CHECK (
        (status = 'active') = (due_at IS NOT NULL))
) WITH (fillfactor = 70);
CREATE INDEX transfer_schedules_from
    ON transfer_schedules (from_wallet_id, created_at DESC, id DESC);
CREATE INDEX transfer_schedules_date ON transfer_schedules (created_at DESC, id DESC);
CREATE INDEX transfer_schedules_due ON transfer_schedules (due_at) WHERE due_at IS NOT NULL;

GRANT SELECT ON wallet_transfers, transfer_schedules TO tallystick_writer, tallystick_reader;
GRANT INSERT, UPDATE ON wallet_transfers, transfer_schedules TO tallystick_writer;
