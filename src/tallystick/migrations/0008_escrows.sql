-- Escrows: what their facts fold into. Columns stand in the order of the row's fields. Only the
-- journal writes here. Free text stands in `sealed` and `dispute_sealed`, under the buyer's key.

CREATE TABLE escrows (
    id               uuid        PRIMARY KEY,
    version          integer     NOT NULL,
    status           text        NOT NULL CHECK (
        status IN ('open', 'funded', 'disputed', 'completed', 'cancelled')),
    buyer_wallet_id  uuid        NOT NULL,
    buyer_id         uuid        NOT NULL,
    arbiter_id       uuid,                       -- null: the platform
    party_ids        jsonb       NOT NULL,       -- everybody who may see it
    account_id       uuid        NOT NULL,       -- its own ledger account
    amount_minor     bigint      NOT NULL CHECK (amount_minor > 0),
    currency         text        NOT NULL,
    funded_minor     bigint      NOT NULL,
    released_minor   bigint      NOT NULL,       -- to recipients and as fee
    fee_minor        bigint      NOT NULL,
    returned_minor   bigint      NOT NULL,       -- to the buyer
    terms_json       jsonb       NOT NULL,       -- recipients, parts, fee
    progress_json    jsonb       NOT NULL,       -- what each has been paid, parts released
    times_out_at     timestamptz,
    on_timeout       text        CHECK (on_timeout IN ('release', 'return')),
    delays           integer     NOT NULL,       -- of the time-out rule
    due_at           timestamptz,                -- when the time-out rule is carried out
    sealed           text,
    dispute_sealed   text,
    opened_at        timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    CONSTRAINT escrows_never_more_than_held CHECK (
        funded_minor >= 0 AND funded_minor <= amount_minor
        AND released_minor >= 0 AND returned_minor >= 0
        AND fee_minor >= 0 AND fee_minor <= released_minor
        AND released_minor + returned_minor <= funded_minor),
    CONSTRAINT escrows_end_empty CHECK (
        status NOT IN ('completed', 'cancelled')
        OR (released_minor + returned_minor = funded_minor AND due_at IS NULL)),
    CONSTRAINT escrows_hold_until_the_end CHECK (
        status NOT IN ('funded', 'disputed')
        OR (funded_minor = amount_minor AND released_minor + returned_minor < funded_minor)),
    CONSTRAINT escrows_time_out CHECK ((times_out_at IS NULL) = (on_timeout IS NULL)),
    CONSTRAINT escrows_rest_in_dispute CHECK (status <> 'disputed' OR due_at IS NULL)
) WITH (fillfactor = 70);
CREATE INDEX escrows_date ON escrows (opened_at DESC, id DESC);
CREATE INDEX escrows_parties ON escrows USING gin (party_ids);
CREATE INDEX escrows_due ON escrows (due_at) WHERE due_at IS NOT NULL;

GRANT SELECT ON escrows TO tallystick_writer, tallystick_reader;
GRANT INSERT, UPDATE ON escrows TO tallystick_writer;
