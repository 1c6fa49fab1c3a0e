-- The tables of a cell as all migrations together make them. Written by `make schema`: change a
-- migration, never this file. Partitions by month and the roles themselves are left out.

SET check_function_bodies = off; -- functions stand before the tables they read

-- The cell ----------------------------------------------------------------------------------------

CREATE SCHEMA payment_service;
GRANT USAGE ON SCHEMA payment_service TO tallystick_writer;
GRANT USAGE ON SCHEMA payment_service TO tallystick_reader;
GRANT USAGE ON SCHEMA payment_service TO tallystick_analyst;

-- Functions ---------------------------------------------------------------------------------------

CREATE FUNCTION intake_drop_partition(month date) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    name text := to_char(month, '"recorded_payments_"YYYY_MM');
BEGIN
    IF to_regclass(name) IS NULL THEN RETURN; END IF;
    EXECUTE format('ALTER TABLE recorded_payments DETACH PARTITION %I', name);
    EXECUTE format('DROP TABLE %I', name);
END $$;
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
CREATE FUNCTION ledger_balance_after(account uuid, version bigint) RETURNS bigint
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$
    SELECT coalesce(
        (SELECT debit_balance FROM ledger_transfers
          WHERE debit = account AND debit_version = version),
        (SELECT credit_balance FROM ledger_transfers
          WHERE credit = account AND credit_version = version),
        0)
$$;
CREATE FUNCTION ledger_version_at(account uuid, newest bigint, instant timestamp with time zone) RETURNS bigint
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    AS $$
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
CREATE FUNCTION named_id(owner uuid, name text) RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$
    SELECT encode(
        substr(uuid_send(owner), 1, 8)
        || set_bit(set_bit(
               substr(sha256(uuid_send(owner) || convert_to(name, 'UTF8')), 1, 8), 7, 1), 6, 0),
        'hex')::uuid
