-- Payments through rails: what their facts fold into. Columns stand in the order of the rows'
-- fields. Only the journal writes here. Free text stands in `sealed`, under its subject's key.

CREATE TABLE intents (
    id                   uuid        PRIMARY KEY,
    version              integer     NOT NULL,
    merchant_id          uuid        NOT NULL,
    status               text        NOT NULL,
    amount_minor         bigint      NOT NULL CHECK (amount_minor > 0),
    currency             text        NOT NULL,
    payment_methods      json        NOT NULL,   -- the kinds that may pay it
    payment_method       text,                   -- the token
    capture_method       text        NOT NULL CHECK (capture_method IN ('automatic', 'manual')),
    priority             text        NOT NULL,
    payment_id           uuid,                   -- the latest payment
    payments             integer     NOT NULL,   -- how many were tried
    failure_code         text,
    cancellation_reason  text,
    sealed               text,
    expires_at           timestamptz NOT NULL,
    due_at               timestamptz,            -- when the expiry job looks at it
    created_at           timestamptz NOT NULL,
    updated_at           timestamptz NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX intents_merchant_status_date
    ON intents (merchant_id, status, created_at DESC, id DESC);
CREATE INDEX intents_due ON intents (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE payments (
    id                        uuid        PRIMARY KEY,
    version                   integer     NOT NULL,
    merchant_id               uuid        NOT NULL,
    intent_id                 uuid,
    status                    text        NOT NULL,
    amount_minor              bigint      NOT NULL CHECK (amount_minor > 0),
    currency                  text        NOT NULL,
    authorized_minor          bigint      NOT NULL,
    captured_minor            bigint      NOT NULL,
    refunded_minor            bigint      NOT NULL CHECK (refunded_minor >= 0),
    refund_pending_minor      bigint      NOT NULL CHECK (refund_pending_minor >= 0),
    fee_minor                 bigint      NOT NULL CHECK (fee_minor >= 0),
    fee_percent_bp            integer     NOT NULL,
    fee_fixed_minor           bigint      NOT NULL,
    payment_method            text        NOT NULL,
    capture_method            text        NOT NULL CHECK (capture_method IN ('automatic', 'manual')),
    priority                  text        NOT NULL,
    routes                    json        NOT NULL,  -- names, best first
    route                     text,                  -- of the latest attempt
    attempts                  json        NOT NULL,
    provider_reference        text,
    captures                  integer     NOT NULL,
    voids                     integer     NOT NULL,
    capture_closed            boolean     NOT NULL,
    failure_code              text,
    operation                 json,                  -- what runs at the provider
    sealed                    text,
    authorization_expires_at  timestamptz,
    due_at                    timestamptz,           -- when recovery or expiry looks at it
    created_at                timestamptz NOT NULL,
    updated_at                timestamptz NOT NULL,
    CONSTRAINT payments_refunded_captured_authorized CHECK (
        refunded_minor + refund_pending_minor <= captured_minor
        AND captured_minor <= authorized_minor
        AND authorized_minor <= amount_minor)
) WITH (fillfactor = 70);
CREATE INDEX payments_merchant_status_date
    ON payments (merchant_id, status, created_at DESC, id DESC);
CREATE INDEX payments_active ON payments (created_at) WHERE status IN ('pending', 'authorized');
CREATE INDEX payments_captured ON payments (merchant_id, amount_minor, status, created_at)
    WHERE status = 'captured';
CREATE INDEX payments_due ON payments (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE refunds (
    id                  uuid        PRIMARY KEY,
    version             integer     NOT NULL,
    merchant_id         uuid        NOT NULL,
    payment_id          uuid        NOT NULL,
    subject_id          uuid        NOT NULL,  -- whose key seals the free text
    status              text        NOT NULL,
    amount_minor        bigint      NOT NULL CHECK (amount_minor > 0),
    currency            text        NOT NULL,
    reason              text        NOT NULL,
    route               text        NOT NULL,
    reservation_id      uuid        NOT NULL,  -- the money held back until the provider's answer
    provider_reference  text,
    failure_code        text,
    operation           json,
    sealed              text,
    due_at              timestamptz,
    created_at          timestamptz NOT NULL,
    updated_at          timestamptz NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX refunds_payment ON refunds (payment_id, created_at);
CREATE INDEX refunds_due ON refunds (due_at) WHERE due_at IS NOT NULL;

GRANT SELECT ON intents, payments, refunds TO tallystick_writer, tallystick_reader;
GRANT INSERT, UPDATE ON intents, payments, refunds TO tallystick_writer;
