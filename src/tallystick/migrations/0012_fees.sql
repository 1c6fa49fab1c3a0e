-- Fee plans, the terms each payment keeps of them, and reserves that merchants get later.

CREATE TABLE fee_plans (
    id             uuid        PRIMARY KEY,
    version        integer     NOT NULL,
    owner_id       uuid        NOT NULL,   -- a merchant, or the platform
    currency       text        NOT NULL,
    method         text        NOT NULL CHECK (method IN ('any', 'card', 'upi', 'wallet')),
    percent_bp     integer     NOT NULL CHECK (percent_bp BETWEEN 0 AND 10000),
    fixed_minor    bigint      NOT NULL CHECK (fixed_minor >= 0),
    minimum_minor  bigint      NOT NULL CHECK (minimum_minor >= 0),
    cap_minor      bigint      CHECK (cap_minor >= minimum_minor),
    tax_bp         integer     NOT NULL CHECK (tax_bp BETWEEN 0 AND 10000),
    reserve_bp     integer     NOT NULL CHECK (reserve_bp BETWEEN 0 AND 10000),
    reserve_days   integer     NOT NULL CHECK ((reserve_days > 0) = (reserve_bp > 0)),
    on_refund      text        NOT NULL CHECK (on_refund IN ('kept', 'returned')),
    valid_from     timestamptz NOT NULL,
    set_by         uuid,
    set_at         timestamptz NOT NULL
);
CREATE INDEX fee_plans_standing ON fee_plans (owner_id, currency, method, valid_from DESC);

CREATE TABLE payment_reserves (
    id            uuid        PRIMARY KEY,
    version       integer     NOT NULL,
    merchant_id   uuid        NOT NULL,
    payment_id    uuid        NOT NULL,
    status        text        NOT NULL CHECK (status IN ('held', 'released')),
    amount_minor  bigint      NOT NULL CHECK (amount_minor > 0),
    currency      text        NOT NULL,
    held_by       uuid        NOT NULL,   -- the change that captured
    released_by   uuid,
    due_at        timestamptz,            -- when the job releases it
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL
);
CREATE INDEX payment_reserves_due ON payment_reserves (due_at) WHERE due_at IS NOT NULL;

GRANT SELECT ON fee_plans, payment_reserves TO tallystick_writer, tallystick_reader;
GRANT INSERT, UPDATE ON fee_plans, payment_reserves TO tallystick_writer;

-- NULL is the common case: nothing but a percentage and a fixed part.
ALTER TABLE payments ADD COLUMN fee_terms json;  -- the plan as it was when the payment was made
ALTER TABLE payments ADD COLUMN charges json;    -- tax and reserve so far, and what refunds gave back
ALTER TABLE refunds ADD COLUMN fee_minor bigint NOT NULL DEFAULT 0;  -- of it, the platform gives
ALTER TABLE refunds ADD COLUMN tax_minor bigint NOT NULL DEFAULT 0;
ALTER TABLE refunds ADD COLUMN advance_minor bigint NOT NULL DEFAULT 0;  -- the merchant had not got
CREATE INDEX refunds_advanced ON refunds (merchant_id, currency) WHERE advance_minor > 0;