$$;
REVOKE ALL ON FUNCTION intake_drop_partition(month date) FROM PUBLIC;
REVOKE ALL ON FUNCTION intake_make_partitions(first date, last date) FROM PUBLIC;
REVOKE ALL ON FUNCTION ledger_balance_after(account uuid, version bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger_balance_after(account uuid, version bigint) TO tallystick_writer;
GRANT ALL ON FUNCTION ledger_balance_after(account uuid, version bigint) TO tallystick_reader;
REVOKE ALL ON FUNCTION ledger_version_at(account uuid, newest bigint, instant timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger_version_at(account uuid, newest bigint, instant timestamp with time zone) TO tallystick_writer;
GRANT ALL ON FUNCTION ledger_version_at(account uuid, newest bigint, instant timestamp with time zone) TO tallystick_reader;
REVOKE ALL ON FUNCTION named_id(owner uuid, name text) FROM PUBLIC;
GRANT ALL ON FUNCTION named_id(owner uuid, name text) TO tallystick_writer;
GRANT ALL ON FUNCTION named_id(owner uuid, name text) TO tallystick_reader;

-- account_metadata --------------------------------------------------------------------------------

CREATE TABLE account_metadata (
    id uuid NOT NULL,
    version integer NOT NULL,
    account_id uuid NOT NULL,
    sealed text NOT NULL,
    updated_at timestamp with time zone NOT NULL
);
ALTER TABLE ONLY account_metadata
    ADD CONSTRAINT account_metadata_pkey PRIMARY KEY (id);
GRANT SELECT,INSERT,UPDATE ON TABLE account_metadata TO tallystick_writer;
GRANT SELECT ON TABLE account_metadata TO tallystick_reader;

-- analysts ----------------------------------------------------------------------------------------

CREATE TABLE analysts (
    login text NOT NULL,
    merchant_id uuid
);
ALTER TABLE ONLY analysts
    ADD CONSTRAINT analysts_once UNIQUE NULLS NOT DISTINCT (login, merchant_id);
ALTER TABLE analysts ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON analysts FOR SELECT TO tallystick_analyst USING ((login = SESSION_USER));
GRANT SELECT ON TABLE analysts TO tallystick_analyst;

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

-- balance_assertions ------------------------------------------------------------------------------

CREATE TABLE balance_assertions (
    id uuid NOT NULL,
    version integer NOT NULL,
    account_id uuid NOT NULL,
    currency text NOT NULL,
    basis text NOT NULL,
    stood_at timestamp with time zone NOT NULL,
    low_minor bigint,
    high_minor bigint,
    made_by uuid,
    made_at timestamp with time zone NOT NULL,
    withdrawn_at timestamp with time zone,
    CONSTRAINT balance_assertions_basis_check CHECK ((basis = ANY (ARRAY['recorded'::text, 'effective'::text]))),
    CONSTRAINT balance_assertions_limits CHECK (((COALESCE(low_minor, high_minor) IS NOT NULL) AND ((low_minor <= high_minor) IS NOT FALSE)))
);
ALTER TABLE ONLY balance_assertions
    ADD CONSTRAINT balance_assertions_pkey PRIMARY KEY (id);
CREATE INDEX balance_assertions_account ON balance_assertions USING btree (account_id, made_at DESC, id DESC);
CREATE INDEX balance_assertions_date ON balance_assertions USING btree (made_at DESC, id DESC);
GRANT SELECT,INSERT,UPDATE ON TABLE balance_assertions TO tallystick_writer;
GRANT SELECT ON TABLE balance_assertions TO tallystick_reader;

-- customers ---------------------------------------------------------------------------------------

CREATE TABLE customers (
    id uuid NOT NULL,
    version integer NOT NULL,
    merchant_id uuid NOT NULL,
    reference text,
    status text NOT NULL,
    methods integer NOT NULL,
    default_method_id uuid,
    sealed text,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    closed_at timestamp with time zone,
    erased_at timestamp with time zone,
    CONSTRAINT customers_closed_for_good CHECK ((((status = 'closed'::text) = (closed_at IS NOT NULL)) AND ((erased_at IS NULL) OR ((status = 'closed'::text) AND (sealed IS NULL))))),
    CONSTRAINT customers_default_attached CHECK (((default_method_id IS NULL) OR (methods > 0))),
    CONSTRAINT customers_methods_check CHECK ((methods >= 0)),
    CONSTRAINT customers_status_check CHECK ((status = ANY (ARRAY['active'::text, 'closed'::text])))
)
WITH (fillfactor='70');
ALTER TABLE ONLY customers
    ADD CONSTRAINT customers_pkey PRIMARY KEY (id);
CREATE INDEX customers_date ON customers USING btree (created_at DESC, id DESC);
CREATE INDEX customers_merchant_date ON customers USING btree (merchant_id, created_at DESC, id DESC);
CREATE UNIQUE INDEX customers_reference ON customers USING btree (merchant_id, reference) WHERE ((status = 'active'::text) AND (reference IS NOT NULL));
GRANT SELECT,INSERT,UPDATE ON TABLE customers TO tallystick_writer;
GRANT SELECT ON TABLE customers TO tallystick_reader;

-- dead_letters ------------------------------------------------------------------------------------

CREATE TABLE dead_letters (
    id uuid NOT NULL,
    consumer text NOT NULL,
    aggregate_id uuid NOT NULL,
    version integer NOT NULL,
    kind text NOT NULL,
    lane smallint NOT NULL,
    "position" bigint NOT NULL,
    status text NOT NULL,
    attempts integer NOT NULL,
    code text,
    detail text,
    first_failed_at timestamp with time zone NOT NULL,
    due_at timestamp with time zone,
    ended_at timestamp with time zone,
    CONSTRAINT dead_letters_due CHECK (((status = 'retrying'::text) = (due_at IS NOT NULL))),
    CONSTRAINT dead_letters_ended CHECK (((status = 'delivered'::text) = (ended_at IS NOT NULL))),
    CONSTRAINT dead_letters_status_check CHECK ((status = ANY (ARRAY['retrying'::text, 'held'::text, 'dead'::text, 'delivered'::text])))
);
ALTER TABLE ONLY dead_letters
    ADD CONSTRAINT dead_letters_fact UNIQUE (consumer, aggregate_id, version);
ALTER TABLE ONLY dead_letters
    ADD CONSTRAINT dead_letters_pkey PRIMARY KEY (id);
CREATE INDEX dead_letters_date ON dead_letters USING btree (first_failed_at DESC, id DESC);
CREATE INDEX dead_letters_open ON dead_letters USING btree (consumer, aggregate_id, version) WHERE (status <> 'delivered'::text);
CREATE INDEX dead_letters_when_due ON dead_letters USING btree (consumer, due_at) WHERE (status = 'retrying'::text);
GRANT SELECT,INSERT,UPDATE ON TABLE dead_letters TO tallystick_writer;
GRANT SELECT ON TABLE dead_letters TO tallystick_reader;

-- delivery_leases ---------------------------------------------------------------------------------

CREATE TABLE delivery_leases (
    reader text NOT NULL,
    holder uuid NOT NULL,
    fence bigint NOT NULL,
    until timestamp with time zone NOT NULL
)
WITH (fillfactor='50');
ALTER TABLE ONLY delivery_leases
    ADD CONSTRAINT delivery_leases_pkey PRIMARY KEY (reader);
GRANT SELECT,INSERT,UPDATE ON TABLE delivery_leases TO tallystick_writer;
GRANT SELECT ON TABLE delivery_leases TO tallystick_reader;

-- delivery_positions ------------------------------------------------------------------------------

CREATE TABLE delivery_positions (
    reader text NOT NULL,
    lane smallint NOT NULL,
    "position" bigint NOT NULL,
    moved_at timestamp with time zone NOT NULL,
    CONSTRAINT delivery_positions_position_check CHECK (("position" >= 0))
)
WITH (fillfactor='50');
ALTER TABLE ONLY delivery_positions
    ADD CONSTRAINT delivery_positions_pkey PRIMARY KEY (reader, lane);
GRANT SELECT,INSERT,UPDATE ON TABLE delivery_positions TO tallystick_writer;
GRANT SELECT ON TABLE delivery_positions TO tallystick_reader;

-- dispute_documents -------------------------------------------------------------------------------

CREATE TABLE dispute_documents (
    id uuid NOT NULL,
    dispute_id uuid NOT NULL,
    sealed bytea NOT NULL,
    added_at timestamp with time zone NOT NULL,
    CONSTRAINT dispute_documents_sealed_check CHECK (((octet_length(sealed) >= 1) AND (octet_length(sealed) <= 4194304)))
);
ALTER TABLE ONLY dispute_documents
    ADD CONSTRAINT dispute_documents_pkey PRIMARY KEY (id);
CREATE INDEX dispute_documents_dispute ON dispute_documents USING btree (dispute_id);
GRANT SELECT,INSERT ON TABLE dispute_documents TO tallystick_writer;
GRANT SELECT ON TABLE dispute_documents TO tallystick_reader;

-- dispute_feeds -----------------------------------------------------------------------------------

CREATE TABLE dispute_feeds (
    id uuid NOT NULL,
    version integer NOT NULL,
    route text NOT NULL,
    place bigint NOT NULL,
    read_at timestamp with time zone NOT NULL
);
ALTER TABLE ONLY dispute_feeds
    ADD CONSTRAINT dispute_feeds_pkey PRIMARY KEY (id);
GRANT SELECT,INSERT,UPDATE ON TABLE dispute_feeds TO tallystick_writer;
GRANT SELECT ON TABLE dispute_feeds TO tallystick_reader;

-- disputes ----------------------------------------------------------------------------------------

CREATE TABLE disputes (
    id uuid NOT NULL,
    version integer NOT NULL,
    merchant_id uuid NOT NULL,
    payment_id uuid NOT NULL,
    subject_id uuid NOT NULL,
    route text NOT NULL,
    provider_dispute_id text NOT NULL,
    status text NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    fee_minor bigint NOT NULL,
    reason text NOT NULL,
    booked_to text NOT NULL,
    posting_id uuid NOT NULL,
    evidence json NOT NULL,
    response text,
    delivered boolean NOT NULL,
    sealed text,
    claim_id uuid,
    checks integer NOT NULL,
    evidence_due_by timestamp with time zone NOT NULL,
    answered_at timestamp with time zone,
    closed_at timestamp with time zone,
    due_at timestamp with time zone,
    opened_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    suspense_minor bigint DEFAULT 0 NOT NULL,
    CONSTRAINT disputes_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT disputes_answered_at_an_instant CHECK (((response IS NULL) = (answered_at IS NULL))),
    CONSTRAINT disputes_booked_to_check CHECK ((booked_to = ANY (ARRAY['payable'::text, 'suspense'::text, 'both'::text]))),
    CONSTRAINT disputes_closed_at_an_instant CHECK (((status = ANY (ARRAY['needs_response'::text, 'under_review'::text])) = (closed_at IS NULL))),
    CONSTRAINT disputes_fee_minor_check CHECK ((fee_minor >= 0)),
    CONSTRAINT disputes_response_check CHECK ((response = ANY (ARRAY['evidence'::text, 'acceptance'::text]))),
    CONSTRAINT disputes_status_check CHECK ((status = ANY (ARRAY['needs_response'::text, 'under_review'::text, 'won'::text, 'lost'::text, 'accepted'::text, 'expired'::text]))),
    CONSTRAINT disputes_suspense_part CHECK (((suspense_minor >= 0) AND (suspense_minor <= amount_minor)))
)
WITH (fillfactor='70');
ALTER TABLE ONLY disputes
    ADD CONSTRAINT disputes_pkey PRIMARY KEY (id);
CREATE INDEX disputes_due ON disputes USING btree (due_at) WHERE (due_at IS NOT NULL);
CREATE INDEX disputes_latest ON disputes USING btree (created_at DESC, id DESC);
CREATE INDEX disputes_merchant ON disputes USING btree (merchant_id, created_at DESC, id DESC);
CREATE INDEX disputes_payment ON disputes USING btree (payment_id, created_at);
CREATE INDEX disputes_provider ON disputes USING btree (route, provider_dispute_id);
CREATE POLICY analysts ON disputes FOR SELECT TO tallystick_analyst USING ((EXISTS ( SELECT
   FROM analysts a
  WHERE ((a.merchant_id IS NULL) OR (a.merchant_id = disputes.merchant_id)))));
ALTER TABLE disputes ENABLE ROW LEVEL SECURITY;
CREATE POLICY servers ON disputes TO tallystick_writer, tallystick_reader USING (true) WITH CHECK (true);
GRANT SELECT,INSERT,UPDATE ON TABLE disputes TO tallystick_writer;
GRANT SELECT ON TABLE disputes TO tallystick_reader;
GRANT SELECT(id) ON TABLE disputes TO tallystick_analyst;
GRANT SELECT(merchant_id) ON TABLE disputes TO tallystick_analyst;
GRANT SELECT(payment_id) ON TABLE disputes TO tallystick_analyst;
GRANT SELECT(route) ON TABLE disputes TO tallystick_analyst;
GRANT SELECT(status) ON TABLE disputes TO tallystick_analyst;
GRANT SELECT(amount_minor) ON TABLE disputes TO tallystick_analyst;
GRANT SELECT(currency) ON TABLE disputes TO tallystick_analyst;
GRANT SELECT(fee_minor) ON TABLE disputes TO tallystick_analyst;
GRANT SELECT(reason) ON TABLE disputes TO tallystick_analyst;
GRANT SELECT(evidence_due_by) ON TABLE disputes TO tallystick_analyst;
GRANT SELECT(answered_at) ON TABLE disputes TO tallystick_analyst;
GRANT SELECT(closed_at) ON TABLE disputes TO tallystick_analyst;
GRANT SELECT(opened_at) ON TABLE disputes TO tallystick_analyst;
GRANT SELECT(created_at) ON TABLE disputes TO tallystick_analyst;
GRANT SELECT(updated_at) ON TABLE disputes TO tallystick_analyst;

-- escrows -----------------------------------------------------------------------------------------

CREATE TABLE escrows (
    id uuid NOT NULL,
    version integer NOT NULL,
    status text NOT NULL,
    buyer_wallet_id uuid NOT NULL,
    buyer_id uuid NOT NULL,
    arbiter_id uuid,
    party_ids jsonb NOT NULL,
    account_id uuid NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    funded_minor bigint NOT NULL,
    released_minor bigint NOT NULL,
    fee_minor bigint NOT NULL,
    returned_minor bigint NOT NULL,
    terms_json jsonb NOT NULL,
    progress_json jsonb NOT NULL,
    times_out_at timestamp with time zone,
    on_timeout text,
    delays integer NOT NULL,
    due_at timestamp with time zone,
    sealed text,
    dispute_sealed text,
    opened_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT escrows_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT escrows_end_empty CHECK (((status <> ALL (ARRAY['completed'::text, 'cancelled'::text])) OR (((released_minor + returned_minor) = funded_minor) AND (due_at IS NULL)))),
    CONSTRAINT escrows_hold_until_the_end CHECK (((status <> ALL (ARRAY['funded'::text, 'disputed'::text])) OR ((funded_minor = amount_minor) AND ((released_minor + returned_minor) < funded_minor)))),
    CONSTRAINT escrows_never_more_than_held CHECK (((funded_minor >= 0) AND (funded_minor <= amount_minor) AND (released_minor >= 0) AND (returned_minor >= 0) AND (fee_minor >= 0) AND (fee_minor <= released_minor) AND ((released_minor + returned_minor) <= funded_minor))),
    CONSTRAINT escrows_on_timeout_check CHECK ((on_timeout = ANY (ARRAY['release'::text, 'return'::text]))),
    CONSTRAINT escrows_rest_in_dispute CHECK (((status <> 'disputed'::text) OR (due_at IS NULL))),
    CONSTRAINT escrows_status_check CHECK ((status = ANY (ARRAY['open'::text, 'funded'::text, 'disputed'::text, 'completed'::text, 'cancelled'::text]))),
    CONSTRAINT escrows_time_out CHECK (((times_out_at IS NULL) = (on_timeout IS NULL)))
)
WITH (fillfactor='70');
ALTER TABLE ONLY escrows
    ADD CONSTRAINT escrows_pkey PRIMARY KEY (id);
CREATE INDEX escrows_date ON escrows USING btree (opened_at DESC, id DESC);
CREATE INDEX escrows_due ON escrows USING btree (due_at) WHERE (due_at IS NOT NULL);
CREATE INDEX escrows_parties ON escrows USING gin (party_ids);
GRANT SELECT,INSERT,UPDATE ON TABLE escrows TO tallystick_writer;
GRANT SELECT ON TABLE escrows TO tallystick_reader;

-- exchange_quotes ---------------------------------------------------------------------------------

CREATE TABLE exchange_quotes (
    id uuid NOT NULL,
    version integer NOT NULL,
    requester_id uuid NOT NULL,
    rate_id uuid NOT NULL,
    from_currency text NOT NULL,
    to_currency text NOT NULL,
    rate text NOT NULL,
    inverse boolean NOT NULL,
    numerator bigint NOT NULL,
    denominator bigint NOT NULL,
    fixed_side text NOT NULL,
    source_minor bigint NOT NULL,
    target_minor bigint NOT NULL,
    rounding_minor bigint NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    posting_id uuid,
    used_at timestamp with time zone,
    CONSTRAINT exchange_quotes_denominator_check CHECK ((denominator > 0)),
    CONSTRAINT exchange_quotes_fixed_side_check CHECK ((fixed_side = ANY (ARRAY['source'::text, 'target'::text]))),
    CONSTRAINT exchange_quotes_numerator_check CHECK ((numerator > 0)),
    CONSTRAINT exchange_quotes_rounding_minor_check CHECK ((rounding_minor = ANY (ARRAY[(0)::bigint, (1)::bigint]))),
    CONSTRAINT exchange_quotes_source_minor_check CHECK ((source_minor > 0)),
    CONSTRAINT exchange_quotes_target_minor_check CHECK ((target_minor > 0)),
    CONSTRAINT exchange_quotes_two_currencies CHECK ((from_currency <> to_currency)),
    CONSTRAINT exchange_quotes_used CHECK (((posting_id IS NULL) = (used_at IS NULL)))
)
WITH (fillfactor='80');
ALTER TABLE ONLY exchange_quotes
    ADD CONSTRAINT exchange_quotes_pkey PRIMARY KEY (id);
CREATE UNIQUE INDEX exchange_quotes_posting ON exchange_quotes USING btree (posting_id) WHERE (posting_id IS NOT NULL);
GRANT SELECT,INSERT,UPDATE ON TABLE exchange_quotes TO tallystick_writer;
GRANT SELECT ON TABLE exchange_quotes TO tallystick_reader;

-- exchange_rates ----------------------------------------------------------------------------------

CREATE TABLE exchange_rates (
    id uuid NOT NULL,
    version integer NOT NULL,
    from_currency text NOT NULL,
    to_currency text NOT NULL,
    rate text NOT NULL,
    valid_from timestamp with time zone NOT NULL,
    max_age_s integer,
    set_by uuid,
    set_at timestamp with time zone NOT NULL,
    CONSTRAINT exchange_rates_max_age_s_check CHECK ((max_age_s > 0)),
    CONSTRAINT exchange_rates_two_currencies CHECK ((from_currency <> to_currency))
);
ALTER TABLE ONLY exchange_rates
    ADD CONSTRAINT exchange_rates_pkey PRIMARY KEY (id);
CREATE INDEX exchange_rates_date ON exchange_rates USING btree (set_at DESC, id DESC);
CREATE INDEX exchange_rates_pair ON exchange_rates USING btree (from_currency, to_currency, valid_from DESC, set_at DESC, id DESC);
GRANT SELECT,INSERT,UPDATE ON TABLE exchange_rates TO tallystick_writer;
GRANT SELECT ON TABLE exchange_rates TO tallystick_reader;

-- exchanges ---------------------------------------------------------------------------------------

CREATE TABLE exchanges (
    id uuid NOT NULL,
    version integer NOT NULL,
    quote_id uuid NOT NULL,
    debit_account_id uuid NOT NULL,
    credit_account_id uuid NOT NULL,
    from_currency text NOT NULL,
    to_currency text NOT NULL,
    source_minor bigint NOT NULL,
    target_minor bigint NOT NULL,
    rounding_minor bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT exchanges_rounding_minor_check CHECK ((rounding_minor = ANY (ARRAY[(0)::bigint, (1)::bigint]))),
    CONSTRAINT exchanges_source_minor_check CHECK ((source_minor > 0)),
    CONSTRAINT exchanges_target_minor_check CHECK ((target_minor > 0))
);
ALTER TABLE ONLY exchanges
    ADD CONSTRAINT exchanges_pkey PRIMARY KEY (id);
CREATE INDEX exchanges_credit ON exchanges USING btree (credit_account_id, created_at DESC, id DESC);
CREATE INDEX exchanges_date ON exchanges USING btree (created_at DESC, id DESC);
CREATE INDEX exchanges_debit ON exchanges USING btree (debit_account_id, created_at DESC, id DESC);
CREATE UNIQUE INDEX exchanges_quote ON exchanges USING btree (quote_id);
GRANT SELECT,INSERT,UPDATE ON TABLE exchanges TO tallystick_writer;
GRANT SELECT ON TABLE exchanges TO tallystick_reader;

-- fee_plans ---------------------------------------------------------------------------------------

CREATE TABLE fee_plans (
    id uuid NOT NULL,
    version integer NOT NULL,
    owner_id uuid NOT NULL,
    currency text NOT NULL,
    method text NOT NULL,
    percent_bp integer NOT NULL,
    fixed_minor bigint NOT NULL,
    minimum_minor bigint NOT NULL,
    cap_minor bigint,
    tax_bp integer NOT NULL,
    reserve_bp integer NOT NULL,
    reserve_days integer NOT NULL,
    on_refund text NOT NULL,
    valid_from timestamp with time zone NOT NULL,
    set_by uuid,
    set_at timestamp with time zone NOT NULL,
    CONSTRAINT fee_plans_check CHECK ((cap_minor >= minimum_minor)),
    CONSTRAINT fee_plans_check1 CHECK (((reserve_days > 0) = (reserve_bp > 0))),
    CONSTRAINT fee_plans_fixed_minor_check CHECK ((fixed_minor >= 0)),
    CONSTRAINT fee_plans_method_check CHECK ((method = ANY (ARRAY['any'::text, 'card'::text, 'upi'::text, 'wallet'::text]))),
    CONSTRAINT fee_plans_minimum_minor_check CHECK ((minimum_minor >= 0)),
    CONSTRAINT fee_plans_on_refund_check CHECK ((on_refund = ANY (ARRAY['kept'::text, 'returned'::text]))),
    CONSTRAINT fee_plans_percent_bp_check CHECK (((percent_bp >= 0) AND (percent_bp <= 10000))),
    CONSTRAINT fee_plans_reserve_bp_check CHECK (((reserve_bp >= 0) AND (reserve_bp <= 10000))),
    CONSTRAINT fee_plans_tax_bp_check CHECK (((tax_bp >= 0) AND (tax_bp <= 10000)))
);
ALTER TABLE ONLY fee_plans
    ADD CONSTRAINT fee_plans_pkey PRIMARY KEY (id);
CREATE INDEX fee_plans_standing ON fee_plans USING btree (owner_id, currency, method, valid_from DESC);
GRANT SELECT,INSERT,UPDATE ON TABLE fee_plans TO tallystick_writer;
GRANT SELECT ON TABLE fee_plans TO tallystick_reader;

-- intake_cleaned_months ---------------------------------------------------------------------------

CREATE TABLE intake_cleaned_months (
    month date NOT NULL
);
ALTER TABLE ONLY intake_cleaned_months
    ADD CONSTRAINT intake_cleaned_months_pkey PRIMARY KEY (month);
GRANT SELECT,INSERT ON TABLE intake_cleaned_months TO tallystick_writer;
GRANT SELECT ON TABLE intake_cleaned_months TO tallystick_reader;

-- intake_retention --------------------------------------------------------------------------------

CREATE TABLE intake_retention (
    id uuid NOT NULL,
    version integer NOT NULL,
    subject text NOT NULL,
    month date,
    before timestamp with time zone NOT NULL,
    removed bigint NOT NULL,
    bytes bigint NOT NULL,
    at timestamp with time zone NOT NULL
);
ALTER TABLE ONLY intake_retention
    ADD CONSTRAINT intake_retention_pkey PRIMARY KEY (id);
ALTER TABLE ONLY intake_retention
    ADD CONSTRAINT intake_retention_subject_key UNIQUE (subject);
GRANT SELECT,INSERT,UPDATE ON TABLE intake_retention TO tallystick_writer;
GRANT SELECT ON TABLE intake_retention TO tallystick_reader;

-- intake_staging_failures -------------------------------------------------------------------------

CREATE TABLE intake_staging_failures (
    staging_id bigint NOT NULL,
    reason text NOT NULL,
    attempts integer NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT intake_staging_failures_attempts_check CHECK ((attempts > 0))
);
ALTER TABLE ONLY intake_staging_failures
    ADD CONSTRAINT intake_staging_failures_pkey PRIMARY KEY (staging_id);
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE intake_staging_failures TO tallystick_writer;
GRANT SELECT ON TABLE intake_staging_failures TO tallystick_reader;

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
    customer_id uuid,
    CONSTRAINT intents_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT intents_capture_method_check CHECK ((capture_method = ANY (ARRAY['automatic'::text, 'manual'::text])))
)
WITH (fillfactor='70');
ALTER TABLE ONLY intents
    ADD CONSTRAINT intents_pkey PRIMARY KEY (id);
CREATE INDEX intents_customer ON intents USING btree (customer_id) WHERE (customer_id IS NOT NULL);
CREATE INDEX intents_due ON intents USING btree (due_at) WHERE (due_at IS NOT NULL);
CREATE INDEX intents_merchant_status_date ON intents USING btree (merchant_id, status, created_at DESC, id DESC);
CREATE POLICY analysts ON intents FOR SELECT TO tallystick_analyst USING ((EXISTS ( SELECT
   FROM analysts a
  WHERE ((a.merchant_id IS NULL) OR (a.merchant_id = intents.merchant_id)))));
ALTER TABLE intents ENABLE ROW LEVEL SECURITY;
CREATE POLICY servers ON intents TO tallystick_writer, tallystick_reader USING (true) WITH CHECK (true);
GRANT SELECT,INSERT,UPDATE ON TABLE intents TO tallystick_writer;
GRANT SELECT ON TABLE intents TO tallystick_reader;
GRANT SELECT(id) ON TABLE intents TO tallystick_analyst;
GRANT SELECT(merchant_id) ON TABLE intents TO tallystick_analyst;
GRANT SELECT(status) ON TABLE intents TO tallystick_analyst;
GRANT SELECT(amount_minor) ON TABLE intents TO tallystick_analyst;
GRANT SELECT(currency) ON TABLE intents TO tallystick_analyst;
GRANT SELECT(capture_method) ON TABLE intents TO tallystick_analyst;
GRANT SELECT(payment_id) ON TABLE intents TO tallystick_analyst;
GRANT SELECT(payments) ON TABLE intents TO tallystick_analyst;
GRANT SELECT(failure_code) ON TABLE intents TO tallystick_analyst;
GRANT SELECT(cancellation_reason) ON TABLE intents TO tallystick_analyst;
GRANT SELECT(expires_at) ON TABLE intents TO tallystick_analyst;
GRANT SELECT(created_at) ON TABLE intents TO tallystick_analyst;
GRANT SELECT(updated_at) ON TABLE intents TO tallystick_analyst;

-- job_leases --------------------------------------------------------------------------------------

CREATE TABLE job_leases (
    name text NOT NULL,
    epoch bigint DEFAULT 0 NOT NULL,
    holder text,
    expires_at timestamp with time zone,
    due_at timestamp with time zone,
    requested_at timestamp with time zone,
    failures integer DEFAULT 0 NOT NULL,
    paused_until timestamp with time zone
);
ALTER TABLE ONLY job_leases
    ADD CONSTRAINT job_leases_pkey PRIMARY KEY (name);
GRANT SELECT,INSERT,UPDATE ON TABLE job_leases TO tallystick_writer;
GRANT SELECT ON TABLE job_leases TO tallystick_reader;

-- job_runs ----------------------------------------------------------------------------------------

CREATE TABLE job_runs (
    id uuid NOT NULL,
    name text NOT NULL,
    occasion text NOT NULL,
    status text NOT NULL,
    epoch bigint NOT NULL,
    holder text NOT NULL,
    started_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    result json,
    error text,
    CONSTRAINT job_runs_occasion_check CHECK ((occasion = ANY (ARRAY['schedule'::text, 'request'::text]))),
    CONSTRAINT job_runs_status_check CHECK ((status = ANY (ARRAY['running'::text, 'completed'::text, 'failed'::text, 'lost'::text])))
);
ALTER TABLE ONLY job_runs
    ADD CONSTRAINT job_runs_pkey PRIMARY KEY (id);
CREATE INDEX job_runs_name ON job_runs USING btree (name, epoch DESC);
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE job_runs TO tallystick_writer;
GRANT SELECT ON TABLE job_runs TO tallystick_reader;

-- journal_batches ---------------------------------------------------------------------------------

CREATE TABLE journal_batches (
    lane smallint NOT NULL,
    batch bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    facts integer NOT NULL,
    transfers integer NOT NULL,
    last_position bigint NOT NULL,
    head bytea NOT NULL,
    hashing smallint DEFAULT 0 NOT NULL,
    CONSTRAINT journal_batches_hashing_check CHECK ((hashing = ANY (ARRAY[0, 1])))
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
    part_of uuid,
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
CREATE POLICY analysts ON merchants FOR SELECT TO tallystick_analyst USING ((EXISTS ( SELECT
   FROM analysts a
  WHERE ((a.merchant_id IS NULL) OR (a.merchant_id = merchants.id)))));
ALTER TABLE merchants ENABLE ROW LEVEL SECURITY;
CREATE POLICY servers ON merchants TO tallystick_writer, tallystick_reader USING (true) WITH CHECK (true);
GRANT SELECT ON TABLE merchants TO tallystick_reader;
GRANT SELECT,INSERT,UPDATE ON TABLE merchants TO tallystick_writer;
GRANT SELECT(id) ON TABLE merchants TO tallystick_analyst;
GRANT SELECT(external_id) ON TABLE merchants TO tallystick_analyst;
GRANT SELECT(currencies) ON TABLE merchants TO tallystick_analyst;
GRANT SELECT(created_at) ON TABLE merchants TO tallystick_analyst;

-- payment_cases -----------------------------------------------------------------------------------

CREATE TABLE payment_cases (
    id uuid NOT NULL,
    version integer NOT NULL,
    status text NOT NULL,
    work text NOT NULL,
    object_id uuid NOT NULL,
    owner_id uuid NOT NULL,
    subject_id uuid NOT NULL,
    route text NOT NULL,
    reference text NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    looks integer NOT NULL,
    looked_by text,
    notes json NOT NULL,
    outcome text,
    resolved_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    cause text DEFAULT 'outcome_unknown'::text NOT NULL,
    decided text,
    watch_at timestamp with time zone,
    CONSTRAINT payment_cases_amount_minor_check CHECK ((amount_minor >= 0)),
    CONSTRAINT payment_cases_cause_check CHECK ((cause = ANY (ARRAY['outcome_unknown'::text, 'outcome_contradicted'::text, 'void_refused'::text, 'dispute_unmatched'::text, 'dispute_in_another_currency'::text, 'dispute_exceeds_payment'::text]))),
    CONSTRAINT payment_cases_decided_check CHECK ((decided = ANY (ARRAY['approved'::text, 'failed'::text]))),
    CONSTRAINT payment_cases_looked_by_check CHECK ((looked_by = ANY (ARRAY['recovery'::text, 'operator'::text]))),
    CONSTRAINT payment_cases_resolved_with_an_outcome CHECK ((((status = 'resolved'::text) = (outcome IS NOT NULL)) AND ((status = 'resolved'::text) = (resolved_at IS NOT NULL)))),
    CONSTRAINT payment_cases_status_check CHECK ((status = ANY (ARRAY['open'::text, 'resolved'::text]))),
    CONSTRAINT payment_cases_work_check CHECK ((work = ANY (ARRAY['authorize'::text, 'capture'::text, 'void'::text, 'refund'::text, 'payout'::text, 'dispute'::text])))
);
ALTER TABLE ONLY payment_cases
    ADD CONSTRAINT payment_cases_pkey PRIMARY KEY (id);
CREATE INDEX payment_cases_latest ON payment_cases USING btree (created_at DESC, id DESC);
CREATE INDEX payment_cases_open ON payment_cases USING btree (created_at DESC, id DESC) WHERE (status = 'open'::text);
CREATE INDEX payment_cases_watched ON payment_cases USING btree (watch_at) WHERE (watch_at IS NOT NULL);
GRANT SELECT,INSERT,UPDATE ON TABLE payment_cases TO tallystick_writer;
GRANT SELECT ON TABLE payment_cases TO tallystick_reader;

-- payment_methods ---------------------------------------------------------------------------------

CREATE TABLE payment_methods (
    id uuid NOT NULL,
    version integer NOT NULL,
    merchant_id uuid NOT NULL,
    customer_id uuid NOT NULL,
    method_kind text NOT NULL,
    token text NOT NULL,
    status text NOT NULL,
    sealed text,
    attached_at timestamp with time zone NOT NULL,
    detached_at timestamp with time zone,
    CONSTRAINT payment_methods_detached CHECK (((status = 'detached'::text) = (detached_at IS NOT NULL))),
    CONSTRAINT payment_methods_method_kind_check CHECK ((method_kind = ANY (ARRAY['card'::text, 'upi'::text, 'wallet'::text]))),
    CONSTRAINT payment_methods_status_check CHECK ((status = ANY (ARRAY['attached'::text, 'detached'::text])))
)
WITH (fillfactor='70');
ALTER TABLE ONLY payment_methods
    ADD CONSTRAINT payment_methods_pkey PRIMARY KEY (id);
CREATE INDEX payment_methods_customer ON payment_methods USING btree (customer_id, attached_at DESC, id DESC);
CREATE INDEX payment_methods_wallet ON payment_methods USING btree (merchant_id, token) WHERE ((method_kind = 'wallet'::text) AND (status = 'attached'::text));
GRANT SELECT,INSERT,UPDATE ON TABLE payment_methods TO tallystick_writer;
GRANT SELECT ON TABLE payment_methods TO tallystick_reader;

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
GRANT SELECT,INSERT,DELETE ON TABLE payment_references TO tallystick_writer;
GRANT SELECT ON TABLE payment_references TO tallystick_reader;

-- payment_reserves --------------------------------------------------------------------------------

CREATE TABLE payment_reserves (
    id uuid NOT NULL,
    version integer NOT NULL,
    merchant_id uuid NOT NULL,
    payment_id uuid NOT NULL,
    status text NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    held_by uuid NOT NULL,
    released_by uuid,
    due_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT payment_reserves_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT payment_reserves_status_check CHECK ((status = ANY (ARRAY['held'::text, 'released'::text, 'taken'::text])))
);
ALTER TABLE ONLY payment_reserves
    ADD CONSTRAINT payment_reserves_pkey PRIMARY KEY (id);
CREATE INDEX payment_reserves_due ON payment_reserves USING btree (due_at) WHERE (due_at IS NOT NULL);
CREATE INDEX payment_reserves_payment ON payment_reserves USING btree (payment_id);
GRANT SELECT,INSERT,UPDATE ON TABLE payment_reserves TO tallystick_writer;
GRANT SELECT ON TABLE payment_reserves TO tallystick_reader;

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
CREATE INDEX payment_staging_unprocessed ON payment_staging USING btree (id) WHERE (processed IS NOT TRUE);
GRANT SELECT,INSERT ON TABLE payment_staging TO tallystick_writer;
GRANT SELECT ON TABLE payment_staging TO tallystick_reader;
GRANT UPDATE(processed) ON TABLE payment_staging TO tallystick_writer;
GRANT UPDATE(processed_at) ON TABLE payment_staging TO tallystick_writer;
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
    wallet_id uuid,
    fee_terms json,
    charges json,
    customer_id uuid,
    payment_method_id uuid,
    off_session boolean DEFAULT false NOT NULL,
    disputed_minor bigint DEFAULT 0 NOT NULL,
    charged_back_minor bigint DEFAULT 0 NOT NULL,
    CONSTRAINT payments_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT payments_capture_method_check CHECK ((capture_method = ANY (ARRAY['automatic'::text, 'manual'::text]))),
    CONSTRAINT payments_disputed_captured CHECK (((disputed_minor >= 0) AND (charged_back_minor >= 0) AND ((((refunded_minor + refund_pending_minor) + disputed_minor) + charged_back_minor) <= captured_minor))),
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
CREATE INDEX payments_customer ON payments USING btree (customer_id) WHERE (customer_id IS NOT NULL);
CREATE INDEX payments_due ON payments USING btree (due_at) WHERE (due_at IS NOT NULL);
CREATE INDEX payments_merchant_status_date ON payments USING btree (merchant_id, status, created_at DESC, id DESC);
CREATE INDEX payments_unknown ON payments USING btree (id) WHERE ((operation ->> 'unknown'::text) = 'true'::text);
CREATE POLICY analysts ON payments FOR SELECT TO tallystick_analyst USING ((EXISTS ( SELECT
   FROM analysts a
  WHERE ((a.merchant_id IS NULL) OR (a.merchant_id = payments.merchant_id)))));
ALTER TABLE payments ENABLE ROW LEVEL SECURITY;
CREATE POLICY servers ON payments TO tallystick_writer, tallystick_reader USING (true) WITH CHECK (true);
GRANT SELECT,INSERT,UPDATE ON TABLE payments TO tallystick_writer;
GRANT SELECT ON TABLE payments TO tallystick_reader;
GRANT SELECT(id) ON TABLE payments TO tallystick_analyst;
GRANT SELECT(merchant_id) ON TABLE payments TO tallystick_analyst;
GRANT SELECT(intent_id) ON TABLE payments TO tallystick_analyst;
GRANT SELECT(status) ON TABLE payments TO tallystick_analyst;
GRANT SELECT(amount_minor) ON TABLE payments TO tallystick_analyst;
GRANT SELECT(currency) ON TABLE payments TO tallystick_analyst;
GRANT SELECT(authorized_minor) ON TABLE payments TO tallystick_analyst;
GRANT SELECT(captured_minor) ON TABLE payments TO tallystick_analyst;
GRANT SELECT(refunded_minor) ON TABLE payments TO tallystick_analyst;
GRANT SELECT(refund_pending_minor) ON TABLE payments TO tallystick_analyst;
GRANT SELECT(fee_minor) ON TABLE payments TO tallystick_analyst;
GRANT SELECT(capture_method) ON TABLE payments TO tallystick_analyst;
GRANT SELECT(route) ON TABLE payments TO tallystick_analyst;
GRANT SELECT(attempts) ON TABLE payments TO tallystick_analyst;
GRANT SELECT(failure_code) ON TABLE payments TO tallystick_analyst;
GRANT SELECT(created_at) ON TABLE payments TO tallystick_analyst;
GRANT SELECT(updated_at) ON TABLE payments TO tallystick_analyst;
GRANT SELECT(off_session) ON TABLE payments TO tallystick_analyst;
GRANT SELECT(disputed_minor) ON TABLE payments TO tallystick_analyst;
GRANT SELECT(charged_back_minor) ON TABLE payments TO tallystick_analyst;

-- payouts -----------------------------------------------------------------------------------------

CREATE TABLE payouts (
    id uuid NOT NULL,
    version integer NOT NULL,
    source text NOT NULL,
    owner_id uuid NOT NULL,
    account_id uuid NOT NULL,
    status text NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    method text NOT NULL,
    route text NOT NULL,
    reference text NOT NULL,
    reservation_id uuid NOT NULL,
    sealed text NOT NULL,
    spent_on date,
    provider_reference text,
    failure_code text,
    booked_to text NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    unknown boolean NOT NULL,
    checks integer NOT NULL,
    claim_id uuid,
    paid_at timestamp with time zone,
    due_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT payouts_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT payouts_booked_to_check CHECK ((booked_to = ANY (ARRAY['account'::text, 'suspense'::text]))),
    CONSTRAINT payouts_failed_with_a_reason CHECK (((status = ANY (ARRAY['failed'::text, 'returned'::text])) = (failure_code IS NOT NULL))),
    CONSTRAINT payouts_method_check CHECK ((method = ANY (ARRAY['bank_account'::text, 'upi'::text]))),
    CONSTRAINT payouts_paid_at_an_instant CHECK (((status = ANY (ARRAY['paid'::text, 'returned'::text])) = (paid_at IS NOT NULL))),
    CONSTRAINT payouts_source_check CHECK ((source = ANY (ARRAY['wallet'::text, 'merchant'::text]))),
    CONSTRAINT payouts_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'sent'::text, 'paid'::text, 'failed'::text, 'returned'::text, 'cancelled'::text])))
)
WITH (fillfactor='70');
ALTER TABLE ONLY payouts
    ADD CONSTRAINT payouts_pkey PRIMARY KEY (id);
