-- Identity: who takes payments here, and with which keys. Both tables are folded from facts.

CREATE TABLE merchants (
    id               uuid        PRIMARY KEY,
    version          integer     NOT NULL,
    external_id      text        UNIQUE,        -- the merchant's own name for itself: merchant_123
    name_sealed      text        NOT NULL,      -- free text, sealed under the merchant's key
    currencies       json        NOT NULL,      -- ["INR", ...]: a payable account stands for each
    fee_percent_bp   integer     NOT NULL CHECK (fee_percent_bp BETWEEN 0 AND 10000),
    fee_fixed_minor  bigint      NOT NULL CHECK (fee_fixed_minor >= 0),
    created_at       timestamptz NOT NULL
);

CREATE TABLE api_keys (
    id           uuid        PRIMARY KEY,
    version      integer     NOT NULL,
    merchant_id  uuid,                          -- null: an operator of the platform
    name_sealed  text        NOT NULL,
    permissions  json        NOT NULL,
    digest       bytea       NOT NULL CHECK (length(digest) = 32),   -- never the key itself
    test_mode    boolean     NOT NULL,
    created_at   timestamptz NOT NULL,
    revoked_at   timestamptz
);
CREATE INDEX api_keys_merchant ON api_keys (merchant_id, created_at);

GRANT SELECT ON merchants, api_keys TO tallystick_reader, tallystick_writer;
GRANT INSERT, UPDATE ON merchants, api_keys TO tallystick_writer;
