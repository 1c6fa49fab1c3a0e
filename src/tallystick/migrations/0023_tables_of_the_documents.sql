-- Tables that the documents name and the house names otherwise, as views with the documents'
-- columns: docs/reference/tables.md. Nothing is copied. They are read with the owner's rights, past
-- row-level security, so they are for servers and not for analysts; nobody may write through them.

-- The id of the one thing called `name` that belongs to `owner`: same time, same bucket, as the
-- derived ids of the house, but by a hash that PostgreSQL knows.
CREATE FUNCTION named_id(owner uuid, name text) RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT encode(
        substr(uuid_send(owner), 1, 8)
        || set_bit(set_bit(
               substr(sha256(uuid_send(owner) || convert_to(name, 'UTF8')), 1, 8), 7, 1), 6, 0),
        'hex')::uuid
$$;
REVOKE ALL ON FUNCTION named_id FROM PUBLIC;
GRANT EXECUTE ON FUNCTION named_id TO tallystick_writer, tallystick_reader;

-- Events -------------------------------------------------------------------------------------

-- Of document 002. Ciphertext tells nobody anything, and a key's digest is not to be told.
CREATE VIEW event_store AS
SELECT named_id(aggregate_id, 'fact ' || version) AS event_id,
       aggregate_id,
       split_part(kind, '.', 1) AS aggregate_type,
       kind AS event_type,
       data::jsonb - ARRAY['sealed', 'name_sealed', 'digest'] AS event_data,
       version,
       at AS created_at
  FROM journal_facts;

-- Of document 004: what GET /api/v1/payments/{id}/events tells, and payments made elsewhere.
CREATE VIEW payment_events AS
SELECT named_id(aggregate_id, 'fact ' || version) AS id,
       aggregate_id,
       kind AS event_type,
       version,
       at AS "timestamp",
       data::jsonb - 'sealed' AS data,
       jsonb_build_object('actor', actor, 'request_id', request_id, 'cause', cause,
                          'schema_version', schema_version) AS metadata
  FROM journal_facts
 WHERE kind LIKE 'payment.%';

-- Of document 002: one row a step of a payment, and the state that the payment was in after it. A
-- capture changes what is authorized or refunded, and no other state.
CREATE VIEW payment_transactions AS
SELECT named_id(f.aggregate_id, 'fact ' || f.version) AS transaction_id,
       f.aggregate_id AS payment_id,
       f.version,
       substr(f.kind, length('payment.') + 1) AS type,
       (SELECT CASE
                   WHEN s.kind IN ('payment.authorized', 'payment.refunded') AND EXISTS (
                       SELECT FROM journal_facts c
                        WHERE c.aggregate_id = f.aggregate_id
                          AND c.version BETWEEN s.version AND f.version
                          AND c.kind = 'payment.captured')
                   THEN CASE s.kind WHEN 'payment.authorized' THEN 'captured'
                                    ELSE 'partially_refunded' END
                   WHEN s.kind = 'payment.attempt_sending' THEN 'pending'
                   WHEN s.kind = 'payment.given_up' THEN 'cancelled'
                   WHEN s.kind = 'payment.late_failure' THEN 'failed'
                   ELSE substr(s.kind, length('payment.') + 1)
               END
          FROM journal_facts s
         WHERE s.aggregate_id = f.aggregate_id AND s.version <= f.version
           AND s.kind IN ('payment.initiated', 'payment.attempt_sending', 'payment.authorized',
                          'payment.failed', 'payment.given_up', 'payment.cancelled',
                          'payment.expired', 'payment.late_failure',
                          'payment.partially_refunded', 'payment.refunded')
         ORDER BY s.version DESC LIMIT 1) AS status,
       (f.data ->> 'amount_minor')::bigint AS amount,
       f.data ->> 'route' AS route,
       f.data ->> 'provider_reference' AS provider_reference,
       f.data ->> 'code' AS failure_code,
       (f.data ->> 'posting_id')::uuid AS posting_id,  -- the change that moved the money
       f.at AS created_at
  FROM journal_facts f
 WHERE f.kind LIKE 'payment.%' AND f.kind <> 'payment.recorded';

-- Of document 002: who did what, as far as the log knows. From where, and what was before, is not
-- in it.
CREATE VIEW audit_logs AS
SELECT named_id(aggregate_id, 'fact ' || version) AS audit_id,
       actor AS user_id,
       'payment-service' AS service_name,
       kind AS action,
       split_part(kind, '.', 1) AS entity_type,
       aggregate_id AS entity_id,
       NULL::jsonb AS old_values,
       data::jsonb - ARRAY['sealed', 'name_sealed', 'digest'] AS new_values,
       NULL::inet AS ip_address,
       NULL::text AS user_agent,
       'SUCCESS' AS status,
       at AS created_at,
       request_id
  FROM journal_facts;