CREATE INDEX payouts_account ON payouts USING btree (account_id, id DESC);
CREATE INDEX payouts_due ON payouts USING btree (due_at) WHERE (due_at IS NOT NULL);
CREATE INDEX payouts_open ON payouts USING btree (asked_at) WHERE (status = ANY (ARRAY['pending'::text, 'sent'::text]));
CREATE INDEX payouts_owner ON payouts USING btree (owner_id, id DESC);
CREATE POLICY analysts ON payouts FOR SELECT TO tallystick_analyst USING ((EXISTS ( SELECT
   FROM analysts a
  WHERE ((a.merchant_id IS NULL) OR (a.merchant_id = payouts.owner_id)))));
ALTER TABLE payouts ENABLE ROW LEVEL SECURITY;
CREATE POLICY servers ON payouts TO tallystick_writer, tallystick_reader USING (true) WITH CHECK (true);
GRANT SELECT,INSERT,UPDATE ON TABLE payouts TO tallystick_writer;
GRANT SELECT ON TABLE payouts TO tallystick_reader;
GRANT SELECT(id) ON TABLE payouts TO tallystick_analyst;
GRANT SELECT(source) ON TABLE payouts TO tallystick_analyst;
GRANT SELECT(owner_id) ON TABLE payouts TO tallystick_analyst;
GRANT SELECT(status) ON TABLE payouts TO tallystick_analyst;
GRANT SELECT(amount_minor) ON TABLE payouts TO tallystick_analyst;
GRANT SELECT(currency) ON TABLE payouts TO tallystick_analyst;
GRANT SELECT(method) ON TABLE payouts TO tallystick_analyst;
GRANT SELECT(route) ON TABLE payouts TO tallystick_analyst;
GRANT SELECT(failure_code) ON TABLE payouts TO tallystick_analyst;
GRANT SELECT(booked_to) ON TABLE payouts TO tallystick_analyst;
GRANT SELECT(unknown) ON TABLE payouts TO tallystick_analyst;
GRANT SELECT(paid_at) ON TABLE payouts TO tallystick_analyst;
GRANT SELECT(created_at) ON TABLE payouts TO tallystick_analyst;
GRANT SELECT(updated_at) ON TABLE payouts TO tallystick_analyst;

