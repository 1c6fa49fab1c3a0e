-- The tables of a cell as all migrations together make them. Written by `make schema`: change a
-- migration, never this file. Partitions by month and the roles themselves are left out.

-- The cell ----------------------------------------------------------------------------------------

CREATE SCHEMA payment_service;
GRANT USAGE ON SCHEMA payment_service TO tallystick_writer;
GRANT USAGE ON SCHEMA payment_service TO tallystick_reader;

-- Functions ---------------------------------------------------------------------------------------

CREATE FUNCTION intake_make_partitions(first date, last date) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    month date;
    name  text;
BEGIN
    LOCK TABLE recorded_payments IN SHARE UPDATE EXCLUSIVE MODE;
    FOR month IN
        SELECT generate_series(date_trunc('month', first::timestamp), last, interval '1 month')
    LOOP
        name := to_char(month, '"recorded_payments_"YYYY_MM');
        CONTINUE WHEN to_regclass(name) IS NOT NULL;
        EXECUTE format('CREATE TABLE %I (LIKE recorded_payments INCLUDING ALL)', name);
        EXECUTE format('ALTER TABLE recorded_payments ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                       name, month, (month + interval '1 month')::date);
    END LOOP;
END $$;
CREATE FUNCTION journal_refuse_rewriting() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: history is corrected by a new entry, never rewritten', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;
REVOKE ALL ON FUNCTION intake_make_partitions(first date, last date) FROM PUBLIC;

-- api_keys ----------------------------------------------------------------------------------------

CREATE TABLE api_keys (
    id uuid NOT NULL,
    version integer NOT NULL,
    merchant_id uuid,
    name_sealed text NOT NULL,
    permissions json NOT NULL,
    digest bytea NOT NULL,
    test_mode boolean NOT NULL,
    created_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone,
    CONSTRAINT api_keys_digest_check CHECK ((length(digest) = 32))
);
ALTER TABLE ONLY api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (id);
CREATE INDEX api_keys_merchant ON api_keys USING btree (merchant_id, created_at);
GRANT SELECT ON TABLE api_keys TO tallystick_reader;
GRANT SELECT,INSERT,UPDATE ON TABLE api_keys TO tallystick_writer;

-- intents -----------------------------------------------------------------------------------------

CREATE TABLE intents (
    id uuid NOT NULL,
    version integer NOT NULL,
    merchant_id uuid NOT NULL,
    status text NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    payment_methods json NOT NULL,
    payment_method text,
    capture_method text NOT NULL,
    priority text NOT NULL,
    payment_id uuid,
    payments integer NOT NULL,
    failure_code text,
    cancellation_reason text,
    sealed text,
    expires_at timestamp with time zone NOT NULL,
    due_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT intents_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT intents_capture_method_check CHECK ((capture_method = ANY (ARRAY['automatic'::text, 'manual'::text])))
)
WITH (fillfactor='70');
ALTER TABLE ONLY intents
    ADD CONSTRAINT intents_pkey PRIMARY KEY (id);
CREATE INDEX intents_due ON intents USING btree (due_at) WHERE (due_at IS NOT NULL);
CREATE INDEX intents_merchant_status_date ON intents USING btree (merchant_id, status, created_at DESC, id DESC);
GRANT SELECT,INSERT,UPDATE ON TABLE intents TO tallystick_writer;
GRANT SELECT ON TABLE intents TO tallystick_reader;

-- journal_batches ---------------------------------------------------------------------------------

CREATE TABLE journal_batches (
    lane smallint NOT NULL,
    batch bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    facts integer NOT NULL,
    transfers integer NOT NULL,
    last_position bigint NOT NULL,
    head bytea NOT NULL
);
ALTER TABLE ONLY journal_batches
    ADD CONSTRAINT journal_batches_pkey PRIMARY KEY (lane, batch);
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON journal_batches FOR EACH STATEMENT EXECUTE FUNCTION journal_refuse_rewriting();
GRANT SELECT,INSERT ON TABLE journal_batches TO tallystick_writer;
GRANT SELECT ON TABLE journal_batches TO tallystick_reader;

-- journal_claims ----------------------------------------------------------------------------------

CREATE TABLE journal_claims (
    id uuid NOT NULL,
    fingerprint bigint NOT NULL,
    subject_id uuid NOT NULL,
    subject_version integer NOT NULL,
    state text NOT NULL,
    outcome text,
    CONSTRAINT journal_claims_state_check CHECK ((state = ANY (ARRAY['running'::text, 'done'::text, 'refused'::text])))
);
ALTER TABLE ONLY journal_claims
    ADD CONSTRAINT journal_claims_pkey PRIMARY KEY (id);
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE journal_claims TO tallystick_writer;
GRANT SELECT ON TABLE journal_claims TO tallystick_reader;

-- journal_facts -----------------------------------------------------------------------------------

CREATE TABLE journal_facts (
    "position" bigint NOT NULL,
    batch bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    aggregate_id uuid NOT NULL,
    version integer NOT NULL,
    lane smallint NOT NULL,
    schema_version smallint NOT NULL,
    kind text NOT NULL,
    data json NOT NULL,
    actor uuid,
    request_id text,
    cause uuid,
    CONSTRAINT journal_facts_version_check CHECK ((version > 0))
);
ALTER TABLE ONLY journal_facts
    ADD CONSTRAINT journal_facts_position UNIQUE (lane, "position");
ALTER TABLE ONLY journal_facts
    ADD CONSTRAINT journal_facts_version UNIQUE (aggregate_id, version);
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON journal_facts FOR EACH STATEMENT EXECUTE FUNCTION journal_refuse_rewriting();
GRANT SELECT,INSERT ON TABLE journal_facts TO tallystick_writer;
GRANT SELECT ON TABLE journal_facts TO tallystick_reader;

-- journal_lanes -----------------------------------------------------------------------------------

CREATE TABLE journal_lanes (
    lane smallint NOT NULL,
    seq bigint DEFAULT 0 NOT NULL,
    "position" bigint DEFAULT 0 NOT NULL,
    head bytea DEFAULT '\x0000000000000000000000000000000000000000000000000000000000000000'::bytea NOT NULL,
    last_at timestamp with time zone DEFAULT '1970-01-01 00:00:00+00'::timestamp with time zone NOT NULL
)
WITH (fillfactor='50');
ALTER TABLE ONLY journal_lanes
    ADD CONSTRAINT journal_lanes_pkey PRIMARY KEY (lane);
GRANT SELECT,UPDATE ON TABLE journal_lanes TO tallystick_writer;
GRANT SELECT ON TABLE journal_lanes TO tallystick_reader;

-- journal_subject_keys ----------------------------------------------------------------------------

CREATE TABLE journal_subject_keys (
    subject_id uuid NOT NULL,
    wrapped bytea NOT NULL,
    key_id text NOT NULL,
    created_at timestamp with time zone NOT NULL
);
ALTER TABLE ONLY journal_subject_keys
    ADD CONSTRAINT journal_subject_keys_pkey PRIMARY KEY (subject_id);
GRANT SELECT,INSERT,DELETE ON TABLE journal_subject_keys TO tallystick_writer;
GRANT SELECT ON TABLE journal_subject_keys TO tallystick_reader;

-- ledger_accounts ---------------------------------------------------------------------------------

CREATE TABLE ledger_accounts (
    id uuid NOT NULL,
    code text NOT NULL,
    currency text NOT NULL,
    normal_side text NOT NULL,
    debits_pending bigint NOT NULL,
    debits_posted bigint NOT NULL,
    credits_pending bigint NOT NULL,
    credits_posted bigint NOT NULL,
    overdraft_limit bigint,
    frozen text NOT NULL,
    closed_at timestamp with time zone,
    version bigint NOT NULL,
    revision integer NOT NULL,
    last_at timestamp with time zone NOT NULL,
    CONSTRAINT ledger_accounts_credits_pending_check CHECK ((credits_pending >= 0)),
    CONSTRAINT ledger_accounts_credits_posted_check CHECK ((credits_posted >= 0)),
    CONSTRAINT ledger_accounts_debits_pending_check CHECK ((debits_pending >= 0)),
    CONSTRAINT ledger_accounts_debits_posted_check CHECK ((debits_posted >= 0)),
    CONSTRAINT ledger_accounts_frozen_check CHECK ((frozen = ANY (ARRAY['no'::text, 'outflow'::text, 'all'::text]))),
    CONSTRAINT ledger_accounts_normal_side_check CHECK ((normal_side = ANY (ARRAY['debit'::text, 'credit'::text]))),
    CONSTRAINT ledger_accounts_overdraft CHECK (((overdraft_limit IS NULL) OR (
CASE normal_side
    WHEN 'debit'::text THEN ((debits_posted - credits_posted) - credits_pending)
    ELSE ((credits_posted - debits_posted) - debits_pending)
END >= (- overdraft_limit)))),
    CONSTRAINT ledger_accounts_overdraft_limit_check CHECK ((overdraft_limit >= 0))
)
WITH (fillfactor='70');
ALTER TABLE ONLY ledger_accounts
    ADD CONSTRAINT ledger_accounts_code UNIQUE (code);
ALTER TABLE ONLY ledger_accounts
    ADD CONSTRAINT ledger_accounts_pkey PRIMARY KEY (id);
GRANT SELECT,INSERT,UPDATE ON TABLE ledger_accounts TO tallystick_writer;
GRANT SELECT ON TABLE ledger_accounts TO tallystick_reader;

-- ledger_reservations -----------------------------------------------------------------------------

CREATE TABLE ledger_reservations (
    id uuid NOT NULL,
    debit uuid NOT NULL,
    credit uuid NOT NULL,
    amount bigint NOT NULL,
    remaining bigint NOT NULL,
    currency text NOT NULL,
    expires_at timestamp with time zone,
    state text NOT NULL,
    CONSTRAINT ledger_reservations_amount_check CHECK ((amount > 0)),
    CONSTRAINT ledger_reservations_check CHECK (((remaining >= 0) AND (remaining <= amount))),
    CONSTRAINT ledger_reservations_state_check CHECK ((state = ANY (ARRAY['open'::text, 'settled'::text, 'voided'::text, 'expired'::text])))
);
ALTER TABLE ONLY ledger_reservations
    ADD CONSTRAINT ledger_reservations_pkey PRIMARY KEY (id);
CREATE INDEX ledger_reservations_expiry ON ledger_reservations USING btree (expires_at) WHERE ((state = 'open'::text) AND (expires_at IS NOT NULL));
GRANT SELECT,INSERT,UPDATE ON TABLE ledger_reservations TO tallystick_writer;
GRANT SELECT ON TABLE ledger_reservations TO tallystick_reader;

-- ledger_transfers --------------------------------------------------------------------------------

CREATE TABLE ledger_transfers (
    id uuid NOT NULL,
    change_id uuid NOT NULL,
    lane smallint NOT NULL,
    batch bigint NOT NULL,
    debit uuid NOT NULL,
    credit uuid NOT NULL,
    amount bigint NOT NULL,
    currency text NOT NULL,
    code text NOT NULL,
    kind text NOT NULL,
    reservation_id uuid,
    effective_at timestamp with time zone,
    expires_at timestamp with time zone,
    debit_balance bigint NOT NULL,
    debit_version bigint NOT NULL,
    credit_balance bigint NOT NULL,
    credit_version bigint NOT NULL,
    CONSTRAINT ledger_transfers_amount_check CHECK ((amount > 0)),
    CONSTRAINT ledger_transfers_check CHECK ((credit <> debit)),
    CONSTRAINT ledger_transfers_kind_check CHECK ((kind = ANY (ARRAY['post'::text, 'reserve'::text, 'settle'::text, 'void'::text, 'expire'::text])))
);
ALTER TABLE ONLY ledger_transfers
    ADD CONSTRAINT ledger_transfers_pkey PRIMARY KEY (id);
CREATE INDEX ledger_transfers_credit ON ledger_transfers USING btree (credit, credit_version);
CREATE INDEX ledger_transfers_credit_effective ON ledger_transfers USING btree (credit, effective_at) WHERE (effective_at IS NOT NULL);
CREATE INDEX ledger_transfers_debit ON ledger_transfers USING btree (debit, debit_version);
CREATE INDEX ledger_transfers_debit_effective ON ledger_transfers USING btree (debit, effective_at) WHERE (effective_at IS NOT NULL);
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON ledger_transfers FOR EACH STATEMENT EXECUTE FUNCTION journal_refuse_rewriting();
GRANT SELECT,INSERT ON TABLE ledger_transfers TO tallystick_writer;
GRANT SELECT ON TABLE ledger_transfers TO tallystick_reader;

-- merchants ---------------------------------------------------------------------------------------

CREATE TABLE merchants (
    id uuid NOT NULL,
    version integer NOT NULL,
    external_id text,
    name_sealed text NOT NULL,
    currencies json NOT NULL,
    fee_percent_bp integer NOT NULL,
    fee_fixed_minor bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT merchants_fee_fixed_minor_check CHECK ((fee_fixed_minor >= 0)),
    CONSTRAINT merchants_fee_percent_bp_check CHECK (((fee_percent_bp >= 0) AND (fee_percent_bp <= 10000)))
);
ALTER TABLE ONLY merchants
    ADD CONSTRAINT merchants_external_id_key UNIQUE (external_id);
ALTER TABLE ONLY merchants
    ADD CONSTRAINT merchants_pkey PRIMARY KEY (id);
GRANT SELECT ON TABLE merchants TO tallystick_reader;
GRANT SELECT,INSERT,UPDATE ON TABLE merchants TO tallystick_writer;

-- payment_references ------------------------------------------------------------------------------

CREATE TABLE payment_references (
    reference_number character varying(255) NOT NULL,
    payment_id uuid NOT NULL,
    payment_date timestamp without time zone NOT NULL,
    created_at timestamp without time zone DEFAULT now()
);
ALTER TABLE ONLY payment_references
    ADD CONSTRAINT payment_references_pkey PRIMARY KEY (reference_number);
CREATE INDEX idx_payment_refs_created ON payment_references USING btree (created_at);
GRANT SELECT,INSERT ON TABLE payment_references TO tallystick_writer;
GRANT SELECT ON TABLE payment_references TO tallystick_reader;

-- payment_staging ---------------------------------------------------------------------------------

CREATE TABLE payment_staging (
    id bigint NOT NULL,
    reference_number character varying(255) NOT NULL,
    loan_account_number character varying(20) NOT NULL,
    cif character varying(20) NOT NULL,
    amount numeric(15,2) NOT NULL,
    payment_date timestamp without time zone NOT NULL,
    payment_channel character varying(100),
    metadata jsonb,
    processed boolean DEFAULT false,
    processed_at timestamp without time zone,
    created_at timestamp without time zone DEFAULT now()
);
CREATE SEQUENCE payment_staging_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE payment_staging_id_seq OWNED BY payment_staging.id;
ALTER TABLE ONLY payment_staging ALTER COLUMN id SET DEFAULT nextval('payment_staging_id_seq'::regclass);
ALTER TABLE ONLY payment_staging
    ADD CONSTRAINT payment_staging_pkey PRIMARY KEY (id);
GRANT SELECT,INSERT ON TABLE payment_staging TO tallystick_writer;
GRANT SELECT ON TABLE payment_staging TO tallystick_reader;
GRANT USAGE ON SEQUENCE payment_staging_id_seq TO tallystick_writer;

-- payments ----------------------------------------------------------------------------------------

CREATE TABLE payments (
    id uuid NOT NULL,
    version integer NOT NULL,
    merchant_id uuid NOT NULL,
    intent_id uuid,
    status text NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    authorized_minor bigint NOT NULL,
    captured_minor bigint NOT NULL,
    refunded_minor bigint NOT NULL,
    refund_pending_minor bigint NOT NULL,
    fee_minor bigint NOT NULL,
    fee_percent_bp integer NOT NULL,
    fee_fixed_minor bigint NOT NULL,
    payment_method text NOT NULL,
    capture_method text NOT NULL,
    priority text NOT NULL,
    routes json NOT NULL,
    route text,
    attempts json NOT NULL,
    provider_reference text,
    captures integer NOT NULL,
    voids integer NOT NULL,
    capture_closed boolean NOT NULL,
    failure_code text,
    operation json,
    sealed text,
    authorization_expires_at timestamp with time zone,
    due_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT payments_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT payments_capture_method_check CHECK ((capture_method = ANY (ARRAY['automatic'::text, 'manual'::text]))),
    CONSTRAINT payments_fee_minor_check CHECK ((fee_minor >= 0)),
    CONSTRAINT payments_refund_pending_minor_check CHECK ((refund_pending_minor >= 0)),
    CONSTRAINT payments_refunded_captured_authorized CHECK ((((refunded_minor + refund_pending_minor) <= captured_minor) AND (captured_minor <= authorized_minor) AND (authorized_minor <= amount_minor))),
    CONSTRAINT payments_refunded_minor_check CHECK ((refunded_minor >= 0))
)
WITH (fillfactor='70');
ALTER TABLE ONLY payments
    ADD CONSTRAINT payments_pkey PRIMARY KEY (id);
CREATE INDEX payments_active ON payments USING btree (created_at) WHERE (status = ANY (ARRAY['pending'::text, 'authorized'::text]));
CREATE INDEX payments_captured ON payments USING btree (merchant_id, amount_minor, status, created_at) WHERE (status = 'captured'::text);
CREATE INDEX payments_due ON payments USING btree (due_at) WHERE (due_at IS NOT NULL);
CREATE INDEX payments_merchant_status_date ON payments USING btree (merchant_id, status, created_at DESC, id DESC);
GRANT SELECT,INSERT,UPDATE ON TABLE payments TO tallystick_writer;
GRANT SELECT ON TABLE payments TO tallystick_reader;

-- recorded_payments -------------------------------------------------------------------------------

CREATE TABLE recorded_payments (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    reference_number character varying(255) NOT NULL,
    loan_account_number character varying(20) NOT NULL,
    cif character varying(20) NOT NULL,
    amount numeric(15,2) NOT NULL,
    payment_date timestamp without time zone NOT NULL,
    payment_channel character varying(100),
    source character varying(50) NOT NULL,
    metadata jsonb,
    created_at timestamp without time zone DEFAULT now(),
    currency text NOT NULL
)
PARTITION BY RANGE (payment_date);
ALTER TABLE ONLY recorded_payments
    ADD CONSTRAINT recorded_payments_pkey PRIMARY KEY (id, payment_date);
CREATE INDEX idx_payments_cif ON ONLY recorded_payments USING btree (cif, payment_date DESC);
CREATE INDEX idx_payments_created_at ON ONLY recorded_payments USING btree (created_at);
CREATE INDEX idx_payments_loan_account ON ONLY recorded_payments USING btree (loan_account_number, payment_date DESC);
CREATE INDEX idx_payments_reference ON ONLY recorded_payments USING btree (reference_number);
GRANT SELECT,INSERT ON TABLE recorded_payments TO tallystick_writer;
GRANT SELECT ON TABLE recorded_payments TO tallystick_reader;

-- refunds -----------------------------------------------------------------------------------------

CREATE TABLE refunds (
    id uuid NOT NULL,
    version integer NOT NULL,
    merchant_id uuid NOT NULL,
    payment_id uuid NOT NULL,
    subject_id uuid NOT NULL,
    status text NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    reason text NOT NULL,
    route text NOT NULL,
    reservation_id uuid NOT NULL,
    provider_reference text,
    failure_code text,
    operation json,
    sealed text,
    due_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT refunds_amount_minor_check CHECK ((amount_minor > 0))
)
WITH (fillfactor='70');
ALTER TABLE ONLY refunds
    ADD CONSTRAINT refunds_pkey PRIMARY KEY (id);
CREATE INDEX refunds_due ON refunds USING btree (due_at) WHERE (due_at IS NOT NULL);
CREATE INDEX refunds_payment ON refunds USING btree (payment_id, created_at);
GRANT SELECT,INSERT,UPDATE ON TABLE refunds TO tallystick_writer;
GRANT SELECT ON TABLE refunds TO tallystick_reader;

-- schema_migrations -------------------------------------------------------------------------------

CREATE TABLE schema_migrations (
    version integer NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);
ALTER TABLE ONLY schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (version);

-- staging_process_log -----------------------------------------------------------------------------

CREATE TABLE staging_process_log (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    batch_start_id bigint NOT NULL,
    batch_end_id bigint NOT NULL,
    total_records integer NOT NULL,
    processed_records integer DEFAULT 0,
    duplicate_records integer DEFAULT 0,
    error_records integer DEFAULT 0,
    status character varying(50) DEFAULT 'processing'::character varying,
    started_at timestamp without time zone DEFAULT now(),
    completed_at timestamp without time zone,
    error_details jsonb
);
ALTER TABLE ONLY staging_process_log
    ADD CONSTRAINT staging_process_log_pkey PRIMARY KEY (id);
GRANT SELECT,INSERT ON TABLE staging_process_log TO tallystick_writer;
GRANT SELECT ON TABLE staging_process_log TO tallystick_reader;

-- ledger_entries ----------------------------------------------------------------------------------

CREATE VIEW ledger_entries AS
 SELECT t.id AS transfer_id,
    t.change_id AS transaction_id,
    t.debit AS account_id,
    (- t.amount) AS amount,
    t.currency,
    'DEBIT'::text AS entry_type,
    t.kind,
    t.code,
    t.debit_balance AS balance_after,
    t.debit_version AS account_version,
    t.effective_at,
    t.lane,
    t.batch
   FROM ledger_transfers t
UNION ALL
 SELECT t.id AS transfer_id,
    t.change_id AS transaction_id,
    t.credit AS account_id,
    t.amount,
    t.currency,
    'CREDIT'::text AS entry_type,
    t.kind,
    t.code,
    t.credit_balance AS balance_after,
    t.credit_version AS account_version,
    t.effective_at,
    t.lane,
    t.batch
   FROM ledger_transfers t;
GRANT SELECT ON TABLE ledger_entries TO tallystick_writer;
GRANT SELECT ON TABLE ledger_entries TO tallystick_reader;
