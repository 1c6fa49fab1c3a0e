-- Cases that a person ends, disputes paid from two accounts, reserves that a late failure takes.

ALTER TABLE payment_cases
    DROP CONSTRAINT payment_cases_work_check,
    ADD CONSTRAINT payment_cases_work_check CHECK (work IN (
        'authorize', 'capture', 'void', 'refund', 'payout', 'dispute')),
    DROP CONSTRAINT payment_cases_amount_minor_check,
    ADD CONSTRAINT payment_cases_amount_minor_check CHECK (amount_minor >= 0),
    ADD COLUMN cause text NOT NULL DEFAULT 'outcome_unknown' CHECK (cause IN (
        'outcome_unknown', 'outcome_contradicted', 'void_refused', 'dispute_unmatched',
        'dispute_in_another_currency', 'dispute_exceeds_payment')),
    ADD COLUMN decided text CHECK (decided IN ('approved', 'failed')),  -- by hand
    ADD COLUMN watch_at timestamptz;  -- when the bank is asked whether it says so as well
CREATE INDEX payment_cases_watched ON payment_cases (watch_at) WHERE watch_at IS NOT NULL;

ALTER TABLE disputes
    ADD COLUMN suspense_minor bigint NOT NULL DEFAULT 0;  -- of the amount, from suspense
UPDATE disputes SET suspense_minor = amount_minor WHERE booked_to = 'suspense';
ALTER TABLE disputes
    ADD CONSTRAINT disputes_suspense_part CHECK (suspense_minor BETWEEN 0 AND amount_minor),
    DROP CONSTRAINT disputes_booked_to_check,
    ADD CONSTRAINT disputes_booked_to_check CHECK (booked_to IN ('payable', 'suspense', 'both'));

ALTER TABLE payment_reserves
    DROP CONSTRAINT payment_reserves_status_check,
    ADD CONSTRAINT payment_reserves_status_check CHECK (status IN ('held', 'released', 'taken'));
CREATE INDEX payment_reserves_payment ON payment_reserves (payment_id);

-- Whose text is erased with a customer's.
CREATE INDEX intents_customer ON intents (customer_id) WHERE customer_id IS NOT NULL;
CREATE INDEX payments_customer ON payments (customer_id) WHERE customer_id IS NOT NULL;