-- proof_cursors -----------------------------------------------------------------------------------

CREATE TABLE proof_cursors (
    id uuid NOT NULL,
    version integer NOT NULL,
    proved_at timestamp with time zone NOT NULL,
    lanes json NOT NULL,
    differences integer NOT NULL,
    findings json NOT NULL
)
WITH (fillfactor='50');
ALTER TABLE ONLY proof_cursors
    ADD CONSTRAINT proof_cursors_pkey PRIMARY KEY (id);
GRANT SELECT,INSERT,UPDATE ON TABLE proof_cursors TO tallystick_writer;
GRANT SELECT ON TABLE proof_cursors TO tallystick_reader;

-- reconciliation_runs -----------------------------------------------------------------------------

CREATE TABLE reconciliation_runs (
    id uuid NOT NULL,
    version integer NOT NULL,
    occasion text NOT NULL,
    since timestamp with time zone,
    account_id uuid,
    status text NOT NULL,
    requested_by uuid,
    requested_at timestamp with time zone NOT NULL,
    started_at timestamp with time zone,
    ended_at timestamp with time zone,
    accounts bigint,
    transfers bigint,
    differences bigint,
    broken json,
    by_account json,
    not_proven json,
    failure text,
    CONSTRAINT reconciliation_runs_ended CHECK (((status = ANY (ARRAY['green'::text, 'red'::text, 'failed'::text])) = (ended_at IS NOT NULL))),
    CONSTRAINT reconciliation_runs_occasion_check CHECK ((occasion = ANY (ARRAY['schedule'::text, 'request'::text]))),
    CONSTRAINT reconciliation_runs_status_check CHECK ((status = ANY (ARRAY['queued'::text, 'running'::text, 'green'::text, 'red'::text, 'failed'::text])))
)
WITH (fillfactor='70');
ALTER TABLE ONLY reconciliation_runs
    ADD CONSTRAINT reconciliation_runs_pkey PRIMARY KEY (id);
