-- Disputes: what their facts fold into, how far each route's disputes are read, and the evidence.
-- Columns stand in the order of the rows' fields. Only the journal writes here, but for the
-- documents: they are too large for a fact, which keeps their digest.

ALTER TABLE payments ADD COLUMN disputed_minor bigint NOT NULL DEFAULT 0;      -- set aside
ALTER TABLE payments ADD COLUMN charged_back_minor bigint NOT NULL DEFAULT 0;  -- of lost ones
ALTER TABLE payments ADD CONSTRAINT payments_disputed_captured CHECK (
    disputed_minor >= 0 AND charged_back_minor >= 0
    AND refunded_minor + refund_pending_minor + disputed_minor + charged_back_minor
        <= captured_minor);

CREATE TABLE disputes (
    id                   uuid        PRIMARY KEY,  -- follows from the payment and the provider's id
    version              integer     NOT NULL,
    merchant_id          uuid        NOT NULL,
    payment_id           uuid        NOT NULL,
    subject_id           uuid        NOT NULL,  -- whose key seals the free text and the evidence
    route                text        NOT NULL,
    provider_dispute_id  text        NOT NULL,
    status               text        NOT NULL CHECK (status IN (
        'needs_response', 'under_review', 'won', 'lost', 'accepted', 'expired')),
    amount_minor         bigint      NOT NULL CHECK (amount_minor > 0),
    currency             text        NOT NULL,
    fee_minor            bigint      NOT NULL CHECK (fee_minor >= 0),
    reason               text        NOT NULL,
    booked_to            text        NOT NULL CHECK (booked_to IN ('payable', 'suspense')),
    posting_id           uuid        NOT NULL,  -- the change that set the amount aside
    evidence             json        NOT NULL,  -- the documents: kind, type, size, digest
    response             text        CHECK (response IN ('evidence', 'acceptance')),
    delivered            boolean     NOT NULL,  -- the bank has the answer
    sealed               text,
    claim_id             uuid,
    checks               integer     NOT NULL,
    evidence_due_by      timestamptz NOT NULL,
    answered_at          timestamptz,
    closed_at            timestamptz,
    due_at               timestamptz,           -- when the bank is asked
    opened_at            timestamptz NOT NULL,  -- by the provider
    created_at           timestamptz NOT NULL,
    updated_at           timestamptz NOT NULL,
    CONSTRAINT disputes_closed_at_an_instant CHECK (
        (status IN ('needs_response', 'under_review')) = (closed_at IS NULL)),
    CONSTRAINT disputes_answered_at_an_instant CHECK (
        (response IS NULL) = (answered_at IS NULL))
) WITH (fillfactor = 70);
CREATE INDEX disputes_merchant ON disputes (merchant_id, created_at DESC, id DESC);
CREATE INDEX disputes_latest ON disputes (created_at DESC, id DESC);
CREATE INDEX disputes_provider ON disputes (route, provider_dispute_id);
CREATE INDEX disputes_payment ON disputes (payment_id, created_at);
CREATE INDEX disputes_due ON disputes (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE dispute_feeds (
    id       uuid        PRIMARY KEY,           -- follows from the route
    version  integer     NOT NULL,
    route    text        NOT NULL,
    place    bigint      NOT NULL,              -- all disputes up to here are recorded
    read_at  timestamptz NOT NULL
);

CREATE TABLE dispute_documents (
    id          uuid        PRIMARY KEY,        -- follows from the dispute and the content
    dispute_id  uuid        NOT NULL,
    sealed      bytea       NOT NULL CHECK (octet_length(sealed) BETWEEN 1 AND 4194304),
    added_at    timestamptz NOT NULL
);
CREATE INDEX dispute_documents_dispute ON dispute_documents (dispute_id);

GRANT SELECT ON disputes, dispute_feeds, dispute_documents TO tallystick_writer, tallystick_reader;
GRANT INSERT, UPDATE ON disputes, dispute_feeds TO tallystick_writer;
GRANT INSERT ON dispute_documents TO tallystick_writer;
