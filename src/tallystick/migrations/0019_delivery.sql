-- Delivery: how far each reader of the log has come, who reads, and what could not be delivered.
-- None of this is business state: a position may fall back, since every effect is claimed. Hence
-- delivery writes here by itself, without the journal.

CREATE TABLE delivery_positions (
    reader    text        NOT NULL,
    lane      smallint    NOT NULL,
    position  bigint      NOT NULL CHECK (position >= 0),   -- all up to and with it is done
    moved_at  timestamptz NOT NULL,
    PRIMARY KEY (reader, lane)
) WITH (fillfactor = 50);

-- One process reads under one name at a time. `fence` counts the holders: a former one is told
-- apart by it, and can move no position.
CREATE TABLE delivery_leases (
    reader    text        PRIMARY KEY,
    holder    uuid        NOT NULL,
    fence     bigint      NOT NULL,
    until     timestamptz NOT NULL
) WITH (fillfactor = 50);

-- A fact that a consumer could not deliver, and those of its aggregate that wait behind it.
CREATE TABLE dead_letters (
    id               uuid        PRIMARY KEY,
    consumer         text        NOT NULL,
    aggregate_id     uuid        NOT NULL,
    version          integer     NOT NULL,
    kind             text        NOT NULL,
    lane             smallint    NOT NULL,
    position         bigint      NOT NULL,
    status           text        NOT NULL CHECK (status IN ('retrying', 'held', 'dead', 'delivered')),
    attempts         integer     NOT NULL,
    code             text,                                  -- why the last attempt failed
    detail           text,
    first_failed_at  timestamptz NOT NULL,
    due_at           timestamptz,                           -- when it is tried again
    ended_at         timestamptz,
    CONSTRAINT dead_letters_fact UNIQUE (consumer, aggregate_id, version),
    CONSTRAINT dead_letters_due CHECK ((status = 'retrying') = (due_at IS NOT NULL)),
    CONSTRAINT dead_letters_ended CHECK ((status = 'delivered') = (ended_at IS NOT NULL))
);
CREATE INDEX dead_letters_open ON dead_letters (consumer, aggregate_id, version)
    WHERE status <> 'delivered';
CREATE INDEX dead_letters_when_due ON dead_letters (consumer, due_at) WHERE status = 'retrying';
CREATE INDEX dead_letters_date ON dead_letters (first_failed_at DESC, id DESC);

GRANT SELECT ON delivery_positions, delivery_leases, dead_letters
    TO tallystick_writer, tallystick_reader;
GRANT INSERT, UPDATE ON delivery_positions, delivery_leases, dead_letters TO tallystick_writer;

-- What is to be settled: one record a captured payment, told by facts of its own.
CREATE TABLE settlement_records (
    id              uuid        PRIMARY KEY,
    version         integer     NOT NULL,
    payment_id      uuid        NOT NULL,
    payment_version integer     NOT NULL,                   -- the payment's last fact that is in it
    merchant_id     uuid        NOT NULL,
    currency        text        NOT NULL,
    status          text        NOT NULL CHECK (status IN ('pending', 'cancelled')),
    captured_minor  bigint      NOT NULL CHECK (captured_minor >= 0),
    fee_minor       bigint      NOT NULL,
    returned_minor  bigint      NOT NULL CHECK (returned_minor >= 0),
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    CONSTRAINT settlement_records_payment UNIQUE (payment_id)
) WITH (fillfactor = 80);
CREATE INDEX settlement_records_merchant ON settlement_records (merchant_id, created_at DESC)
    WHERE status = 'pending';

GRANT SELECT ON settlement_records TO tallystick_writer, tallystick_reader;
GRANT INSERT, UPDATE ON settlement_records TO tallystick_writer;
