-- Payouts that were called off, lists of top-ups, and who may look without being a server.

ALTER TABLE payouts
    DROP CONSTRAINT payouts_status_check,
    ADD CONSTRAINT payouts_status_check CHECK (
        status IN ('pending', 'sent', 'paid', 'failed', 'returned', 'cancelled'));

CREATE INDEX wallet_top_ups_wallet ON wallet_top_ups (wallet_id, created_at DESC, id DESC);
CREATE INDEX wallet_top_ups_from ON wallet_top_ups (from_account_id, created_at DESC, id DESC);
CREATE INDEX wallet_top_ups_date ON wallet_top_ups (created_at DESC, id DESC);

-- The reader of top-ups is a consumer like any other: its place stands in `delivery_positions`.
INSERT INTO delivery_positions (reader, lane, position, moved_at)
SELECT reader, lane, position, moved_at FROM journal_cursors WHERE reader = 'top_ups';
DROP TABLE journal_cursors;

-- Analysts ----------------------------------------------------------------------------------

-- Whoever looks at figures without being a server: a login of its own, a member of this role.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tallystick_analyst') THEN
        CREATE ROLE tallystick_analyst NOLOGIN;
    END IF;
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO tallystick_analyst', current_schema());
END $$;

-- Which login sees which merchant's rows; without a merchant, everybody's. The owner writes here.
CREATE TABLE analysts (
    login        text  NOT NULL,
    merchant_id  uuid,
    CONSTRAINT analysts_once UNIQUE NULLS NOT DISTINCT (login, merchant_id)
);
ALTER TABLE analysts ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON analysts FOR SELECT TO tallystick_analyst USING (login = session_user);
GRANT SELECT ON analysts TO tallystick_analyst;

-- Columns by name: what a later migration adds is closed until it is opened. None of them holds
-- sealed text, a token, a key's digest or a document.
GRANT SELECT (id, external_id, currencies, created_at) ON merchants TO tallystick_analyst;
GRANT SELECT (id, merchant_id, status, amount_minor, currency, capture_method, payment_id, payments,
    failure_code, cancellation_reason, expires_at, created_at, updated_at)
    ON intents TO tallystick_analyst;
GRANT SELECT (id, merchant_id, intent_id, status, amount_minor, currency, authorized_minor,
    captured_minor, refunded_minor, refund_pending_minor, disputed_minor, charged_back_minor,
    fee_minor, capture_method, route, attempts, failure_code, off_session, created_at, updated_at)
    ON payments TO tallystick_analyst;
GRANT SELECT (id, merchant_id, payment_id, status, amount_minor, currency, reason, route,
    failure_code, fee_minor, tax_minor, created_at, updated_at) ON refunds TO tallystick_analyst;
GRANT SELECT (id, merchant_id, payment_id, route, status, amount_minor, currency, fee_minor, reason,
    evidence_due_by, answered_at, closed_at, opened_at, created_at, updated_at)
    ON disputes TO tallystick_analyst;
GRANT SELECT (id, source, owner_id, status, amount_minor, currency, method, route, failure_code,
    booked_to, unknown, paid_at, created_at, updated_at) ON payouts TO tallystick_analyst;
GRANT SELECT (id, payment_id, merchant_id, currency, status, captured_minor, fee_minor,
    returned_minor, created_at, updated_at) ON settlement_records TO tallystick_analyst;
GRANT SELECT (id, wallet_id, owner_id, owner_kind, currency, status, tier, opened_at, updated_at)
    ON wallets TO tallystick_analyst;

DO $$
DECLARE
    owned record;
BEGIN
    FOR owned IN VALUES
        ('merchants', 'id'), ('intents', 'merchant_id'), ('payments', 'merchant_id'),
        ('refunds', 'merchant_id'), ('disputes', 'merchant_id'), ('payouts', 'owner_id'),
        ('settlement_records', 'merchant_id'), ('wallets', 'owner_id')
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', owned.column1);
        -- The servers see all: a constant, which costs their plans nothing.
        EXECUTE format('CREATE POLICY servers ON %I TO tallystick_reader, tallystick_writer'
            ' USING (true) WITH CHECK (true)', owned.column1);
        EXECUTE format('CREATE POLICY analysts ON %I FOR SELECT TO tallystick_analyst'
            ' USING (EXISTS (SELECT FROM analysts a WHERE a.merchant_id IS NULL OR a.merchant_id = %I.%I))',
            owned.column1, owned.column1, owned.column2);
    END LOOP;
END $$;

-- Journal and ledger are loaded by COPY, which row-level security forbids: these views say instead
-- what of them an analyst of the whole platform may see.
CREATE VIEW journal_facts_for_analysts WITH (security_barrier) AS
SELECT lane, position, at, aggregate_id, version, kind, schema_version,
       data::jsonb - ARRAY['sealed', 'name_sealed', 'token', 'payment_method'] AS data
  FROM journal_facts
 WHERE kind NOT LIKE 'api\_key.%'
   AND EXISTS (SELECT FROM analysts WHERE login = session_user AND merchant_id IS NULL);
CREATE VIEW ledger_accounts_for_analysts WITH (security_barrier) AS
SELECT id, code, currency, normal_side, debits_pending, debits_posted, credits_pending,
       credits_posted, overdraft_limit, frozen, closed_at
  FROM ledger_accounts
 WHERE EXISTS (SELECT FROM analysts WHERE login = session_user AND merchant_id IS NULL);
CREATE VIEW ledger_entries_for_analysts WITH (security_barrier) AS
SELECT * FROM ledger_entries
 WHERE EXISTS (SELECT FROM analysts WHERE login = session_user AND merchant_id IS NULL);
GRANT SELECT ON journal_facts_for_analysts, ledger_accounts_for_analysts,
    ledger_entries_for_analysts TO tallystick_analyst;