CREATE INDEX reconciliation_runs_date ON reconciliation_runs USING btree (requested_at DESC, id DESC);
CREATE INDEX reconciliation_runs_open ON reconciliation_runs USING btree (requested_at) WHERE (status = ANY (ARRAY['queued'::text, 'running'::text]));
GRANT SELECT,INSERT,UPDATE ON TABLE reconciliation_runs TO tallystick_writer;
GRANT SELECT ON TABLE reconciliation_runs TO tallystick_reader;

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
    fee_minor bigint DEFAULT 0 NOT NULL,
    tax_minor bigint DEFAULT 0 NOT NULL,
    advance_minor bigint DEFAULT 0 NOT NULL,
    CONSTRAINT refunds_amount_minor_check CHECK ((amount_minor > 0))
)
WITH (fillfactor='70');
ALTER TABLE ONLY refunds
    ADD CONSTRAINT refunds_pkey PRIMARY KEY (id);
CREATE INDEX refunds_advanced ON refunds USING btree (merchant_id, currency) WHERE (advance_minor > 0);
CREATE INDEX refunds_due ON refunds USING btree (due_at) WHERE (due_at IS NOT NULL);
CREATE INDEX refunds_merchant_status_date ON refunds USING btree (merchant_id, status, created_at DESC, id DESC);
CREATE INDEX refunds_payment ON refunds USING btree (payment_id, created_at);
CREATE INDEX refunds_unknown ON refunds USING btree (id) WHERE ((operation ->> 'unknown'::text) = 'true'::text);
CREATE POLICY analysts ON refunds FOR SELECT TO tallystick_analyst USING ((EXISTS ( SELECT
   FROM analysts a
  WHERE ((a.merchant_id IS NULL) OR (a.merchant_id = refunds.merchant_id)))));
