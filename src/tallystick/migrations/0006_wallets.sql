-- Wallets, the limits of their tiers, and holds: what their facts fold into. Columns stand in the
-- order of the rows' fields. Only the journal writes here. Balances stand in the ledger alone.

CREATE TABLE wallets (
    id                 uuid        PRIMARY KEY,           -- where its facts stand
    version            integer     NOT NULL,
    wallet_id          uuid        NOT NULL,              -- its ledger account
    owner_id           uuid        NOT NULL,
    owner_kind         text        NOT NULL CHECK (owner_kind IN ('user', 'merchant')),
    currency           text        NOT NULL,
    status             text        NOT NULL CHECK (status IN ('active', 'frozen', 'closed')),
    frozen             text        NOT NULL CHECK (frozen IN ('no', 'outflow', 'all')),
    tier               text        NOT NULL,
    spent_on           date        NOT NULL,              -- UTC
    spent_day_minor    bigint      NOT NULL CHECK (spent_day_minor >= 0),
    spent_month        date        NOT NULL,              -- the first of the month
    spent_month_minor  bigint      NOT NULL CHECK (spent_month_minor >= spent_day_minor),
    opened_at          timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL,
    CONSTRAINT wallets_frozen CHECK ((status = 'frozen') = (frozen <> 'no'))
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX wallets_wallet ON wallets (wallet_id);
CREATE INDEX wallets_owner ON wallets (owner_id, currency);
CREATE INDEX wallets_date ON wallets (opened_at DESC, wallet_id DESC);

CREATE TABLE wallet_tiers (
    id             uuid        PRIMARY KEY,               -- follows from name and currency
    version        integer     NOT NULL,
    name           text        NOT NULL,
    currency       text        NOT NULL,
    daily_minor    bigint      CHECK (daily_minor >= 0),  -- null: without limit
    monthly_minor  bigint      CHECK (monthly_minor >= 0),
    balance_minor  bigint      CHECK (balance_minor >= 0),
    updated_at     timestamptz NOT NULL
);

CREATE TABLE wallet_holds (
    id              uuid        PRIMARY KEY,
    version         integer     NOT NULL,
    wallet_id       uuid        NOT NULL,
    status          text        NOT NULL CHECK (
        status IN ('active', 'captured', 'released', 'expired')),
    amount_minor    bigint      NOT NULL CHECK (amount_minor > 0),
    captured_minor  bigint      NOT NULL CHECK (captured_minor >= 0),
    returned_minor  bigint      NOT NULL CHECK (returned_minor >= 0),
    currency        text        NOT NULL,
    to_account_id   uuid        NOT NULL,
    to_wallet_id    uuid,
    to_merchant_id  uuid,
    reference       text,
    reservation_id  uuid        NOT NULL,
    spent_on        date        NOT NULL,                 -- the day on whose limits it counts
    expires_at      timestamptz NOT NULL,
    due_at          timestamptz,                          -- when the expiry job looks at it
    placed_at       timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    CONSTRAINT wallet_holds_whole CHECK (
        captured_minor + returned_minor <= amount_minor
        AND (status = 'active') = (captured_minor + returned_minor < amount_minor)
        AND (status = 'active') = (due_at IS NOT NULL))
) WITH (fillfactor = 70);
CREATE INDEX wallet_holds_wallet ON wallet_holds (wallet_id, placed_at DESC, id DESC);
CREATE INDEX wallet_holds_merchant ON wallet_holds (to_merchant_id, placed_at DESC, id DESC)
    WHERE to_merchant_id IS NOT NULL;
CREATE INDEX wallet_holds_date ON wallet_holds (placed_at DESC, id DESC);
CREATE INDEX wallet_holds_due ON wallet_holds (due_at) WHERE due_at IS NOT NULL;

GRANT SELECT ON wallets, wallet_tiers, wallet_holds TO tallystick_writer, tallystick_reader;
GRANT INSERT, UPDATE ON wallets, wallet_tiers, wallet_holds TO tallystick_writer;
