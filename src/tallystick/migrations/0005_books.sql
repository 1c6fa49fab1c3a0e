-- Currency exchange: rates, quotes and exchanges, as their facts fold. Columns stand in the order of
-- the rows' fields. Only the journal writes here.

CREATE TABLE exchange_rates (
    id             uuid        PRIMARY KEY,
    version        integer     NOT NULL,
    from_currency  text        NOT NULL,
    to_currency    text        NOT NULL,
    rate           text        NOT NULL,                  -- units of `to` for one of `from`
    valid_from     timestamptz NOT NULL,
    max_age_s      integer     CHECK (max_age_s > 0),     -- null: never too old
    set_by         uuid,
    set_at         timestamptz NOT NULL,
    CONSTRAINT exchange_rates_two_currencies CHECK (from_currency <> to_currency)
);
CREATE INDEX exchange_rates_pair
    ON exchange_rates (from_currency, to_currency, valid_from DESC, set_at DESC, id DESC);
CREATE INDEX exchange_rates_date ON exchange_rates (set_at DESC, id DESC);

CREATE TABLE exchange_quotes (
    id              uuid        PRIMARY KEY,
    version         integer     NOT NULL,
    requester_id    uuid        NOT NULL,                 -- a merchant, or the platform
    rate_id         uuid        NOT NULL,
    from_currency   text        NOT NULL,
    to_currency     text        NOT NULL,
    rate            text        NOT NULL,
    inverse         boolean     NOT NULL,                 -- the rate was set from `to` to `from`
    numerator       bigint      NOT NULL CHECK (numerator > 0),    -- minor units of `to` ...
    denominator     bigint      NOT NULL CHECK (denominator > 0),  -- ... for these of `from`
    fixed_side      text        NOT NULL CHECK (fixed_side IN ('source', 'target')),
    source_minor    bigint      NOT NULL CHECK (source_minor > 0),
    target_minor    bigint      NOT NULL CHECK (target_minor > 0),
    rounding_minor  bigint      NOT NULL CHECK (rounding_minor IN (0, 1)),
    expires_at      timestamptz NOT NULL,
    created_at      timestamptz NOT NULL,
    posting_id      uuid,                                 -- the change that exchanged by it
    used_at         timestamptz,
    CONSTRAINT exchange_quotes_two_currencies CHECK (from_currency <> to_currency),
    CONSTRAINT exchange_quotes_used CHECK ((posting_id IS NULL) = (used_at IS NULL))
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX exchange_quotes_posting ON exchange_quotes (posting_id)
    WHERE posting_id IS NOT NULL;

CREATE TABLE exchanges (
    id                 uuid        PRIMARY KEY,           -- the change's
    version            integer     NOT NULL,
    quote_id           uuid        NOT NULL,
    debit_account_id   uuid        NOT NULL,
    credit_account_id  uuid        NOT NULL,
    from_currency      text        NOT NULL,
    to_currency        text        NOT NULL,
    source_minor       bigint      NOT NULL CHECK (source_minor > 0),
    target_minor       bigint      NOT NULL CHECK (target_minor > 0),
    rounding_minor     bigint      NOT NULL CHECK (rounding_minor IN (0, 1)),
    created_at         timestamptz NOT NULL
);
CREATE UNIQUE INDEX exchanges_quote ON exchanges (quote_id);
CREATE INDEX exchanges_debit ON exchanges (debit_account_id, created_at DESC, id DESC);
CREATE INDEX exchanges_credit ON exchanges (credit_account_id, created_at DESC, id DESC);
CREATE INDEX exchanges_date ON exchanges (created_at DESC, id DESC);

GRANT SELECT ON exchange_rates, exchange_quotes, exchanges TO tallystick_writer, tallystick_reader;
GRANT INSERT, UPDATE ON exchange_rates, exchange_quotes, exchanges TO tallystick_writer;