ALTER TABLE refunds ENABLE ROW LEVEL SECURITY;
CREATE POLICY servers ON refunds TO tallystick_writer, tallystick_reader USING (true) WITH CHECK (true);
GRANT SELECT,INSERT,UPDATE ON TABLE refunds TO tallystick_writer;
GRANT SELECT ON TABLE refunds TO tallystick_reader;
GRANT SELECT(id) ON TABLE refunds TO tallystick_analyst;
GRANT SELECT(merchant_id) ON TABLE refunds TO tallystick_analyst;
GRANT SELECT(payment_id) ON TABLE refunds TO tallystick_analyst;
GRANT SELECT(status) ON TABLE refunds TO tallystick_analyst;
GRANT SELECT(amount_minor) ON TABLE refunds TO tallystick_analyst;
GRANT SELECT(currency) ON TABLE refunds TO tallystick_analyst;
GRANT SELECT(reason) ON TABLE refunds TO tallystick_analyst;
GRANT SELECT(route) ON TABLE refunds TO tallystick_analyst;
GRANT SELECT(failure_code) ON TABLE refunds TO tallystick_analyst;
GRANT SELECT(created_at) ON TABLE refunds TO tallystick_analyst;
GRANT SELECT(updated_at) ON TABLE refunds TO tallystick_analyst;
GRANT SELECT(fee_minor) ON TABLE refunds TO tallystick_analyst;
GRANT SELECT(tax_minor) ON TABLE refunds TO tallystick_analyst;

-- schema_migrations -------------------------------------------------------------------------------

CREATE TABLE schema_migrations (
    version integer NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);
ALTER TABLE ONLY schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (version);

-- settlement_records ------------------------------------------------------------------------------

CREATE TABLE settlement_records (
    id uuid NOT NULL,
    version integer NOT NULL,
    payment_id uuid NOT NULL,
    payment_version integer NOT NULL,
    merchant_id uuid NOT NULL,
    currency text NOT NULL,
    status text NOT NULL,
    captured_minor bigint NOT NULL,
    fee_minor bigint NOT NULL,
    returned_minor bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT settlement_records_captured_minor_check CHECK ((captured_minor >= 0)),
    CONSTRAINT settlement_records_returned_minor_check CHECK ((returned_minor >= 0)),
    CONSTRAINT settlement_records_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'cancelled'::text])))
)
WITH (fillfactor='80');
ALTER TABLE ONLY settlement_records
    ADD CONSTRAINT settlement_records_payment UNIQUE (payment_id);
ALTER TABLE ONLY settlement_records
    ADD CONSTRAINT settlement_records_pkey PRIMARY KEY (id);
CREATE INDEX settlement_records_merchant ON settlement_records USING btree (merchant_id, created_at DESC) WHERE (status = 'pending'::text);
CREATE POLICY analysts ON settlement_records FOR SELECT TO tallystick_analyst USING ((EXISTS ( SELECT
   FROM analysts a
  WHERE ((a.merchant_id IS NULL) OR (a.merchant_id = settlement_records.merchant_id)))));
CREATE POLICY servers ON settlement_records TO tallystick_writer, tallystick_reader USING (true) WITH CHECK (true);
ALTER TABLE settlement_records ENABLE ROW LEVEL SECURITY;
GRANT SELECT,INSERT,UPDATE ON TABLE settlement_records TO tallystick_writer;
GRANT SELECT ON TABLE settlement_records TO tallystick_reader;
GRANT SELECT(id) ON TABLE settlement_records TO tallystick_analyst;
GRANT SELECT(payment_id) ON TABLE settlement_records TO tallystick_analyst;
GRANT SELECT(merchant_id) ON TABLE settlement_records TO tallystick_analyst;
GRANT SELECT(currency) ON TABLE settlement_records TO tallystick_analyst;
GRANT SELECT(status) ON TABLE settlement_records TO tallystick_analyst;
GRANT SELECT(captured_minor) ON TABLE settlement_records TO tallystick_analyst;
GRANT SELECT(fee_minor) ON TABLE settlement_records TO tallystick_analyst;
GRANT SELECT(returned_minor) ON TABLE settlement_records TO tallystick_analyst;
GRANT SELECT(created_at) ON TABLE settlement_records TO tallystick_analyst;
GRANT SELECT(updated_at) ON TABLE settlement_records TO tallystick_analyst;

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
CREATE INDEX staging_process_log_started ON staging_process_log USING btree (started_at);
CREATE INDEX staging_process_log_under_way ON staging_process_log USING btree (started_at) WHERE ((status)::text = 'processing'::text);
GRANT SELECT,INSERT,DELETE ON TABLE staging_process_log TO tallystick_writer;
GRANT SELECT ON TABLE staging_process_log TO tallystick_reader;
GRANT UPDATE(processed_records) ON TABLE staging_process_log TO tallystick_writer;
GRANT UPDATE(duplicate_records) ON TABLE staging_process_log TO tallystick_writer;
GRANT UPDATE(error_records) ON TABLE staging_process_log TO tallystick_writer;
GRANT UPDATE(status) ON TABLE staging_process_log TO tallystick_writer;
GRANT UPDATE(completed_at) ON TABLE staging_process_log TO tallystick_writer;
GRANT UPDATE(error_details) ON TABLE staging_process_log TO tallystick_writer;

-- transfer_schedules ------------------------------------------------------------------------------

CREATE TABLE transfer_schedules (
    id uuid NOT NULL,
    version integer NOT NULL,
    requester_id uuid NOT NULL,
    from_wallet_id uuid NOT NULL,
    to_wallet_id uuid NOT NULL,
    status text NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    frequency text NOT NULL,
    starts_on date NOT NULL,
    local_time time without time zone NOT NULL,
    timezone text NOT NULL,
    ends_on date,
    runs_max integer,
    stop_after_failures integer,
    runs integer NOT NULL,
    failures integer NOT NULL,
    failures_in_a_row integer NOT NULL,
    skipped integer NOT NULL,
    last_transfer_id uuid,
    last_failure_code text,
    due_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT transfer_schedules_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT transfer_schedules_check CHECK (((failures >= 0) AND (failures <= runs))),
    CONSTRAINT transfer_schedules_due_while_active CHECK (((status = 'active'::text) = (due_at IS NOT NULL))),
    CONSTRAINT transfer_schedules_frequency_check CHECK ((frequency = ANY (ARRAY['once'::text, 'daily'::text, 'weekly'::text, 'monthly'::text]))),
    CONSTRAINT transfer_schedules_status_check CHECK ((status = ANY (ARRAY['active'::text, 'paused'::text, 'finished'::text, 'stopped'::text, 'cancelled'::text])))
)
WITH (fillfactor='70');
ALTER TABLE ONLY transfer_schedules
    ADD CONSTRAINT transfer_schedules_pkey PRIMARY KEY (id);
CREATE INDEX transfer_schedules_date ON transfer_schedules USING btree (created_at DESC, id DESC);
CREATE INDEX transfer_schedules_due ON transfer_schedules USING btree (due_at) WHERE (due_at IS NOT NULL);
CREATE INDEX transfer_schedules_from ON transfer_schedules USING btree (from_wallet_id, created_at DESC, id DESC);
GRANT SELECT,INSERT,UPDATE ON TABLE transfer_schedules TO tallystick_writer;
GRANT SELECT ON TABLE transfer_schedules TO tallystick_reader;

-- wallet_holds ------------------------------------------------------------------------------------

CREATE TABLE wallet_holds (
    id uuid NOT NULL,
    version integer NOT NULL,
    wallet_id uuid NOT NULL,
    status text NOT NULL,
    amount_minor bigint NOT NULL,
    captured_minor bigint NOT NULL,
    returned_minor bigint NOT NULL,
    currency text NOT NULL,
    to_account_id uuid NOT NULL,
    to_wallet_id uuid,
    to_merchant_id uuid,
    reference text,
    reservation_id uuid NOT NULL,
    spent_on date NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    due_at timestamp with time zone,
    placed_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT wallet_holds_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT wallet_holds_captured_minor_check CHECK ((captured_minor >= 0)),
    CONSTRAINT wallet_holds_returned_minor_check CHECK ((returned_minor >= 0)),
    CONSTRAINT wallet_holds_status_check CHECK ((status = ANY (ARRAY['active'::text, 'captured'::text, 'released'::text, 'expired'::text]))),
    CONSTRAINT wallet_holds_whole CHECK ((((captured_minor + returned_minor) <= amount_minor) AND ((status = 'active'::text) = ((captured_minor + returned_minor) < amount_minor)) AND ((status = 'active'::text) = (due_at IS NOT NULL))))
)
WITH (fillfactor='70');
ALTER TABLE ONLY wallet_holds
    ADD CONSTRAINT wallet_holds_pkey PRIMARY KEY (id);
CREATE INDEX wallet_holds_date ON wallet_holds USING btree (placed_at DESC, id DESC);
CREATE INDEX wallet_holds_due ON wallet_holds USING btree (due_at) WHERE (due_at IS NOT NULL);
CREATE INDEX wallet_holds_merchant ON wallet_holds USING btree (to_merchant_id, placed_at DESC, id DESC) WHERE (to_merchant_id IS NOT NULL);
CREATE INDEX wallet_holds_wallet ON wallet_holds USING btree (wallet_id, placed_at DESC, id DESC);
GRANT SELECT,INSERT,UPDATE ON TABLE wallet_holds TO tallystick_writer;
GRANT SELECT ON TABLE wallet_holds TO tallystick_reader;

-- wallet_orders -----------------------------------------------------------------------------------

CREATE TABLE wallet_orders (
    id uuid NOT NULL,
    version integer NOT NULL,
    reference text NOT NULL,
    authorization_reference text NOT NULL,
    order_kind text NOT NULL,
    status text NOT NULL,
    wallet_id uuid NOT NULL,
    hold_id uuid,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    code text,
    posting_id uuid,
    asked_at timestamp with time zone NOT NULL,
    CONSTRAINT wallet_orders_amount_minor_check CHECK ((amount_minor >= 0)),
    CONSTRAINT wallet_orders_concluded CHECK ((((status = 'approved'::text) = (posting_id IS NOT NULL)) AND ((status = 'declined'::text) = (code IS NOT NULL)))),
    CONSTRAINT wallet_orders_order_kind_check CHECK ((order_kind = ANY (ARRAY['authorization'::text, 'charge'::text, 'capture'::text, 'void'::text, 'refund'::text]))),
    CONSTRAINT wallet_orders_status_check CHECK ((status = ANY (ARRAY['approved'::text, 'declined'::text])))
);
ALTER TABLE ONLY wallet_orders
    ADD CONSTRAINT wallet_orders_pkey PRIMARY KEY (id);
