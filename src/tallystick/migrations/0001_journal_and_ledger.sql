-- The trunk of a cell: the journal, the ledger, and who may do what.
-- Runs with search_path set to the cell's schema; the three roles belong to the whole server.

DO $$
DECLARE wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['tallystick_owner', 'tallystick_writer', 'tallystick_reader'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
        END IF;
    END LOOP;
END $$;

-- Journal ------------------------------------------------------------------------------------

-- Every batch locks its lane's row first; whoever holds it draws the next batch and positions.
CREATE TABLE journal_lanes (
    lane      smallint PRIMARY KEY,
    seq       bigint      NOT NULL DEFAULT 0,   -- the last batch
    position  bigint      NOT NULL DEFAULT 0,   -- the last fact's position
    head      bytea       NOT NULL DEFAULT '\x0000000000000000000000000000000000000000000000000000000000000000',
    last_at   timestamptz NOT NULL DEFAULT 'epoch'
) WITH (fillfactor = 50);

-- Lane 0 carries everything online; each bulk loader has a lane of its own.
INSERT INTO journal_lanes (lane) SELECT generate_series(0, 7);

CREATE TABLE journal_batches (
    lane           smallint    NOT NULL,
    batch          bigint      NOT NULL,
    at             timestamptz NOT NULL,
    facts          integer     NOT NULL,
    transfers      integer     NOT NULL,
    last_position  bigint      NOT NULL,
    head           bytea       NOT NULL,        -- SHA-256 over the previous head and all rows of the batch
    PRIMARY KEY (lane, batch)
);

CREATE TABLE journal_facts (
    position        bigint      NOT NULL,
    batch           bigint      NOT NULL,
    at              timestamptz NOT NULL,
    aggregate_id    uuid        NOT NULL,
    version         integer     NOT NULL CHECK (version > 0),
    lane            smallint    NOT NULL,
    schema_version  smallint    NOT NULL,
    kind            text        NOT NULL,
    data            json        NOT NULL,       -- verbatim: the chain covers these very characters
    actor           uuid,
    request_id      text,
    cause           uuid,
    CONSTRAINT journal_facts_version UNIQUE (aggregate_id, version),
    CONSTRAINT journal_facts_position UNIQUE (lane, position)
);

CREATE TABLE journal_claims (
    id               uuid     PRIMARY KEY,      -- 128-bit hash of scope and key
    fingerprint      bigint   NOT NULL,         -- 64-bit hash of the body
    subject_id       uuid     NOT NULL,         -- the object whose state answers a repeat ...
    subject_version  integer  NOT NULL,         -- ... as of this version
    state            text     NOT NULL CHECK (state IN ('running', 'done', 'refused')),
    outcome          text                       -- the refusal, when refused
);

-- Personal and free text is sealed under its subject's key; deleting the row erases the text.
CREATE TABLE journal_subject_keys (
    subject_id  uuid        PRIMARY KEY,
    wrapped     bytea       NOT NULL,           -- the subject's key under the master key
    key_id      text        NOT NULL,           -- which master key
    created_at  timestamptz NOT NULL
);

-- Ledger -------------------------------------------------------------------------------------

CREATE TABLE ledger_accounts (
    id               uuid        PRIMARY KEY,
    code             text        NOT NULL,
    currency         text        NOT NULL,
    normal_side      text        NOT NULL CHECK (normal_side IN ('debit', 'credit')),
    debits_pending   bigint      NOT NULL CHECK (debits_pending >= 0),
    debits_posted    bigint      NOT NULL CHECK (debits_posted >= 0),
    credits_pending  bigint      NOT NULL CHECK (credits_pending >= 0),
    credits_posted   bigint      NOT NULL CHECK (credits_posted >= 0),
    overdraft_limit  bigint      CHECK (overdraft_limit >= 0),          -- null: without limit
    frozen           text        NOT NULL CHECK (frozen IN ('no', 'outflow', 'all')),
    closed_at        timestamptz,
    version          bigint      NOT NULL,      -- counts the account's transfers
    revision         integer     NOT NULL,      -- counts the account's own facts
    last_at          timestamptz NOT NULL,
    CONSTRAINT ledger_accounts_code UNIQUE (code),
    CONSTRAINT ledger_accounts_overdraft CHECK (
        overdraft_limit IS NULL
        OR CASE normal_side
               WHEN 'debit' THEN debits_posted - credits_posted - credits_pending
               ELSE credits_posted - debits_posted - debits_pending
           END >= -overdraft_limit)
) WITH (fillfactor = 70);

CREATE TABLE ledger_transfers (
    id              uuid     PRIMARY KEY,
    change_id       uuid     NOT NULL,
    lane            smallint NOT NULL,
    batch           bigint   NOT NULL,
    debit           uuid     NOT NULL,
    credit          uuid     NOT NULL CHECK (credit <> debit),
    amount          bigint   NOT NULL CHECK (amount > 0),
    currency        text     NOT NULL,
    code            text     NOT NULL,
    kind            text     NOT NULL CHECK (kind IN ('post', 'reserve', 'settle', 'void', 'expire')),
    reservation_id  uuid,
    effective_at    timestamptz,                -- only when back-dated
    expires_at      timestamptz,                -- of a reserve row, if the promise ends
    debit_balance   bigint   NOT NULL,          -- posted balance after it, on the account's normal side
    debit_version   bigint   NOT NULL,
    credit_balance  bigint   NOT NULL,
    credit_version  bigint   NOT NULL
);
CREATE INDEX ledger_transfers_debit ON ledger_transfers (debit, debit_version);
CREATE INDEX ledger_transfers_credit ON ledger_transfers (credit, credit_version);
CREATE INDEX ledger_transfers_debit_effective ON ledger_transfers (debit, effective_at)
    WHERE effective_at IS NOT NULL;
CREATE INDEX ledger_transfers_credit_effective ON ledger_transfers (credit, effective_at)
    WHERE effective_at IS NOT NULL;

CREATE TABLE ledger_reservations (
    id          uuid   PRIMARY KEY,             -- the id of the transfer that reserved
    debit       uuid   NOT NULL,
    credit      uuid   NOT NULL,
    amount      bigint NOT NULL CHECK (amount > 0),
    remaining   bigint NOT NULL CHECK (remaining >= 0 AND remaining <= amount),
    currency    text   NOT NULL,
    expires_at  timestamptz,
    state       text   NOT NULL CHECK (state IN ('open', 'settled', 'voided', 'expired'))
);
CREATE INDEX ledger_reservations_expiry ON ledger_reservations (expires_at)
    WHERE state = 'open' AND expires_at IS NOT NULL;

-- Each transfer as the two lines an accountant reads.
CREATE VIEW ledger_entries AS
    SELECT t.id AS transfer_id, t.change_id AS transaction_id, t.debit AS account_id, -t.amount AS amount,
           t.currency, 'DEBIT' AS entry_type, t.kind, t.code, t.debit_balance AS balance_after,
           t.debit_version AS account_version, t.effective_at, t.lane, t.batch
      FROM ledger_transfers t
    UNION ALL
    SELECT t.id, t.change_id, t.credit, t.amount,
           t.currency, 'CREDIT', t.kind, t.code, t.credit_balance,
           t.credit_version, t.effective_at, t.lane, t.batch
      FROM ledger_transfers t;

-- The append-only guard ----------------------------------------------------------------------

CREATE FUNCTION journal_refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: history is corrected by a new entry, never rewritten', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON journal_facts
    FOR EACH STATEMENT EXECUTE FUNCTION journal_refuse_rewriting();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON journal_batches
    FOR EACH STATEMENT EXECUTE FUNCTION journal_refuse_rewriting();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_transfers
    FOR EACH STATEMENT EXECUTE FUNCTION journal_refuse_rewriting();

-- Rights -------------------------------------------------------------------------------------

DO $$
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO tallystick_writer, tallystick_reader', current_schema());
END $$;
GRANT SELECT ON journal_lanes, journal_batches, journal_facts, journal_claims, journal_subject_keys,
    ledger_accounts, ledger_transfers, ledger_reservations, ledger_entries
    TO tallystick_writer, tallystick_reader;
GRANT INSERT ON journal_batches, journal_facts, journal_claims, journal_subject_keys,
    ledger_accounts, ledger_transfers, ledger_reservations TO tallystick_writer;
GRANT UPDATE ON journal_lanes, journal_claims, ledger_accounts, ledger_reservations TO tallystick_writer;
GRANT DELETE ON journal_claims, journal_subject_keys TO tallystick_writer;