-- Of document 002: the claims about payments and refunds, of calls and of consumers. A key is kept
-- as a hash alone, and an answer is rendered from the facts of `subject_id` up to `version`.
CREATE VIEW payment_idempotency AS
SELECT c.id AS idempotency_key,
       coalesce(r.payment_id, p.id) AS payment_id,
       jsonb_build_object('state', c.state, 'subject_id', c.subject_id,
                          'version', c.subject_version, 'outcome', c.outcome) AS response_data,
       (SELECT f.at FROM journal_facts f
         WHERE f.aggregate_id = c.subject_id AND f.version = c.subject_version) AS created_at
  FROM journal_claims c
  LEFT JOIN payments p ON p.id = c.subject_id
  LEFT JOIN refunds r ON r.id = c.subject_id
 WHERE coalesce(r.payment_id, p.id) IS NOT NULL;

-- Money --------------------------------------------------------------------------------------

-- Each transfer as the two lines an accountant reads, with what stands in its row and no more: what
-- the house itself reads by. A further expression would be planned with each of its statements.
CREATE VIEW ledger_account_lines AS
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

-- The same for everybody else, and the columns of document 004 that were missing.
CREATE OR REPLACE VIEW ledger_entries AS
SELECT e.transfer_id, e.transaction_id, e.account_id, e.amount, e.currency, e.entry_type, e.kind,
       e.code, e.balance_after, e.account_version, e.effective_at, e.lane, e.batch,
       named_id(e.transfer_id, lower(e.entry_type)) AS id,
       e.amount AS amount_cents,
       (SELECT b.at FROM journal_batches b
         WHERE b.lane = e.lane AND b.batch = e.batch) AS created_at
  FROM ledger_account_lines e;

-- Of document 001: what moved the balance of an account, on its normal side, so that they add up
-- to it. `reference_id` is the object that the change was about: the one of the change's own id, or
-- the one whose fact, in the same batch, names the change.
CREATE VIEW transactions AS
SELECT e.id,
       e.account_id,
       CASE a.normal_side WHEN 'debit' THEN -e.amount ELSE e.amount END AS amount,
       CASE e.code WHEN 'capture' THEN 'payment_received'
                   WHEN 'recorded_payment' THEN 'payment_received'
                   WHEN 'wallet_refund' THEN 'refund'
                   WHEN 'payout' THEN 'withdrawal'
                   ELSE e.code END AS type,
       coalesce(
           (SELECT f.aggregate_id FROM journal_facts f
             WHERE f.aggregate_id = e.transaction_id AND f.version = 1),
           (SELECT f.aggregate_id FROM journal_facts f
             WHERE f.lane = e.lane
               AND f.position > (SELECT b.last_position - b.facts FROM journal_batches b
                                  WHERE b.lane = e.lane AND b.batch = e.batch)
               AND f.position <= (SELECT b.last_position FROM journal_batches b
                                   WHERE b.lane = e.lane AND b.batch = e.batch)
               AND f.data ->> 'posting_id' = e.transaction_id::text
             ORDER BY f.position LIMIT 1),
           e.transaction_id) AS reference_id,
       jsonb_build_object('transfer_id', e.transfer_id, 'change_id', e.transaction_id,
                          'code', e.code, 'effective_at', e.effective_at) AS metadata,
       e.created_at,
       e.currency,
       e.balance_after,
       e.account_version
  FROM ledger_entries e JOIN ledger_accounts a ON a.id = e.account_id
 WHERE e.kind IN ('post', 'settle');

-- Of document 002: what came into wallets and what left them; a wallet's add up to its balance.
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
  FROM wallets w JOIN ledger_entries e ON e.account_id = w.wallet_id
 WHERE e.kind IN ('post', 'settle');

-- Of document 002: what merchants are to be settled for, a row a captured payment so far.
CREATE VIEW merchant_settlements AS
SELECT id AS settlement_id,
       merchant_id,
       payment_id,
       status,
       currency,
       captured_minor AS gross_amount,
       fee_minor AS fee_amount,
       returned_minor AS returned_amount,
       captured_minor - fee_minor - returned_minor AS net_amount,
       created_at,
       updated_at
  FROM settlement_records;

GRANT SELECT ON event_store, payment_events, payment_transactions, audit_logs, payment_idempotency,
    ledger_account_lines, transactions, wallet_transactions, merchant_settlements
    TO tallystick_writer, tallystick_reader;