CREATE INDEX wallet_orders_authorization ON wallet_orders USING btree (authorization_reference, asked_at);
CREATE INDEX wallet_orders_posting ON wallet_orders USING btree (posting_id) WHERE (posting_id IS NOT NULL);
CREATE INDEX wallet_orders_reference ON wallet_orders USING btree (reference);
GRANT SELECT,INSERT,UPDATE ON TABLE wallet_orders TO tallystick_writer;
GRANT SELECT ON TABLE wallet_orders TO tallystick_reader;

-- wallet_tiers ------------------------------------------------------------------------------------

CREATE TABLE wallet_tiers (
    id uuid NOT NULL,
    version integer NOT NULL,
    name text NOT NULL,
    currency text NOT NULL,
    daily_minor bigint,
    monthly_minor bigint,
    balance_minor bigint,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT wallet_tiers_balance_minor_check CHECK ((balance_minor >= 0)),
    CONSTRAINT wallet_tiers_daily_minor_check CHECK ((daily_minor >= 0)),
    CONSTRAINT wallet_tiers_monthly_minor_check CHECK ((monthly_minor >= 0))
);
ALTER TABLE ONLY wallet_tiers
    ADD CONSTRAINT wallet_tiers_pkey PRIMARY KEY (id);
GRANT SELECT,INSERT,UPDATE ON TABLE wallet_tiers TO tallystick_writer;
GRANT SELECT ON TABLE wallet_tiers TO tallystick_reader;

-- wallet_top_ups ----------------------------------------------------------------------------------

CREATE TABLE wallet_top_ups (
    id uuid NOT NULL,
    version integer NOT NULL,
    payment_id uuid NOT NULL,
    wallet_id uuid NOT NULL,
    from_account_id uuid NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    status text NOT NULL,
    failure_code text,
    posting_id uuid,
    due_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT wallet_top_ups_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT wallet_top_ups_moved CHECK ((((status = 'credited'::text) = (posting_id IS NOT NULL)) AND ((status = 'waiting'::text) = (due_at IS NOT NULL)))),
    CONSTRAINT wallet_top_ups_status_check CHECK ((status = ANY (ARRAY['waiting'::text, 'credited'::text])))
);
ALTER TABLE ONLY wallet_top_ups
    ADD CONSTRAINT wallet_top_ups_pkey PRIMARY KEY (id);
CREATE INDEX wallet_top_ups_date ON wallet_top_ups USING btree (created_at DESC, id DESC);
CREATE INDEX wallet_top_ups_due ON wallet_top_ups USING btree (due_at) WHERE (due_at IS NOT NULL);
CREATE INDEX wallet_top_ups_from ON wallet_top_ups USING btree (from_account_id, created_at DESC, id DESC);
CREATE INDEX wallet_top_ups_payment ON wallet_top_ups USING btree (payment_id);
CREATE INDEX wallet_top_ups_wallet ON wallet_top_ups USING btree (wallet_id, created_at DESC, id DESC);
GRANT SELECT,INSERT,UPDATE ON TABLE wallet_top_ups TO tallystick_writer;
GRANT SELECT ON TABLE wallet_top_ups TO tallystick_reader;

-- wallet_transfers --------------------------------------------------------------------------------

CREATE TABLE wallet_transfers (
    id uuid NOT NULL,
    version integer NOT NULL,
    transfer_id text NOT NULL,
    requester_id uuid NOT NULL,
    from_wallet_id uuid NOT NULL,
    to_wallet_id uuid NOT NULL,
    status text NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    credited_minor bigint NOT NULL,
    credited_currency text NOT NULL,
    quote_id uuid,
    schedule_id uuid,
    due_at timestamp with time zone,
    failure_code text,
    posting_id uuid,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT wallet_transfers_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT wallet_transfers_credited_minor_check CHECK ((credited_minor >= 0)),
    CONSTRAINT wallet_transfers_moved CHECK ((((status = 'completed'::text) = (posting_id IS NOT NULL)) AND ((status = 'failed'::text) = (failure_code IS NOT NULL)) AND ((status = 'failed'::text) = (credited_minor = 0)))),
    CONSTRAINT wallet_transfers_status_check CHECK ((status = ANY (ARRAY['completed'::text, 'failed'::text])))
);
ALTER TABLE ONLY wallet_transfers
    ADD CONSTRAINT wallet_transfers_pkey PRIMARY KEY (id);
CREATE INDEX wallet_transfers_date ON wallet_transfers USING btree (created_at DESC, id DESC);
CREATE INDEX wallet_transfers_from ON wallet_transfers USING btree (from_wallet_id, created_at DESC, id DESC);
CREATE UNIQUE INDEX wallet_transfers_posting ON wallet_transfers USING btree (posting_id);
CREATE INDEX wallet_transfers_schedule ON wallet_transfers USING btree (schedule_id, created_at DESC, id DESC) WHERE (schedule_id IS NOT NULL);
CREATE INDEX wallet_transfers_to ON wallet_transfers USING btree (to_wallet_id, created_at DESC, id DESC);
GRANT SELECT,INSERT,UPDATE ON TABLE wallet_transfers TO tallystick_writer;
GRANT SELECT ON TABLE wallet_transfers TO tallystick_reader;

-- wallets -----------------------------------------------------------------------------------------

CREATE TABLE wallets (
    id uuid NOT NULL,
    version integer NOT NULL,
    wallet_id uuid NOT NULL,
    owner_id uuid NOT NULL,
    owner_kind text NOT NULL,
    currency text NOT NULL,
    status text NOT NULL,
    frozen text NOT NULL,
    tier text NOT NULL,
    spent_on date NOT NULL,
    spent_day_minor bigint NOT NULL,
    spent_month date NOT NULL,
    spent_month_minor bigint NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT wallets_check CHECK ((spent_month_minor >= spent_day_minor)),
    CONSTRAINT wallets_frozen CHECK (((status = 'frozen'::text) = (frozen <> 'no'::text))),
    CONSTRAINT wallets_frozen_check CHECK ((frozen = ANY (ARRAY['no'::text, 'outflow'::text, 'all'::text]))),
    CONSTRAINT wallets_owner_kind_check CHECK ((owner_kind = ANY (ARRAY['user'::text, 'merchant'::text]))),
    CONSTRAINT wallets_spent_day_minor_check CHECK ((spent_day_minor >= 0)),
    CONSTRAINT wallets_status_check CHECK ((status = ANY (ARRAY['active'::text, 'frozen'::text, 'closed'::text])))
)
WITH (fillfactor='70');
ALTER TABLE ONLY wallets
    ADD CONSTRAINT wallets_pkey PRIMARY KEY (id);
CREATE INDEX wallets_date ON wallets USING btree (opened_at DESC, wallet_id DESC);
CREATE INDEX wallets_owner ON wallets USING btree (owner_id, currency);
CREATE UNIQUE INDEX wallets_wallet ON wallets USING btree (wallet_id);
CREATE POLICY analysts ON wallets FOR SELECT TO tallystick_analyst USING ((EXISTS ( SELECT
   FROM analysts a
  WHERE ((a.merchant_id IS NULL) OR (a.merchant_id = wallets.owner_id)))));
CREATE POLICY servers ON wallets TO tallystick_writer, tallystick_reader USING (true) WITH CHECK (true);
ALTER TABLE wallets ENABLE ROW LEVEL SECURITY;
GRANT SELECT,INSERT,UPDATE ON TABLE wallets TO tallystick_writer;
GRANT SELECT ON TABLE wallets TO tallystick_reader;
GRANT SELECT(id) ON TABLE wallets TO tallystick_analyst;
GRANT SELECT(wallet_id) ON TABLE wallets TO tallystick_analyst;
GRANT SELECT(owner_id) ON TABLE wallets TO tallystick_analyst;
GRANT SELECT(owner_kind) ON TABLE wallets TO tallystick_analyst;
GRANT SELECT(currency) ON TABLE wallets TO tallystick_analyst;
GRANT SELECT(status) ON TABLE wallets TO tallystick_analyst;
GRANT SELECT(tier) ON TABLE wallets TO tallystick_analyst;
GRANT SELECT(opened_at) ON TABLE wallets TO tallystick_analyst;
GRANT SELECT(updated_at) ON TABLE wallets TO tallystick_analyst;

-- audit_logs --------------------------------------------------------------------------------------

CREATE VIEW audit_logs AS
 SELECT named_id(aggregate_id, ('fact '::text || version)) AS audit_id,
    actor AS user_id,
    'payment-service'::text AS service_name,
    kind AS action,
    split_part(kind, '.'::text, 1) AS entity_type,
    aggregate_id AS entity_id,
    NULL::jsonb AS old_values,
    ((data)::jsonb - ARRAY['sealed'::text, 'name_sealed'::text, 'digest'::text]) AS new_values,
    NULL::inet AS ip_address,
    NULL::text AS user_agent,
    'SUCCESS'::text AS status,
    at AS created_at,
    request_id
   FROM journal_facts;
GRANT SELECT ON TABLE audit_logs TO tallystick_writer;
GRANT SELECT ON TABLE audit_logs TO tallystick_reader;

-- event_store -------------------------------------------------------------------------------------

CREATE VIEW event_store AS
 SELECT named_id(aggregate_id, ('fact '::text || version)) AS event_id,
    aggregate_id,
    split_part(kind, '.'::text, 1) AS aggregate_type,
    kind AS event_type,
    ((data)::jsonb - ARRAY['sealed'::text, 'name_sealed'::text, 'digest'::text]) AS event_data,
    version,
    at AS created_at
   FROM journal_facts;
GRANT SELECT ON TABLE event_store TO tallystick_writer;
GRANT SELECT ON TABLE event_store TO tallystick_reader;

-- journal_facts_for_analysts ----------------------------------------------------------------------

CREATE VIEW journal_facts_for_analysts WITH (security_barrier='true') AS
 SELECT lane,
    "position",
    at,
    aggregate_id,
    version,
    kind,
    schema_version,
    ((data)::jsonb - ARRAY['sealed'::text, 'name_sealed'::text, 'token'::text, 'payment_method'::text]) AS data
   FROM journal_facts
  WHERE ((kind !~~ 'api\_key.%'::text) AND (EXISTS ( SELECT
           FROM analysts
          WHERE ((analysts.login = SESSION_USER) AND (analysts.merchant_id IS NULL)))));
