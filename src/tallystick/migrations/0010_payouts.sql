-- Payouts and top-ups: what their facts fold into, and how far a reader of the journal has come.
-- Columns stand in the order of the rows' fields. Only the journal writes here. A payout's
-- destination stands in `sealed`, under its owner's key.

CREATE TABLE payouts (
    id                  uuid        PRIMARY KEY,
    version             integer     NOT NULL,
    source              text        NOT NULL CHECK (source IN ('wallet', 'merchant')),
    owner_id            uuid        NOT NULL,
    account_id          uuid        NOT NULL,  -- the ledger account the money leaves
    status              text        NOT NULL CHECK (
        status IN ('pending', 'sent', 'paid', 'failed', 'returned')),
    amount_minor        bigint      NOT NULL CHECK (amount_minor > 0),
    currency            text        NOT NULL,
    method              text        NOT NULL CHECK (method IN ('bank_account', 'upi')),
    route               text        NOT NULL,
    reference           text        NOT NULL,  -- the provider knows it by this
    reservation_id      uuid        NOT NULL,  -- the money held back until the provider's answer
    sealed              text        NOT NULL,
    spent_on            date,                  -- the UTC day on whose limits it counts
    provider_reference  text,
    failure_code        text,                  -- why it failed or came back
    booked_to           text        NOT NULL CHECK (booked_to IN ('account', 'suspense')),
    asked_at            timestamptz NOT NULL,
    unknown             boolean     NOT NULL,
    checks              integer     NOT NULL,
    claim_id            uuid,
    paid_at             timestamptz,
    due_at              timestamptz,           -- when recovery looks at it
    created_at          timestamptz NOT NULL,
    updated_at          timestamptz NOT NULL,
    CONSTRAINT payouts_failed_with_a_reason CHECK (
        (status IN ('failed', 'returned')) = (failure_code IS NOT NULL)),
    CONSTRAINT payouts_paid_at_an_instant CHECK (
        (status IN ('paid', 'returned')) = (paid_at IS NOT NULL))
) WITH (fillfactor = 70);
CREATE INDEX payouts_owner ON payouts (owner_id, id DESC);
CREATE INDEX payouts_account ON payouts (account_id, id DESC);
CREATE INDEX payouts_due ON payouts (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE wallet_top_ups (
    id               uuid        PRIMARY KEY,  -- follows from the payment and its capture
    version          integer     NOT NULL,
    payment_id       uuid        NOT NULL,
    wallet_id        uuid        NOT NULL,
    from_account_id  uuid        NOT NULL,
    amount_minor     bigint      NOT NULL CHECK (amount_minor > 0),
    currency         text        NOT NULL,
    status           text        NOT NULL CHECK (status IN ('waiting', 'credited')),
    failure_code     text,                     -- why it waits
    posting_id       uuid,                     -- the change that moved the money
    due_at           timestamptz,              -- when it is tried again
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    CONSTRAINT wallet_top_ups_moved CHECK (
        (status = 'credited') = (posting_id IS NOT NULL)
        AND (status = 'waiting') = (due_at IS NOT NULL))
);
CREATE INDEX wallet_top_ups_payment ON wallet_top_ups (payment_id);
CREATE INDEX wallet_top_ups_due ON wallet_top_ups (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE journal_cursors (
    id        uuid        PRIMARY KEY,         -- follows from reader and lane
    version   integer     NOT NULL,
    reader    text        NOT NULL,
    lane      integer     NOT NULL,
    position  bigint      NOT NULL,
    moved_at  timestamptz NOT NULL
);

-- The wallet that a payment is to top up, if any.
ALTER TABLE payments ADD COLUMN wallet_id uuid;

GRANT SELECT ON payouts, wallet_top_ups, journal_cursors TO tallystick_writer, tallystick_reader;
GRANT INSERT, UPDATE ON payouts, wallet_top_ups, journal_cursors TO tallystick_writer;