GRANT SELECT ON TABLE journal_facts_for_analysts TO tallystick_analyst;

-- ledger_account_lines ----------------------------------------------------------------------------

CREATE VIEW ledger_account_lines AS
 SELECT t.id AS transfer_id,
    COALESCE(t.part_of, t.id) AS transaction_id,
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
    COALESCE(t.part_of, t.id) AS transaction_id,
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
GRANT SELECT ON TABLE ledger_account_lines TO tallystick_writer;
GRANT SELECT ON TABLE ledger_account_lines TO tallystick_reader;

-- ledger_accounts_for_analysts --------------------------------------------------------------------

CREATE VIEW ledger_accounts_for_analysts WITH (security_barrier='true') AS
 SELECT id,
    code,
    currency,
    normal_side,
    debits_pending,
    debits_posted,
    credits_pending,
    credits_posted,
    overdraft_limit,
    frozen,
    closed_at
   FROM ledger_accounts
  WHERE (EXISTS ( SELECT
           FROM analysts
          WHERE ((analysts.login = SESSION_USER) AND (analysts.merchant_id IS NULL))));
GRANT SELECT ON TABLE ledger_accounts_for_analysts TO tallystick_analyst;

-- ledger_entries ----------------------------------------------------------------------------------

CREATE VIEW ledger_entries AS
 SELECT transfer_id,
    transaction_id,
    account_id,
    amount,
    currency,
    entry_type,
    kind,
    code,
    balance_after,
    account_version,
    effective_at,
    lane,
    batch,
    named_id(transfer_id, lower(entry_type)) AS id,
    amount AS amount_cents,
    ( SELECT b.at
           FROM journal_batches b
          WHERE ((b.lane = e.lane) AND (b.batch = e.batch))) AS created_at
   FROM ledger_account_lines e;
GRANT SELECT ON TABLE ledger_entries TO tallystick_writer;
GRANT SELECT ON TABLE ledger_entries TO tallystick_reader;

-- ledger_entries_for_analysts ---------------------------------------------------------------------

CREATE VIEW ledger_entries_for_analysts WITH (security_barrier='true') AS
 SELECT transfer_id,
    transaction_id,
    account_id,
    amount,
    currency,
    entry_type,
    kind,
    code,
    balance_after,
    account_version,
    effective_at,
    lane,
    batch
   FROM ledger_entries
  WHERE (EXISTS ( SELECT
           FROM analysts
          WHERE ((analysts.login = SESSION_USER) AND (analysts.merchant_id IS NULL))));
GRANT SELECT ON TABLE ledger_entries_for_analysts TO tallystick_analyst;

-- merchant_settlements ----------------------------------------------------------------------------

CREATE VIEW merchant_settlements AS
 SELECT id AS settlement_id,
    merchant_id,
    payment_id,
    status,
    currency,
    captured_minor AS gross_amount,
    fee_minor AS fee_amount,
    returned_minor AS returned_amount,
    ((captured_minor - fee_minor) - returned_minor) AS net_amount,
    created_at,
    updated_at
   FROM settlement_records;
GRANT SELECT ON TABLE merchant_settlements TO tallystick_writer;
GRANT SELECT ON TABLE merchant_settlements TO tallystick_reader;

-- payment_events ----------------------------------------------------------------------------------

CREATE VIEW payment_events AS
 SELECT named_id(aggregate_id, ('fact '::text || version)) AS id,
    aggregate_id,
    kind AS event_type,
    version,
    at AS "timestamp",
    ((data)::jsonb - 'sealed'::text) AS data,
    jsonb_build_object('actor', actor, 'request_id', request_id, 'cause', cause, 'schema_version', schema_version) AS metadata
   FROM journal_facts
  WHERE (kind ~~ 'payment.%'::text);
GRANT SELECT ON TABLE payment_events TO tallystick_writer;
GRANT SELECT ON TABLE payment_events TO tallystick_reader;

-- payment_idempotency -----------------------------------------------------------------------------

CREATE VIEW payment_idempotency AS
 SELECT c.id AS idempotency_key,
    COALESCE(r.payment_id, p.id) AS payment_id,
    jsonb_build_object('state', c.state, 'subject_id', c.subject_id, 'version', c.subject_version, 'outcome', c.outcome) AS response_data,
    ( SELECT f.at
           FROM journal_facts f
          WHERE ((f.aggregate_id = c.subject_id) AND (f.version = c.subject_version))) AS created_at
   FROM ((journal_claims c
     LEFT JOIN payments p ON ((p.id = c.subject_id)))
     LEFT JOIN refunds r ON ((r.id = c.subject_id)))
  WHERE (COALESCE(r.payment_id, p.id) IS NOT NULL);
GRANT SELECT ON TABLE payment_idempotency TO tallystick_writer;
GRANT SELECT ON TABLE payment_idempotency TO tallystick_reader;

-- payment_transactions ----------------------------------------------------------------------------

CREATE VIEW payment_transactions AS
 SELECT named_id(aggregate_id, ('fact '::text || version)) AS transaction_id,
    aggregate_id AS payment_id,
    version,
    substr(kind, (length('payment.'::text) + 1)) AS type,
    ( SELECT
                CASE
                    WHEN ((s.kind = ANY (ARRAY['payment.authorized'::text, 'payment.refunded'::text])) AND (EXISTS ( SELECT
                       FROM journal_facts c
                      WHERE ((c.aggregate_id = f.aggregate_id) AND ((c.version >= s.version) AND (c.version <= f.version)) AND (c.kind = 'payment.captured'::text))))) THEN
                    CASE s.kind
                        WHEN 'payment.authorized'::text THEN 'captured'::text
                        ELSE 'partially_refunded'::text
                    END
                    WHEN (s.kind = 'payment.attempt_sending'::text) THEN 'pending'::text
                    WHEN (s.kind = 'payment.given_up'::text) THEN 'cancelled'::text
                    WHEN (s.kind = 'payment.late_failure'::text) THEN 'failed'::text
                    ELSE substr(s.kind, (length('payment.'::text) + 1))
                END AS substr
           FROM journal_facts s
          WHERE ((s.aggregate_id = f.aggregate_id) AND (s.version <= f.version) AND (s.kind = ANY (ARRAY['payment.initiated'::text, 'payment.attempt_sending'::text, 'payment.authorized'::text, 'payment.failed'::text, 'payment.given_up'::text, 'payment.cancelled'::text, 'payment.expired'::text, 'payment.late_failure'::text, 'payment.partially_refunded'::text, 'payment.refunded'::text])))
          ORDER BY s.version DESC
         LIMIT 1) AS status,
    ((data ->> 'amount_minor'::text))::bigint AS amount,
    (data ->> 'route'::text) AS route,
    (data ->> 'provider_reference'::text) AS provider_reference,
    (data ->> 'code'::text) AS failure_code,
    ((data ->> 'posting_id'::text))::uuid AS posting_id,
    at AS created_at
   FROM journal_facts f
  WHERE ((kind ~~ 'payment.%'::text) AND (kind <> 'payment.recorded'::text));
GRANT SELECT ON TABLE payment_transactions TO tallystick_writer;
GRANT SELECT ON TABLE payment_transactions TO tallystick_reader;

-- transactions ------------------------------------------------------------------------------------

CREATE VIEW transactions AS
 SELECT e.id,
    e.account_id,
        CASE a.normal_side
            WHEN 'debit'::text THEN (- e.amount)
            ELSE e.amount
        END AS amount,
        CASE e.code
            WHEN 'capture'::text THEN 'payment_received'::text
            WHEN 'recorded_payment'::text THEN 'payment_received'::text
            WHEN 'wallet_refund'::text THEN 'refund'::text
            WHEN 'payout'::text THEN 'withdrawal'::text
            ELSE e.code
        END AS type,
    COALESCE(( SELECT f.aggregate_id
           FROM journal_facts f
          WHERE ((f.aggregate_id = e.transaction_id) AND (f.version = 1))), ( SELECT f.aggregate_id
           FROM journal_facts f
          WHERE ((f.lane = e.lane) AND (f."position" > ( SELECT (b.last_position - b.facts)
                   FROM journal_batches b
                  WHERE ((b.lane = e.lane) AND (b.batch = e.batch)))) AND (f."position" <= ( SELECT b.last_position
                   FROM journal_batches b
                  WHERE ((b.lane = e.lane) AND (b.batch = e.batch)))) AND ((f.data ->> 'posting_id'::text) = (e.transaction_id)::text))
          ORDER BY f."position"
         LIMIT 1), e.transaction_id) AS reference_id,
    jsonb_build_object('transfer_id', e.transfer_id, 'change_id', e.transaction_id, 'code', e.code, 'effective_at', e.effective_at) AS metadata,
    e.created_at,
    e.currency,
    e.balance_after,
    e.account_version
   FROM (ledger_entries e
     JOIN ledger_accounts a ON ((a.id = e.account_id)))
  WHERE (e.kind = ANY (ARRAY['post'::text, 'settle'::text]));
GRANT SELECT ON TABLE transactions TO tallystick_writer;
GRANT SELECT ON TABLE transactions TO tallystick_reader;

-- wallet_transactions -----------------------------------------------------------------------------

CREATE VIEW wallet_transactions AS
 SELECT e.id AS transaction_id,
    w.wallet_id,
    e.entry_type AS type,
    e.amount,
    e.currency,
    e.balance_after,
    e.code,
    e.transfer_id,
    e.transaction_id AS change_id,
    e.account_version AS version,
    e.created_at
   FROM (wallets w
     JOIN ledger_entries e ON ((e.account_id = w.wallet_id)))
  WHERE (e.kind = ANY (ARRAY['post'::text, 'settle'::text]));
GRANT SELECT ON TABLE wallet_transactions TO tallystick_writer;
GRANT SELECT ON TABLE wallet_transactions TO tallystick_reader;
